"""What the doctor says of a run, as findings of the report: which failure, since when, and what to change."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..diagnostics.doctor import DETECTORS, Ailment, Monitor, examine
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
"""Failures that a log must have figures of, and lines, before a run is called healthy."""
EARLY = 0.1
"""Share of a run before whose end it is not called healthy: most detectors begin later than the run."""


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
    same = {one.title: one.text for one in findings}
    found = [_bad(one, total, settings, run, ways, same.get(one.title, "")) for one in sick]
    found += [Finding("note", f"{one.title}, but no longer", one.sentence(ways)) for one in monitor.past]
    if not found and _is_enough(monitor, ticks, total) and not any(one.level == "bad" for one in others):
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


def _is_enough(monitor: Monitor, ticks: Sequence[Tick], total: int | None) -> bool:
    """Whether a log that shows nothing says anything: of a tenth of the run, with figures of ENOUGH failures."""
    begun = not total or not ticks or ticks[-1].get("images", 0) >= EARLY * total
    return begun and len(ticks) >= ENOUGH and len(looked_for(monitor)[0]) >= ENOUGH


def _bad(
    one: Ailment, total: int | None, settings: Mapping[str, Any], run: Path, ways: Mapping[str, str], besides: str
) -> Finding:
    """`besides` is what the rest of the report has to say of it: the other direction, say."""
    share = f", {100 * one.images / total:.0f} % of the run" if total else ""
    code = again(settings, run, one.settings()) if one.remedy else ""
    text = " ".join(filter(None, [one.sentence(ways), besides])) + ("" if code else f" {one.advice()}")
    brief = f": {DETECTORS[one.name].text}, since {one.images:,} images (step {one.step:,}{share})"
    return Finding("bad", one.title, text, code, brief)


def again(settings: Mapping[str, Any], run: Path, remedy: str) -> str:
    """The command that trains again, in a folder beside the run, with its settings and the remedy."""
    method, data = str(settings.get("method", "METHOD")), str(settings.get("data.path", "DATA"))
    words = ["i2i", "train", method, data, "--config", str(run / "config.yaml"), "--run", str(_beside(run))]
    return shlex.join([*words, *remedy.split()])


def _beside(run: Path) -> Path:
    """A folder beside the run that is not there yet."""
    whole = run if run.name else run.resolve()
    stem, _, number = whole.name.rpartition("-")
    stem = stem if stem and number.isdigit() else whole.name
    return next(path for n in itertools.count(2) if not (path := whole.with_name(f"{stem}-{n}")).exists())
