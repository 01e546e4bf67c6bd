"""What the doctor says of a run, as findings of the report: which failure, since when, and what to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..diagnostics.doctor import examine
from ..diagnostics.doctor.monitor import all_clear, looked_for
from ..diagnostics.finding import Finding

Tick = Mapping[str, float]

SAME = {"collapse": "The outputs are all alike", "overpowering": "The discriminator wins"}
"""Titles by which the rest of the report says the same as a row of the doctor's."""

ENOUGH = 4
"""Failures that a log must have figures of before a run is called healthy."""


def with_diagnoses(
    findings: Sequence[Finding], ticks: Sequence[Tick], total: int | None, settings: Mapping[str, Any]
) -> list[Finding]:
    """The report's findings with the doctor's: bad for what is there at the end, a note for what has passed.

    Where both say the same, the report's sentence gets the moment at which it began, and the remedy. A run with
    nothing to say of is called healthy.
    """
    monitor = examine(ticks, total, settings)
    others = {one.title: one for one in findings}
    found = []
    for one in sorted(monitor.ailments.values(), key=lambda one: one.images):
        same = others.pop(SAME.get(one.name, one.title), None) or others.pop(one.title, None)
        text = f"{same.text} It began at {one.images:,} images." if same else one.sentence()
        found.append(Finding("bad", one.title, f"{text} {one.advice()}"))
    found += [Finding("note", f"{one.title}, but no longer", one.sentence()) for one in monitor.past]
    if not found and len(looked_for(monitor)[0]) >= ENOUGH and not any(one.level == "bad" for one in findings):
        found = [Finding("good", "Healthy", f"N{all_clear(monitor).removeprefix('Healthy: n')}")]
    sick = any(one.level == "bad" for one in found)
    rest = [one for one in others.values() if not (sick and one.title == "No failure mode found")]
    return sorted([*found, *rest], key=lambda one: one.level != "bad")
