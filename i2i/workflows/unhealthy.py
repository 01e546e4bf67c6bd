"""What a training does when the doctor names a failure: warn, pause, or roll back with the remedy applied.

A rollback is written down before anything is undone, so that a run that is killed in the middle finishes it when the
same command is given again. `rollbacks.json` in the run directory has them all; the settings of before stay beside
config.yaml as `config.before-rollback-1.yaml`.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from typing import Any, Literal, TypeVar

from ..diagnostics.doctor import DETECTORS, Ailment
from ..errors import TrainingError, UnknownNameError
from ..files import write_atomically
from ..hardware.processes import from_first
from ..methods import Method
from ..methods.building import renew
from ..methods.config import TrainConfig
from ..renamed import present
from ..settings import merge, parse_assignments, resolve, to_yaml
from ..training.run_directory import BEST, BEST_BEFORE, BEST_FIGURE, Run
from .diagnose import told
from .endings import report_meanwhile
from .progress import Say

C = TypeVar("C", bound=TrainConfig)

OnUnhealthy = Literal["warn", "pause", "rollback"]

POLICIES: tuple[OnUnhealthy, ...] = ("warn", "pause", "rollback")

MOST = 3
"""Rollbacks of a run at most: a remedy that has not helped three times does not help."""


def on_unhealthy_of(text: str) -> OnUnhealthy:
    """The policy of this name; raises UnknownNameError."""
    for policy in POLICIES:
        if policy == text:
            return policy
    raise UnknownNameError("way of --on-unhealthy", text, POLICIES)


class RolledBack(Exception):  # noqa: N818  # no error: training begins again
    """The run stands at an earlier checkpoint, with other settings."""


class Rollbacks:
    """Those of a run, oldest first, and the settings that they brought."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.file = run.path / "rollbacks.json"
        self.entries: list[dict[str, Any]] = json.loads(self.file.read_text("utf-8")) if self.file.exists() else []

    def applied(self, config: C) -> C:
        """The configuration with the remedies of all rollbacks."""
        if not self.entries:
            return config
        return resolve(type(config), [config.model_dump(), *(parse_assignments(e["remedy"]) for e in self.entries)])

    def finish(self, kind: type[TrainConfig]) -> None:
        """Undo what a rollback that was interrupted had still to undo; nothing where all are done."""
        if not self.entries or self.entries[-1]["done"]:
            return
        entry = self.entries[-1]
        for path in self.run.checkpoints.glob("[0-9]*"):  # also one that a kill left half-removed
            if path.name.isdigit() and int(path.name) > entry["to"]:
                shutil.rmtree(path)
        self._forget_best(entry["to"])
        before = self.run.path / f"config.before-rollback-{len(self.entries)}.yaml"
        if not before.exists():
            write_atomically(before, self.run.config_file.read_bytes())
        settings = merge(self.run.raw_config(), parse_assignments(entry["remedy"]))
        write_atomically(self.run.config_file, to_yaml(resolve(kind, [settings])).encode())
        entry["done"] = True
        self._write()

    def _forget_best(self, images: int) -> None:
        """Remove what was the best in the stretch that is abandoned; what was so before stays the best."""
        for name in (BEST, BEST_BEFORE):
            folder = self.run.checkpoints / name
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):  # a damaged one is told elsewhere
                if json.loads(present(folder / BEST_FIGURE).read_text("utf-8"))["images"] > images:
                    shutil.rmtree(folder)

    def add(self, ailment: Ailment, kind: type[TrainConfig]) -> dict[str, Any]:
        """Go back to the newest checkpoint from before the failure began, or to the start."""
        healthy = [int(path.name) for path in self.run.checkpoints_complete() if int(path.name) < ailment.images]
        entry = {**ailment.record(), "to": max(healthy, default=0), "done": False}
        self.entries.append(entry)
        self._write()
        self.finish(kind)
        return entry

    def _write(self) -> None:
        write_atomically(self.file, (json.dumps(self.entries, indent=1) + "\n").encode())

    def renew(self, method: Method) -> None:
        """Give the optimizers that a checkpoint brought back the rates and momenta of the remedies."""
        asked = {one.partition("=")[0] for entry in self.entries for one in entry["remedy"]}
        rate = bool({"optimizer.lr", "optimizer.lr_d", "gan_lr"} & asked)
        momentum = bool({"optimizer.beta1", "optimizer.beta1_d"} & asked)
        for optimizer in method.optimizers.values():
            renew(optimizer, rate=rate, momentum=momentum)


def act(ailment: Ailment, policy: OnUnhealthy, run: Run, kind: type[TrainConfig], say: Say) -> None:
    """What the policy asks for when a failure has ended a session.

    Raises TrainingError to end the run with a sentence (status 1), RolledBack to begin again.
    """
    goes_on = f"Everything is saved in {run.path}; the same command goes on as it is."
    if policy == "pause":
        raise TrainingError(f"Paused: {told(ailment)} {goes_on}")
    rollbacks = Rollbacks(run)
    if not ailment.remedy or DETECTORS[ailment.name].anew:
        raise TrainingError(f"Paused, since no setting cures it within the run: {told(ailment)} {goes_on}")
    if len(rollbacks.entries) >= MOST:
        raise TrainingError(f"Paused after {MOST} rollbacks, none of which helped for good: {told(ailment)} {goes_on}")
    entry = rollbacks.add(ailment, kind)
    settings = " ".join(f"--set {one}" for one in entry["remedy"])
    say(f"Note: {ailment.title}. Back to {entry['to']} images, with {settings}.", err=True)
    raise RolledBack


def act_alike(ailment: Ailment, policy: OnUnhealthy, run: Run, kind: type[TrainConfig], say: Say, first: bool) -> None:
    """`act` by the first of several processes; the others begin again with it, or end without a word."""
    if not first:
        if from_first(False):
            raise RolledBack
        return
    report_meanwhile(run)
    try:
        act(ailment, policy, run, kind, say)
    except RolledBack:
        from_first(True)
        raise
    except TrainingError:
        from_first(False)
        raise
