"""The confusion matrix of the proof, as text and as a picture."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from i2i.diagnostics.doctor import DETECTORS

from .provoked import CASES

Kept = Mapping[str, Mapping[str, Any]]


def confusion(kept: Kept, seeds: Sequence[int]) -> str:
    """A Markdown table: for each failure how often it was named, and how late (medians of shares of the run).

    `named at` counts from the start of the run, `delay` from when the failure was there; `cured` are runs with its
    remedy in which it was not named at all.
    """
    lines = [
        "| provoked | runs | named | recall | named wrongly | precision | named at | delay | cured |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in DETECTORS:
        cases = [case for case, row in CASES.items() if name in row.expected]
        runs = _runs(kept, cases, seeds)
        named = [run for run in runs if name in run["named"]]
        wrong = [
            key
            for key, run in kept.items()
            if not key.endswith("cured")
            and int(key.split()[-1]) in seeds
            and name in run["named"]
            and name not in _true_of(key)
        ]
        at = [run["named"][name] for run in named]
        delays = [run["named"][name] - run["there"][name] for run in named]
        cured = [kept[f"{case} {seed} cured"] for case in cases for seed in seeds if f"{case} {seed} cured" in kept]
        well = [run for run in cured if name not in run["named"]]
        lines.append(
            f"| `{name}` | {len(runs)} | {len(named)} | {_share(len(named), len(runs))} | {len(wrong)} | "
            f"{_share(len(named), len(named) + len(wrong))} | "
            f"{_median(at)} | {_median(delays)} | "
            f"{f'{len(well)} of {len(cured)}' if cured else '-'} |"
        )
    healthy = [case for case, row in CASES.items() if not row.expected]
    silent = [run for run in _runs(kept, healthy, seeds) if not run["named"]]
    seconds = sum(run["seconds"] for run in kept.values())
    lines += ["", f"Healthy runs: {len(_runs(kept, healthy, seeds))}, of which nothing was said in {len(silent)}."]
    lines += [f"{len(kept)} runs took {seconds / 60:.0f} minutes of one processor."]
    return "\n".join(lines)


def matrix(kept: Kept, seeds: Sequence[int]) -> tuple[list[str], list[str], list[list[int]]]:
    """Cases, names, and in how many runs of a case a name was said."""
    names = list(DETECTORS)
    counts = [[sum(name in run["named"] for run in _runs(kept, [case], seeds)) for name in names] for case in CASES]
    return list(CASES), names, counts


def picture(kept: Kept, seeds: Sequence[int], path: Path) -> None:
    """The matrix as a PNG: a row for each kind of run, a column for each name."""
    from PIL import Image, ImageDraw, ImageFont

    cases, names, counts = matrix(kept, seeds)
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
            tint = (30, 110, 190) if true else (150, 150, 150) if name in CASES[case].besides else (200, 50, 40)
            share = count / runs
            fill = tuple(round(255 + (one - 255) * share) for one in tint)
            x, y = left + column * cell, top + row * cell
            draw.rectangle((x, y, x + cell - 2, y + cell - 2), fill=fill, outline=tint if true else (225, 225, 225))
            if count:
                draw.text((x + 16, y + 12), str(count), font=font, fill="white" if share > 0.5 else "black")
    page.save(path)


def _median(shares: Sequence[float]) -> str:
    return f"{100 * statistics.median(shares):.0f} %" if shares else "-"


def _true_of(key: str) -> frozenset[str]:
    case = CASES[key.rsplit(" ", 1)[0]]
    return case.expected | case.besides


def _runs(kept: Kept, cases: Sequence[str], seeds: Sequence[int]) -> list[Mapping[str, Any]]:
    return [kept[f"{case} {seed}"] for case in cases for seed in seeds if f"{case} {seed}" in kept]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2f}" if whole else "-"
