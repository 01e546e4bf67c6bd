"""Time and memory of large pictures, whole and in parts: `python -m benchmarks.experiments.large_pictures MODEL`.

Every figure is of a process of its own, which translates one picture as `i2i convert` does, decoded before and not
encoded. Its memory is all that the process ever held, libraries and weights included. With `--turns` one picture is
computed whole and in parts in turns in one process, and the ratio of the medians is what is said.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from ..command import end_with
from ..memory import ROOT, peak

WAYS = ("whole", "auto")
"""`whole` is `--tile off`; `auto` is what is chosen for the memory that it may take."""


def picture(megapixels: float) -> np.ndarray:
    """(H, W, 3) of 3:2, uint8: slopes, edges and a little noise, another in every part."""
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    width = round(height * 1.5)
    rng = np.random.default_rng(0)
    made = np.empty((height, width, 3), np.uint8)
    columns = np.arange(width)
    for row in range(height):
        base = 128 + 60 * np.sin(columns / 97 + row / 211) + 40 * ((columns // 173 + row // 131) % 2)
        made[row] = np.clip(base[:, None] + rng.normal(0, 3, (width, 3)), 0, 255)
    return made


def measured(model: Path, way: str, megapixels: float, memory: str | None, device: str) -> dict[str, object]:
    """One picture, in this process."""
    from i2i.images.image import Picture
    from i2i.serving import Engine
    from i2i.serving.inference.memory import parse_memory

    engine = Engine(model, device=device, tile="off" if way == "whole" else "auto", memory=parse_memory(memory))
    given = Picture(picture(megapixels))
    began, worked = time.monotonic(), time.process_time()
    engine.translate(given)
    seconds, processor = time.monotonic() - began, time.process_time() - worked
    return {"provider": engine.provider, "seconds": seconds, "processor": processor, "peak_mb": peak()}


def in_turns(model: Path, megapixels: float, device: str, turns: int) -> str:
    """How many times a whole run's time parts take, on the clock and of the processors; each is run once before."""
    from i2i.images.image import Picture
    from i2i.serving import Engine
    from i2i.serving.tuning.tile_check import in_parts

    engine = Engine(model, device=device, precision="fp32")
    feeds = {name: np.asarray(array) for name, array in engine.prepare(Picture(picture(megapixels))).feeds.items()}
    by_size = engine.executor
    parts, name, _ = in_parts(by_size, *feeds["image"].shape[2:])
    times: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    answers = {}
    for _ in range(turns + 1):
        for is_whole, executor in ((True, by_size.whole), (False, parts)):
            began, worked = time.monotonic(), time.process_time()
            answers[is_whole] = executor.run(feeds)
            times[is_whole].append((time.monotonic() - began, time.process_time() - worked))
    whole, in_pieces = (np.median(times[each][1:], axis=0) for each in (True, False))
    clock, processor = in_pieces / whole
    off = np.abs(answers[True] - answers[False]).max() * 255
    return (
        f"whole {whole[0]:.1f} s, in {name} {in_pieces[0]:.1f} s: {clock:.2f} times, {processor:.2f} of processors; "
        f"{off:.4f} of 255 apart; on {engine.provider}"
    )


def in_process(arguments: list[str], timeout: float) -> str:
    """A line of the table's figures, or why there are none."""
    command = [sys.executable, "-m", "benchmarks.experiments.large_pictures", *arguments, "--here"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return f"more than {timeout:.0f} s"
    if done.returncode < 0:
        return f"ended by signal {-done.returncode}"
    if done.returncode:
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "failed in silence"
    found = json.loads(done.stdout.splitlines()[-1])
    times = f"{found['seconds']:.1f} s ({found['processor']:.1f} s of processors)"
    return f"{times}, {found['peak_mb']:.0f} MB on {found['provider']}"


def main() -> int:
    """Rows of megapixels and ways."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiments.large_pictures", description=__doc__)
    parser.add_argument("model", type=Path, help="ONNX file with a card")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 4, 24], metavar="N")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--memory", metavar="SIZE", help="as of i2i convert")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--timeout", type=float, default=3600, metavar="SECONDS")
    parser.add_argument("--turns", type=int, default=0, metavar="N", help="whole and in parts in turns, so many times")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here:
        print(json.dumps(measured(asked.model, asked.ways[0], asked.megapixels[0], asked.memory, asked.device)))
        return 0
    for megapixels in asked.megapixels:
        if asked.turns:
            print(
                f"{megapixels:g} megapixels: {in_turns(asked.model, megapixels, asked.device, asked.turns)}", flush=True
            )
            continue
        for way in asked.ways:
            arguments = [str(asked.model.resolve()), "--megapixels", str(megapixels), "--ways", way]
            arguments += ["--device", asked.device, *(["--memory", asked.memory] if asked.memory else [])]
            print(f"{megapixels:g} megapixels, {way}: {in_process(arguments, asked.timeout)}", flush=True)
    return 0


if __name__ == "__main__":
    end_with(main)
