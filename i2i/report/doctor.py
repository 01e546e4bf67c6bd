"""What the doctor says of a run, as findings of the report: which failure, since when, and what to change."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..diagnostics.doctor import DETECTORS, Ailment, examine
from ..diagnostics.doctor.monitor import all_clear, looked_for
from ..diagnostics.failure_modes import DIRECTIONS
from ..diagnostics.finding import Finding

Tick = Mapping[str, float]

SAME = {
    "collapse": ("The outputs are all alike",),
    "overpowering": ("The discriminator leads, within the usual range",),
    "exploding": ("The training broke down",),
}
"""Titles by which the rest of the report says the same as a row of the doctor's, or the contrary."""

ENOUGH = 4
"""Failures that a log must have figures of before a run is called healthy."""


def with_diagnoses(
    findings: Sequence[Finding],
    ticks: Sequence[Tick],
    total: int | None,
    settings: Mapping[str, Any],
    run: Path,
    ways: Mapping[str, str] = DIRECTIONS,
) -> list[Finding]:
    """The report's findings with the doctor's: bad for what is there at the end, a note for what has passed.

    Where both would say the same, the doctor alone says it. A run with nothing to say of is called healthy. `run` is
    the run directory, for the command that trains again; `ways` are what the directions are called.
    """
    monitor = examine(ticks, total, settings)
    sick = sorted(monitor.ailments.values(), key=lambda one: one.images)
    said = {title for one in sick for title in (one.title, *SAME.get(one.name, ()))}
    if "overpowering" in looked_for(monitor)[0]:
        said.add(DETECTORS["overpowering"].title)
    others = [one for one in findings if one.title not in said]
    found = [_bad(one, total, settings, run, ways) for one in sick]
    found += [Finding("note", f"{one.title}, but no longer", one.sentence(ways)) for one in monitor.past]
    if not found and len(looked_for(monitor)[0]) >= ENOUGH and not any(one.level == "bad" for one in others):
        found = [Finding("good", "Healthy", f"N{all_clear(monitor).removeprefix('Healthy: n')}")]
    others = [one for one in others if not (sick and one.title == "No failure mode found")]
    return sorted([*found, *others], key=lambda one: one.level != "bad")


def verdict(findings: Sequence[Finding]) -> Finding:
    """The findings at a glance: healthy or not, which failure, since when and the command that helps."""
    bad = [one for one in findings if one.level == "bad"]
    if bad:
        more = f" And {len(bad) - 1} more below." if len(bad) > 1 else ""
        return Finding("bad", "Not healthy", f"{bad[0].title}{bad[0].brief}.{more}", bad[0].code)
    gone = [one.title for one in findings if one.title.endswith(", but no longer")]
    if gone:
        return Finding("note", "Healthy at the end", f"{'; '.join(gone)}: see below.")
    for one in findings:
        if one.title == "Healthy":
            return Finding("good", "Healthy", f"{one.text.partition('. ')[0].removesuffix('.')}.")
    return Finding("note", "Not judged", "The log holds too little to say whether the training is healthy.")


def _bad(one: Ailment, total: int | None, settings: Mapping[str, Any], run: Path, ways: Mapping[str, str]) -> Finding:
    share = f", {100 * one.images / total:.0f} % of the run" if total else ""
    code = again(settings, run, one.settings()) if one.remedy else ""
    text = one.sentence(ways) + ("" if code else f" {one.advice()}")
    brief = f": {DETECTORS[one.name].text}, since {one.images:,} images (step {one.step:,}{share})"
    return Finding("bad", one.title, text, code, brief)


def again(settings: Mapping[str, Any], run: Path, remedy: str) -> str:
    """The command that trains again, in a folder beside the run, with its settings and the remedy."""
    method, data = str(settings.get("method", "METHOD")), str(settings.get("data.path", "DATA"))
    words = ["i2i", "train", method, data, "--config", str(run / "config.yaml"), "--run", f"{run}-2"]
    return f"{shlex.join(words)} {remedy}"
