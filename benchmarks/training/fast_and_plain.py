"""Whether speed costs quality: `python -m benchmarks.training.fast_and_plain` trains both ways from several seeds.

Fast is `i2i train` as it comes on this machine (bf16 where it is quick, channels-last, our kernels); plain is the same
in fp32 with torch's own layers and orders in memory. Each seed of either way is a run of its own on painted facades,
and its exported file is scored on the test pairs. Writes the table of docs/training/speed.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

from i2i.datasets.synthetic.samples import SAMPLES

from ..command import end_with
from ..processes import alone
from ..results import ROOT, facts, publish, writable

PAGE = ROOT / "docs" / "training" / "speed.md"
MARK = "<!-- measured: written by python -m benchmarks.training.fast_and_plain -->"
WAYS = ("fast", "plain")
METRICS = ("l1", "ssim", "psnr")
SIZE, BATCH, WIDTH = 64, 4, 48


def trained(way: str, seed: int, data: str, folder: str, images: int, width: int) -> dict[str, float]:
    """The scores of a run, and its seconds of training; what is there already is gone on from."""
    import i2i
    from i2i.networks.kernels import use_kernels

    run = Path(folder) / f"{way}{seed}-{images}-{width}-{Path(data).name}"
    scores = run / "scores_of_run.json"
    if not scores.exists():
        with use_kernels(way == "fast"):
            i2i.train(
                "pix2pix", data, run=run, say=None, progress=lambda _: None, size=SIZE, batch=BATCH, images=images,
                seed=seed, precision="auto" if way == "fast" else "fp32", generator={"width": width},
                discriminator={"width": width}, log={"trackers": [], "samples": images},
            )  # fmt: skip
        result = i2i.evaluate(run, data, metrics=METRICS)
        found = {name: float(result.value(name)) for name in METRICS}
        last = json.loads((run / "log.jsonl").read_text("utf-8").splitlines()[-1])
        scores.write_text(json.dumps({**found, "seconds": last["seconds"]}), "utf-8")
    read: dict[str, float] = json.loads(scores.read_text("utf-8"))
    return read


def table(found: dict[str, list[dict[str, float]]], images: int) -> str:
    """A way a line: each seed's score."""
    lines = [
        f"| {len(found['fast'])} seeds, {images} images | L1 | SSIM | PSNR, dB |",
        "|---|---|---|---|",
    ]
    for way, runs in found.items():
        cells = [", ".join(f"{run[name]:{digits}}" for run in runs) for name, digits in DIGITS.items()]
        lines.append(f"| {way} | {' | '.join(cells)} |")
    words = []
    for name in METRICS:
        ours, theirs = ([run[name] for run in found[way]] for way in WAYS)
        overlap = min(ours) <= max(theirs) and min(theirs) <= max(ours)
        gap = statistics.mean(ours) - statistics.mean(theirs)
        words.append(f"{name} {'overlaps' if overlap else 'does not overlap'} (means differ by {gap:+.2g})")
    return "\n".join(lines) + f"\n\nFast less plain: {'; '.join(words)}.\n"


DIGITS = {"l1": ".4f", "ssim": ".3f", "psnr": ".2f"}


def main() -> int:
    """Train, score, show, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training.fast_and_plain", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "fast_and_plain", metavar="DIR", help="the runs")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="of either way (3)")
    parser.add_argument("--images", type=int, default=1600, metavar="N", help="length of a run (1600)")
    parser.add_argument("--count", type=int, default=200, metavar="N", help="training pairs (200)")
    parser.add_argument("--width", type=int, default=WIDTH, metavar="N", help=f"of the networks ({WIDTH})")
    parser.add_argument("--page", type=Path, default=PAGE, metavar="FILE", help="the page whose table is rewritten")
    asked = parser.parse_args()
    page: Any = writable(asked.page, MARK)
    environment = facts(" ".join(["python -m benchmarks.training.fast_and_plain", *sys.argv[1:]]))
    data = asked.out / f"facades{asked.count}"
    if not data.exists():
        SAMPLES["facades"].write(data, asked.count, SIZE, 0)
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for seed in range(asked.seeds):
        for way, runs in found.items():
            given = (way, seed, str(data), str(asked.out), asked.images, asked.width)
            runs.append(alone(trained, *given))
            print(f"{way}, seed {seed}: {runs[-1]}", flush=True)
    publish(table(found, asked.images), environment, page, MARK)
    return 0


if __name__ == "__main__":
    end_with(main)
