"""Conversions under limits of memory: `python -m benchmarks.experiments.memory_ladder MODEL`.

A folder of pictures of very different sizes is converted under each limit of data (`ulimit -d`), each picture alone
as well. No run may end by a signal, and what is written alone has to be written in the folder too.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from ..command import end_with
from ..memory import ROOT
from .large_pictures import picture

MEGAPIXELS = (0.05, 8, 0.5, 2)
"""In the order in which they are converted: a large one early, so that what it leaves behind is met by others."""


def converted(model: Path, source: Path, target: Path, limit: int, options: Sequence[str]) -> tuple[int, int, str]:
    """Exit status, files written and what was said last of a conversion with `limit` MB of data."""
    done = subprocess.run(
        [sys.executable, "-m", "i2i", "convert", str(model), str(source), str(target), "--progress", "none", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit * 10**6, limit * 10**6)),
    )
    written = len([path for path in target.rglob("*.*") if path.suffix == ".png"]) if target.is_dir() else 0
    said = (done.stdout + done.stderr).strip().splitlines()
    return done.returncode, written, said[-1] if said else ""


def main() -> int:
    """A line for each limit; status 1 when any run ended by a signal or a picture was lost in the folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiments.memory_ladder", description=__doc__)
    parser.add_argument("model", type=Path, help="ONNX file with a card")
    parser.add_argument("--limits", type=int, nargs="+", metavar="MB", default=[*range(500, 2100, 100)])
    parser.add_argument("--megapixels", type=float, nargs="+", metavar="N", default=list(MEGAPIXELS))
    parser.add_argument("--alone", action="store_true", help="each picture by itself as well")
    parser.add_argument("--options", nargs=argparse.REMAINDER, default=[], help="of i2i convert, as the last words")
    asked = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in"
        source.mkdir()
        for n, megapixels in enumerate(asked.megapixels):
            Image.fromarray(picture(megapixels)).save(source / f"{n}-{megapixels:g}.png", compress_level=1)
        model = asked.model.resolve()
        for limit in asked.limits:
            status, written, said = converted(model, source, Path(folder) / f"out{limit}", limit, asked.options)
            alone = 0
            for path in sorted(source.iterdir()) if asked.alone else ():
                one = converted(model, path, Path(folder) / f"alone{limit}-{path.stem}.png", limit, asked.options)
                alone += one[0] == 0
                bad += one[0] < 0
            bad += status < 0 or alone > written
            compared = f", {alone} alone" if asked.alone else ""
            print(
                f"{limit} MB: status {status}, {written} of {len(asked.megapixels)} written{compared}; {said}",
                flush=True,
            )
    return int(bad > 0)


if __name__ == "__main__":
    end_with(main)
