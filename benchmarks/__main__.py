"""`python -m benchmarks [NAME ...]`: all rows, which writes the results, or some, which are only shown."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from i2i.errors import UnknownNameError

from .command import end_with


def main() -> int:
    """Measure, show, and write when everything was measured or a place was named."""
    asked = _parser().parse_args()

    from .processes import alone
    from .results import BEGIN, PAGE, RESULTS, facts, table, to_row, writable, write, write_page
    from .rows import ROWS, measured

    for name in asked.names:
        if name not in ROWS:
            raise UnknownNameError("benchmark", name, ROWS)
    whole = not asked.names and not asked.small
    results_file = asked.results or (RESULTS if whole else None)
    page = writable(asked.page or (PAGE if whole else None), BEGIN)
    command = "make bench" if whole else " ".join(["python -m benchmarks", *sys.argv[1:]])
    environment, started = facts(command), time.monotonic()
    if (environment["load_before"] or 0) > environment["cores"] / 4:
        print(
            f"Warning: other work keeps {environment['load_before']} of {environment['cores']} cores busy. torch's "
            "threads wait for each other and suffer from it far more than ONNX Runtime's; the figures will mislead.",
            file=sys.stderr,
        )
    rows = []
    for name in asked.names or ROWS:
        print(f"{name} ...", flush=True)
        found = measured(name, True) if asked.small else alone(measured, name, False)
        rows.append(to_row(name, found))
    results = {"environment": environment, "rows": rows}
    print(f"\n{table(rows)}\nMeasured in {time.monotonic() - started:.0f} s.")
    for target, put in ((results_file, write), (page, write_page)):
        if target is not None:
            put(results, target)
            print(f"Written: {target}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="rows to measure; all without one")
    parser.add_argument("--small", action="store_true", help="tiny networks: does it run? The figures mean nothing")
    parser.add_argument("--results", type=Path, metavar="FILE", help="where the JSON goes")
    parser.add_argument("--page", type=Path, metavar="FILE", help="the Markdown page whose table is rewritten")
    return parser


if __name__ == "__main__":
    end_with(main)
