"""The table: each row's modes and KL with intervals over seeds, beside what was published."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from i2i.evaluation.sets.estimate import around

from .rows import BATCH, ROWS, STEPS

FIGURES = ("modes", "kl", "sure")


def interval(values: Sequence[float], most: float = np.inf) -> list[float] | None:
    """Student's 95 % interval of the mean over seeds; None of one seed."""
    if len(values) < 2:
        return None
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    found = around(float(np.mean(values)), error, len(values) - 1, 0.0)
    return [found.low, min(most, found.high)]


def row_of(name: str, found: Sequence[Mapping[str, float]], parameters: tuple[int, int]) -> dict[str, Any]:
    """The JSON of a row; `found` is that of each seed."""
    values = {figure: [float(one[figure]) for one in found] for figure in FIGURES}
    return {
        "name": name,
        "parameters": {"G": parameters[0], "D": parameters[1]},
        **values,
        "mean": {figure: float(np.mean(of)) for figure, of in values.items()},
        "intervals": {"modes": interval(values["modes"], 1000), "kl": interval(values["kl"])},
        "published": {"modes": ROWS[name].published, "steps": STEPS, "batch": BATCH},
    }


def markdown(told: Mapping[str, Any]) -> str:
    """What is to be read: a row for each system, the yardstick of real pictures, and what was done."""
    head = ["", "D", "modes of 1,000", "95 %", "KL", "95 %", "sure", "published modes"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    real = told["real"]
    lines.append(f"| real pictures | | {real['modes']} | | {real['kl']:.3f} | | {real['sure']:.3f} | |")
    for row in told["rows"]:
        mean, found = row["mean"], row["intervals"]
        cells = [
            f"`{row['name']}`",
            f"{row['parameters']['D']:,}",
            f"{mean['modes']:.1f}",
            _range(found["modes"], ".0f"),
        ]
        cells += [f"{mean['kl']:.2f}", _range(found["kl"], ".2f"), f"{mean['sure']:.3f}"]
        cells.append(f"{row['published']['modes']:g}")
        lines.append(f"| {' | '.join(cells)} |")
    share = told["steps"] / STEPS
    said = (
        f"{told['steps']:,} steps of {told['batch']} packs a run, {share:.2%} of the {STEPS:,} steps of {BATCH} that "
        f"were published, rates {told['rates']:g} times the published ones; {len(told['seeds'])} seeds a row, "
        f"Student's intervals over them; {told['count']:,} pictures scored by a classifier that is right in "
        f"{told['accuracy']:.2%} of real test digits; {told['minutes']:.0f} minutes, "
        f"{told['workers']} of the runs at a time."
    )
    return "\n".join([*lines, "", said])


def sheet(shown: Sequence[tuple[str, Tensor]]) -> bytes:
    """A PNG of a row of pictures (N, 3, 28, 28) in [-1, 1] below each caption, three times as large."""
    side, head, most = 28 * 3 + 4, 24, max(len(pictures) for _, pictures in shown)
    whole = Image.new("RGB", (side * most, (side + head) * len(shown)), "white")
    for place, (caption, pictures) in enumerate(shown):
        top = place * (side + head)
        ImageDraw.Draw(whole).text((4, top + 4), caption, "black", ImageFont.load_default(14))
        for number, x in enumerate(pictures):
            pixels = ((x + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
            large = Image.fromarray(pixels).resize((28 * 3, 28 * 3), Image.Resampling.NEAREST)
            whole.paste(large, (side * number, top + head))
    out = io.BytesIO()
    whole.save(out, "PNG")
    return out.getvalue()


def _range(found: Sequence[float] | None, form: str) -> str:
    return "" if found is None else f"{found[0]:{form}} to {found[1]:{form}}"
