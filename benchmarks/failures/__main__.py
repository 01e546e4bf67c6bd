"""The proof of the doctor: `python -m benchmarks.failures`; it goes on where it was stopped.

Every failure is provoked on SEEDS seeds, and healthy runs are trained beside it; the doctor reads each line as it is
written. What it said is kept in benchmarks/failures/results.json as the runs end, and their logs under `--data`, so
that other thresholds need no other runs: `--anew` with the same `--data` examines them again. Other code needs another
folder. Without `--anew`, what results.json has is not trained again: where all is there, nothing is. Thresholds and
cases were set on the seeds 0 to 7 and 100 (`--seeds 100 --results FILE`).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from i2i.files import write_atomically

from ..command import end_with
from .across import sensitivity
from .one import Job, examined, key_of
from .provoked import CASES
from .table import confusion, picture

RESULTS = Path(__file__).with_name("results.json")
SEEDS = (20, 21, 22, 23, 24)


def main() -> int:
    """Run what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=lambda text: tuple(map(int, text.split(","))), default=SEEDS)
    parser.add_argument("--only", help="names of cases, with commas between them")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "i2i-failures")
    parser.add_argument("--picture", type=Path, help="write the confusion matrix there as a PNG")
    parser.add_argument("--anew", action="store_true", help="forget what the results have, and begin with none")
    parser.add_argument("--table", action="store_true", help="only print what is there")
    asked = parser.parse_args()
    there = asked.results.exists() and not asked.anew
    kept: dict[str, Any] = json.loads(asked.results.read_text("utf-8")) if there else {}
    cases = asked.only.split(",") if asked.only else sorted(CASES, key=lambda name: CASES[name].bed != "toy")
    if not asked.table:
        jobs: list[Job] = [(name, seed, ()) for seed in asked.seeds for name in cases]
        _run(jobs, kept, asked)
        cures = [
            (name, seed, tuple(kept[f"{name} {seed}"]["remedy"]))
            for seed in asked.seeds
            for name in cases
            if CASES[name].curable and kept[f"{name} {seed}"]["remedy"]
        ]
        _run(cures, kept, asked)
    print(confusion(kept, asked.seeds))
    if not asked.table and not asked.only:
        print(sensitivity(asked.data, asked.seeds))
    if asked.picture:
        picture(kept, asked.seeds, asked.picture)
    return 0


def _run(jobs: list[Job], kept: dict[str, Any], asked: argparse.Namespace) -> None:
    """Each job that has no result yet; results are written as they come."""
    missing = [job for job in jobs if key_of(job) not in kept]
    began = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with context.Pool(asked.workers, maxtasksperchild=20) as pool:
        for n, (key, found) in enumerate(pool.imap_unordered(examined, [(job, asked.data) for job in missing]), 1):
            kept[key] = found
            write_atomically(asked.results, (json.dumps(kept, indent=1, sort_keys=True) + "\n").encode())
            left = (time.monotonic() - began) / n * (len(missing) - n)
            said = ", ".join(found["named"]) or "nothing"
            print(f"{n}/{len(missing)}, {left / 60:.0f} min left: {key}: {said}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    end_with(main)
