"""Peak memory of a training, in MB: `python -m benchmarks.memory SIDE METHOD` takes two turns of steps and says it."""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def peak_of(side: str, method: str, batch: int, small: bool) -> float:
    """Most MB that a fresh process held at once while it took two turns of a side, `ours` or `theirs`."""
    command = [sys.executable, "-m", "benchmarks.memory", side, method, "--batch", str(batch)]
    done = subprocess.run(
        [*command, *(["--small"] if small else [])], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        raise RuntimeError(f"The process that measures memory failed: {done.stderr[-2000:]}")
    return float(done.stdout.split()[-1])


def peak() -> float:
    """Most MB of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss remembers the parent's memory there
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found:
            return int(found[1]) * 1024 / 1e6
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6


def main() -> None:
    """Two turns, and the figure as the last word."""
    from . import workloads

    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("side", choices=["ours", "theirs"])
    parser.add_argument("method", choices=list(workloads.SETTINGS))
    parser.add_argument("--batch", type=int, default=1, metavar="N", help="pictures of each side a step (1)")
    parser.add_argument("--small", action="store_true", help="tiny networks: does it run?")
    asked = parser.parse_args()
    turn = workloads.stepping(asked.side, asked.method, asked.batch, asked.small)
    for _ in range(2):
        turn()
    print(f"{asked.side}, {asked.method}: {peak():.1f}")


if __name__ == "__main__":
    main()
