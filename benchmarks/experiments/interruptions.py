"""Twenty kill -9 at random moments for every method, with all that has a state; each life has other workers.

    .venv/bin/python -m benchmarks.experiments.interruptions            all, 34 minutes and those of gan
    .venv/bin/python -m benchmarks.experiments.interruptions pix2pix    one row

Prints a row each with both SHA-256 digests of the final weights; status 1 where two differ.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from i2i.datasets.synthetic.samples import SAMPLES
from i2i.workflows.request import Request
from i2i.workflows.resuming import Trial, Verdict, verify_resume

KILLS, STEPS, SIZE = 20, 60, 64
SMALL: dict[str, Any] = {
    "size": SIZE,
    "batch": 2,
    "generator": {"width": 4},
    "discriminator": {"width": 4},
    "ema": {"images": 50},
}
ADVERSARIAL: dict[str, Any] = {"gan": {"pool": 8, "ada": True, "ada_images": 20, "augment": ["colour", "translation"]}}
"""What has a state of its own beside the networks: the pool of old fakes, and ADA's probability. From noise there are
the level that grows, whether D rests, the mean of w and that of path lengths, too."""
ROWS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "pix2pix": ("pix2pix", "facades", {**SMALL, **ADVERSARIAL, "generator": {"width": 4, "dropout": 0.5}}),
    "cyclegan": ("cyclegan", "seasons", {**SMALL, **ADVERSARIAL, "generator": {"width": 4, "dropout": 0.5}}),
    "discogan": ("discogan", "shapes", {**SMALL, **ADVERSARIAL}),
    "srgan, pixel stage": ("srgan", "superres", {**SMALL, "generator": {"blocks": 1, "width": 8}}),
    "srgan, both stages": (
        *("srgan", "superres"),
        {
            **SMALL,
            "generator": {"blocks": 1, "width": 8},
            "gan": {**ADVERSARIAL["gan"], "loss": "non_saturating"},  # ADA needs D's signs
            "gan_images": 1,
            "lambda_perceptual": 0,
        },
    ),
    "gan": ("gan", "superres", {**SMALL, **ADVERSARIAL, "size": 32, "minibatch_kernels": 3, "d_rests_above": 0.8}),
    "gan, growing": (
        *("gan", "superres"),
        {
            **SMALL,
            "size": 32,
            "fresh_fakes": True,
            "generator": {"name": "progan", "base": 64, "most": 16, "latent": 8},
            "discriminator": {"name": "progan", "base": 64, "most": 16},
            "gan": {"loss": "wasserstein", "gradient_penalty": 10, "drift": 0.001, "pool": 8},
        },
    ),
    "gan, styles": (
        *("gan", "superres"),
        {
            **SMALL,
            "size": 32,
            "fresh_fakes": True,
            "mixing": 0.9,
            "path_length": 2,
            "generator": {"name": "stylegan2", "base": 64, "most": 16, "latent": 8, "style": 8, "layers": 2},
            "discriminator": {"name": "stylegan2", "base": 64, "most": 16},
            "gan": {"r1": 1, "penalty_every": 4, "augment": ["bgc"], "ada": True, "ada_images": 20},
        },
    ),
}
"""Method, sample pictures and settings by name."""


class Forked:
    """A life that is forked from a server which has loaded torch, so that it begins at once."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.file = Path(tempfile.mkstemp(suffix=".txt")[1])
        self.process = _server().Process(target=_run, args=(str(self.file), list(arguments)))
        self.process.start()

    def status(self) -> int | None:
        """Its exit status, or None."""
        return self.process.exitcode

    def kill(self) -> None:
        """Kill it, if it lives."""
        self.process.kill()
        self.process.join(60)

    def said(self) -> str:
        """All that it said."""
        return self.file.read_text("utf-8", errors="replace")


def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["albumentations", "i2i.workflows.train"])
    return context


def _run(file: str, arguments: list[str]) -> None:
    from i2i.commands import main

    handle = os.open(file, os.O_WRONLY | os.O_APPEND)
    for number in (1, 2):
        os.dup2(handle, number)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process kills this one
    multiprocessing.set_start_method("fork", force=True)  # of its own processes, as if it had been begun by itself
    sys.argv = ["i2i", *arguments]
    main()


def prove(name: str, place: Path, kills: int = KILLS, seed: int = 0, steps: int = STEPS) -> Verdict:
    """The row `name`, with sample pictures painted into `place`."""
    method, sample, given = ROWS[name]
    data = place / sample
    if not data.exists():
        SAMPLES[sample].write(data, count=12, size=SIZE if sample == "shapes" else 2 * SIZE)
    request = Request(method, data, place / "none", assignments=given)
    trial = Trial(request, "cpu", 2, 2 if given.get("gan_images") else 1, 0, steps, Forked)
    return verify_resume(trial, kills, seed, place=place)


def main() -> None:
    """Print a row for each name that is asked for, or for all."""
    chosen = sys.argv[1:] or list(ROWS)
    failed = False
    with tempfile.TemporaryDirectory(prefix="i2i-interruptions-") as folder:
        for name in chosen:
            began = time.monotonic()
            verdict = prove(name, Path(folder))
            failed |= not verdict.equal
            print(
                f"{name}: {'equal' if verdict.equal else 'NOT equal'}, {verdict.kills} kills, "
                f"{verdict.while_saving} while something was being written, {time.monotonic() - began:.0f} s\n"
                f"  unbroken {verdict.unbroken}\n  resumed  {verdict.resumed}",
                flush=True,
            )
    sys.exit(failed)


if __name__ == "__main__":
    main()
