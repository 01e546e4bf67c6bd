"""The confusion matrix of the proof, as text and as a picture."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from i2i.diagnostics.doctor import DETECTORS

from .provoked import CASES

Kept = Mapping[str, Mapping[str, Any]]


def confusion(kept: Kept, seeds: Sequence[int]) -> str:
    """A Markdown table: for each failure how often it was named, and how late (medians of shares of the run).

    `named at` counts from the start of the run; `delay` from when the failure was there by an independent truth, where
    there is one. `cured` are runs with the remedy in whose last tenth it was not there; `silent`, those in which it
    was never named.
    """
    lines = [
        "| provoked | runs | named | recall | named wrongly | precision | named at | delay | cured | silent |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in DETECTORS:
        cases = [case for case, row in CASES.items() if name in row.expected]
        runs = _runs(kept, cases, seeds)
        named = [run for run in runs if name in run["named"]]
        wrong = [one for one in _uncured(kept, seeds) if name in one.run["named"] and name in one.wrong]
        at = [run["named"][name] for run in named]
        delays = [run["named"][name] - run["true since"].get(name, 0) for run in named]
        cured = [kept[f"{case} {seed} cured"] for case in cases for seed in seeds if f"{case} {seed} cured" in kept]
        well = [run for run in cured if run["last"].get(name, 0) <= 0.9]
        silent = [run for run in cured if name not in run["named"]]
        lines.append(
            f"| `{name}` | {len(runs)} | {len(named)} | {_share(len(named), len(runs))} | {len(wrong)} | "
            f"{_share(len(named), len(named) + len(wrong))} | {_median(at)} | {_median(delays)} | "
            + (f"{len(well)} of {len(cured)} | {len(silent)} |" if cured else "- | - |")
        )
    healthy = [case for case, row in CASES.items() if not row.expected]
    silent = [run for run in _runs(kept, healthy, seeds) if not run["named"]]
    seconds = sum(run["seconds"] for run in kept.values())
    lines += ["", f"Healthy runs: {len(_runs(kept, healthy, seeds))}, of which nothing was said in {len(silent)}."]
    lines += [f"{len(kept)} runs took {seconds / 60:.0f} minutes of one processor."]
    lines += [f"Wrong: {one.key}: {', '.join(one.wrong)}." for one in _uncured(kept, seeds) if one.wrong]
    return "\n".join(lines)


class _Judged(NamedTuple):
    """A run, and the names in it that are neither what was provoked, nor its known company, nor true."""

    key: str
    run: Mapping[str, Any]
    wrong: list[str]


def _uncured(kept: Kept, seeds: Sequence[int]) -> list[_Judged]:
    found = []
    for key, run in sorted(kept.items()):
        if key.endswith("cured") or int(key.split()[-1]) not in seeds:
            continue
        case = CASES[key.rsplit(" ", 1)[0]]
        right = case.expected | case.besides | run["true since"].keys()
        found.append(_Judged(key, run, [name for name in run["named"] if name not in right]))
    return found


def matrix(kept: Kept, seeds: Sequence[int]) -> tuple[list[str], list[str], list[list[int]]]:
    """Cases, names, and in how many runs of a case a name was said."""
    names = list(DETECTORS)
    counts = [[sum(name in run["named"] for run in _runs(kept, [case], seeds)) for name in names] for case in CASES]
    return list(CASES), names, counts


def picture(kept: Kept, seeds: Sequence[int], path: Path) -> None:
    """The matrix as a PNG: a row for each kind of run, a column for each name."""
    from PIL import Image, ImageDraw, ImageFont

    (cases, names, counts), judged = matrix(kept, seeds), _uncured(kept, seeds)
    font = ImageFont.load_default(15)
    cell, left, top = 44, 150, 130
    page = Image.new("RGB", (left + cell * len(names) + 20, top + cell * len(cases) + 20), "white")
    draw = ImageDraw.Draw(page)
    for column, name in enumerate(names):
        label = Image.new("RGB", (top, 24), "white")
        ImageDraw.Draw(label).text((4, 2), name, font=font, fill="black")
        page.paste(label.rotate(90, expand=True), (left + column * cell + 10, 0))
    for row, case in enumerate(cases):
        draw.text((8, top + row * cell + 12), case, font=font, fill="black")
        for column, name in enumerate(names):
            count, runs = counts[row][column], max(1, len(_runs(kept, [case], seeds)))
            true = name in CASES[case].expected
            wrong = any(name in one.wrong for one in judged if one.key.rsplit(" ", 1)[0] == case)
            tint = (30, 110, 190) if true else (200, 50, 40) if wrong else (150, 150, 150)
            share = count / runs
            fill = tuple(round(255 + (one - 255) * share) for one in tint)
            x, y = left + column * cell, top + row * cell
            draw.rectangle((x, y, x + cell - 2, y + cell - 2), fill=fill, outline=tint if true else (225, 225, 225))
            if count:
                draw.text((x + 16, y + 12), str(count), font=font, fill="white" if share > 0.5 else "black")
    page.save(path)


def _median(shares: Sequence[float]) -> str:
    return f"{100 * statistics.median(shares):.0f} %" if shares else "-"


def _runs(kept: Kept, cases: Sequence[str], seeds: Sequence[int]) -> list[Mapping[str, Any]]:
    return [kept[f"{case} {seed}"] for case in cases for seed in seeds if f"{case} {seed}" in kept]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2f}" if whole else "-"
