"""`python -m i2i.tracking RUN TRACKER`: tell a tracker everything that a run has, or follow a training to its end."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from ..training.run_directory import Run
from .follow import follow
from .trackers import TRACKERS

LONGEST_END = 60.0
"""Seconds after the training's end, or its death, at which a tracker that hangs is left behind."""

QUIET = {"WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
"""A run is told to the server that the user chose, and nobody is told how the packages are used."""


def main() -> int:
    """Exit status 0 when everything was told, 1 when not, 2 for a run or a tracker that is not there."""
    parser = argparse.ArgumentParser(prog="python -m i2i.tracking", description=__doc__)
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("tracker", choices=TRACKERS)
    parser.add_argument("--beside", action="store_true", help="follow a training until standard input ends")
    asked = parser.parse_args()
    run, row = Run(asked.run), TRACKERS[asked.tracker]
    if not run.exists:
        parser.error(f"{asked.run} holds no run (no config.yaml). Give the folder of --run.")
    if row.missing:
        parser.error(f"{row.package} is not installed. Try: {row.install}")
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    ended = threading.Event()
    if asked.beside:
        with contextlib.suppress(OSError, AttributeError):  # AttributeError: not on Windows
            os.nice(10)
        threading.Thread(target=_end_with_the_training, args=(ended,), daemon=True).start()
    else:
        ended.set()
    say = _own_voice() if asked.beside else print
    return 0 if follow(asked.tracker, run, ended, say) else 1


def _end_with_the_training(ended: threading.Event) -> None:
    """Standard input says `end`, or ends with a training that was killed."""
    sys.stdin.readline()
    ended.set()
    timer = threading.Timer(LONGEST_END, os._exit, (1,))
    timer.daemon = True
    timer.start()


def _own_voice() -> Callable[[str], object]:
    """Sentences for the training; what the packages print themselves goes nowhere."""
    voice = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)

    def say(sentence: str) -> None:
        with contextlib.suppress(OSError):  # the training may be gone
            voice.write(sentence.replace("\n", " ") + "\n")

    return say


if __name__ == "__main__":
    sys.exit(main())
