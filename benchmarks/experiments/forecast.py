"""Runs to their end, each beside its forecast: time, memory and disk foretold over what was true.

    .venv/bin/python -m benchmarks.experiments.forecast              about 15 minutes on two idle cores
    .venv/bin/python -m benchmarks.experiments.forecast pix2pix-64   one row

Status 1 where a figure is more than 20 % off. Figures of time count on a machine that does nothing else: the load at
the beginning of each row is printed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from i2i.datasets.synthetic.samples import SAMPLES

from ..memory import ROOT

WITHIN = 0.2
SMALL = ("--set=generator.width=16", "--set=discriminator.width=16")
ROWS: dict[str, tuple[str, str, int, tuple[str, ...]]] = {
    "pix2pix-64": ("pix2pix", "facades", 2400, ("--size", "64", "--batch", "4", *SMALL)),
    "pix2pix-128": ("pix2pix", "facades", 640, ("--preset", "fast")),
    "pix2pix-256": ("pix2pix", "facades", 120, ("--batch", "1", *SMALL)),
    "cyclegan-64": ("cyclegan", "seasons", 600, ("--size", "64", "--batch", "2", *SMALL)),
    "cyclegan-128": ("cyclegan", "seasons", 240, ("--size", "128", *SMALL)),
    "cyclegan-unet": ("cyclegan", "seasons", 480, ("--size", "64", "--set=generator.name=unet64", *SMALL)),
    "discogan-64": ("discogan", "shapes", 3200, ("--size", "64", "--batch", "16", *SMALL)),
    "discogan-wide": ("discogan", "shapes", 3200, ("--size", "64", "--batch", "8")),
    "discogan-128": ("discogan", "seasons", 4800, ("--size", "128", "--batch", "8", *SMALL)),
    "srgan-x4": ("srgan", "superres", 9600, ("--preset", "fast", "--batch", "8", "--set=ema.images=500", *SMALL)),
    "srgan-x2": (
        *("srgan", "superres", 8000),
        ("--scale", "2", "--size", "64", "--batch", "8", "--set=generator.name=compact", *SMALL),
    ),
    "srgan-both": (
        *("srgan", "superres", 2400),
        ("--size", "64", "--batch", "4", "--set=generator.name=compact", "--set=gan_images=1200", *SMALL),
    ),
    "gan-dcgan": ("gan", "superres", 38400, ("--preset", "dcgan-small")),
}
"""Method, sample pictures, images of the first stage and what else is typed, by name."""


def row(name: str, folder: Path) -> dict[str, tuple[float, float]]:
    """What was foretold and what was true, by figure, of a whole run."""
    method, sample, images, typed = ROWS[name]
    data, run = folder / sample, folder / "runs" / name
    if not data.exists():
        SAMPLES[sample].write(data, count=40, size=SAMPLES[sample].size)
    command = [sys.executable, "-m", "i2i", "train", method, str(data), "--run", str(run), "--images", str(images)]
    done = subprocess.run([*command, *typed], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        raise SystemExit(f"{name} ended with status {done.returncode}: {done.stderr.strip().splitlines()[-1]}")
    told = json.loads((run / "environment.json").read_text())["forecast"]
    return {key: (told[key], told["truth"][key]) for key in ("seconds", "memory_mb", "disk_mb")}


def main() -> None:
    """A row for each name that is asked for, or for all."""
    wrong = 0
    print("| setting | time, s | true | ratio | memory, MB | true | ratio | disk, MB | true | ratio | load |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="i2i-forecast-proof-") as folder:
        for name in sys.argv[1:] or ROWS:
            load = os.getloadavg()[0]
            cells = []
            for told, true in row(name, Path(folder)).values():
                cells.append(f"{told:.0f} | {true:.0f} | {told / true:.2f}")
                wrong += abs(told / true - 1) > WITHIN
            print(f"| {name} | {' | '.join(cells)} | {load:.1f} |", flush=True)
    print(f"{wrong} figures are more than {WITHIN:.0%} off.")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
