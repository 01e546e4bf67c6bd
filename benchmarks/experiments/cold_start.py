"""Where the time of one picture goes: `python -m benchmarks.experiments.cold_start MODEL PICTURE`.

Each row is a process that does all of the rows above and one thing more: seconds from its start to its end and of
processor time, the medians over rounds in turns. Nothing is kept warm but the system's file cache. With `--beside
PYTHON` (of another environment, with another i2i) each row is measured there too, in the same turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ..command import end_with

LOAD = "import sys; sys.argv = ['i2i', *sys.argv[1:]]; import i2i.commands; "
IMPORTS = LOAD + "import i2i.serving.conversion.convert; from i2i.serving.inference.chain import open_models; "
OPEN = IMPORTS + "engine = open_models(sys.argv[1], device=sys.argv[4]); "
STAGES = {
    "Python": "pass",
    "the command line loaded": LOAD,
    "what computes loaded": IMPORTS,
    "the model opened and its probe checked": OPEN,
    "the picture converted": OPEN + "from pathlib import Path; i2i.serving.conversion.convert.convert_folder("
    "engine, Path(sys.argv[2]), Path(sys.argv[3]), existing='overwrite')",
}
"""Programs, each with the arguments MODEL PICTURE TARGET DEVICE."""


def seconds(command: list[str]) -> tuple[float, float]:
    """(from start to end, of processor time) of a process."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began, before = time.monotonic(), os.times()
    subprocess.run(command, check=True, capture_output=True, env=kept)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return time.monotonic() - began, used


def rows(python: str, model: str, picture: str, target: str, device: str) -> dict[str, list[str]]:
    """The commands by what is new in each."""
    staged = {name: [python, "-P", "-c", code, model, picture, target, device] for name, code in STAGES.items()}
    whole = [python, "-P", "-m", "i2i", "convert", model, picture, target, "--existing", "overwrite"]
    return staged | {"`i2i convert`": [*whole, "--device", device, "--progress", "none"]}


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiments.cold_start", description=__doc__)
    parser.add_argument("model")
    parser.add_argument("picture")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--beside", action="append", default=[], metavar="PYTHON")
    asked = parser.parse_args()
    pythons = [sys.executable, *asked.beside]
    times: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "out.png")
        for turn in range(asked.rounds + 1):
            for python in pythons:
                for name, command in rows(python, asked.model, asked.picture, target, asked.device).items():
                    taken = seconds(command)
                    if turn:  # the first writes bytecode
                        times.setdefault((python, name), []).append(taken)
    for python in pythons:
        print(f"\n{python}\n\n| a process with | seconds | of processor time |\n|---|---|---|")
        for (of, name), each in times.items():
            if of == python:
                wall, used = (statistics.median(column) for column in zip(*each, strict=True))
                print(f"| {name} | {wall:.2f} | {used:.2f} |")
    return 0


if __name__ == "__main__":
    end_with(main)
