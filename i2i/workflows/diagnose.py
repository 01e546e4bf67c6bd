"""What `i2i doctor RUN` says, and the end of a training: which failure, since when, and what to change."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..diagnostics.doctor import Ailment, Monitor, ailments_across, examine
from ..diagnostics.doctor.evaluations import gamed, is_evaluation
from ..diagnostics.doctor.monitor import all_clear
from ..errors import RunError
from ..settings import flat
from ..training.run_directory import Run

SCORES = ("val_l1", "val_swd", "val_distance")
"""Validation figures by which runs are compared, lower is better; the first that all have."""


def told(ailment: Ailment) -> str:
    """`Mode collapse. Outputs are far more alike … What helps: --set …`."""
    return f"{ailment.title}. {ailment.sentence()} {ailment.advice()}"


def told_as_it_happens(ailment: Ailment) -> str:
    """The same the first time; of a failure that was there before, only that it is there again."""
    if not ailment.earlier:
        return told(ailment)
    return f"{ailment.title}: again since {ailment.images:,} images (step {ailment.step:,})."


def examined(run: Run) -> Monitor:
    """The doctor after the whole log of a run; raises RunError where there is none."""
    records = run.records(tolerant=True)
    if not records:
        raise RunError(f"{run.path} has no log to read (log.jsonl). Give the folder of --run of a training.")
    return examine(records, run.planned(), flat(run.raw_config(tolerant=True)))


def sentences(run: Run) -> list[str]:
    """What is there at the end of the run, what has passed, or that it is healthy; a sentence each."""
    monitor = examined(run)
    there = [f"Not healthy: {told(one)}" for one in sorted(monitor.ailments.values(), key=lambda one: one.images)]
    past = [f"Was, and no longer is: {one.title}. {one.sentence()}" for one in monitor.past]
    return [*there, *past] or [all_clear(monitor)]


def _evaluations(run: Path) -> list[list[dict[str, Any]]]:
    """What `i2i evaluate` left in the run's folders `evaluation…`, those together that are of one direction and the
    same data; what is no such file is left out.
    """
    found: dict[tuple[bool, str], list[dict[str, Any]]] = {}
    for file in sorted(run.glob("evaluation*/scores.json")):
        with contextlib.suppress(OSError, ValueError):
            known = json.loads(file.read_text("utf-8"))
            if is_evaluation(known):
                found.setdefault(("b2a" in file.parent.name, str(known.get("data"))), []).append(known)
    return list(found.values())


def diagnose(paths: Sequence[Path]) -> tuple[list[str], bool]:
    """Lines for each run and for what several show together, and whether any of it is bad at the end."""
    lines: list[str] = []
    sick = False
    for path in paths:
        said = sentences(Run(path))
        found = [one for alike in _evaluations(path) for one in gamed(alike)]
        if found:
            said = [sentence for sentence in said if not sentence.startswith("Healthy")]
            said += [f"Not healthy: {one.sentence} {one.remedy}" for one in found]
        lines += [f"{path}: {sentence}" for sentence in said]
        sick = sick or any(sentence.startswith("Not healthy") for sentence in said)
    logs = {str(path): Run(path).records(tolerant=True) for path in paths}
    key = next((score for score in SCORES if all(any(score in line for line in log) for log in logs.values())), None)
    across = ailments_across(logs, key) if key else []
    if len(paths) > 1:
        lines += [f"Together: {one.sentence} {one.remedy}" for one in across] or (
            ["Together: the runs agree as far as they are steady themselves."] if len(paths) >= 3 and key else []
        )
    return lines, sick or bool(across)
