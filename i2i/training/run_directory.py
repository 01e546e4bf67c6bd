"""The run directory: everything that a training run leaves, and the way back into it (docs/run-directory.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from .. import renamed
from ..errors import RunError
from ..files import append, write_atomically
from ..hardware.system import environment
from ..methods.config import TrainConfig
from ..settings import differences, read_yaml, resolve, to_yaml

C = TypeVar("C", bound=TrainConfig)


class Run:
    """Paths and files of one run directory; creates nothing until something is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_file = path / "config.yaml"
        self.log_file = path / "log.jsonl"
        self.checkpoints = path / "checkpoints"
        self.samples = path / "samples"
        self.report = path / "report.html"

    @property
    def exists(self) -> bool:
        """Whether a run was started here."""
        return self.config_file.exists()

    @property
    def has_checkpoints(self) -> bool:
        """Whether there is anything to go on from."""
        return any(self.checkpoints.glob("[0-9]*"))

    def start(self, config: TrainConfig) -> None:
        """Begin a run, or make sure that `config` continues the one that is here.

        Raises RunError when the folder holds something else, or a run that `config` does not continue.
        """
        self.check_place(config)
        if self.exists:
            self._check_continues(config)
        write_atomically(self.config_file, to_yaml(config).encode())

    def check_place(self, config: TrainConfig) -> None:
        """Raises RunError when the folder cannot be that of a run with `config`, whatever its other settings."""
        if self.exists:
            if self.method() != config.method:
                raise RunError(
                    f"{self.path} holds a {self.method()} run, not {config.method}. Choose another folder for --run."
                )
        elif self.path.is_file():
            raise RunError(f"{self.path} is a file; --run names a folder for the run.")
        elif self.path.exists() and any(self.path.iterdir()):
            raise RunError(f"{self.path} is not empty and holds no run. Choose another folder for --run.")
        if self.path.resolve().is_relative_to(Path(config.data.path).resolve()):
            raise RunError(
                f"{self.path} lies among the training pictures of {config.data.path}, and would be taken for some. "
                "Choose another folder for --run."
            )

    def _check_continues(self, config: TrainConfig) -> None:
        before = self.config(type(config))
        changed = differences(before, config, before.free_to_change(), renamed.settings(read_yaml(self.config_file))[0])
        if changed and self.has_checkpoints:  # else nothing is there to go on from
            raise RunError(
                f"{self.path} holds a run with other settings: {'; '.join(changed)}. "
                "Give the same settings to resume it, or another --run to start anew."
            )
        seen = max((int(p.name) for p in self.checkpoints.glob("[0-9]*")), default=0)
        if config.total is not None and config.total < seen:
            raise RunError(
                f"{self.path} has seen {seen} images already, more than the {config.total} asked for. "
                "Ask for as many or more, or start anew in another --run."
            )

    def method(self) -> str:
        """The method of the run that is here; raises RunError when there is none."""
        if not self.exists:
            raise RunError(f"{self.path} holds no run (no config.yaml). Start one with i2i train.")
        return str(read_yaml(self.config_file).get("method"))

    def config(self, model: type[C]) -> C:
        """The configuration of the run that is here."""
        return resolve(model, [read_yaml(self.config_file)]).with_network_defaults()

    def log(self, record: Mapping[str, Any]) -> None:
        """Append one line to log.jsonl."""
        append(self.log_file, (json.dumps(record) + "\n").encode())

    def records(self) -> list[dict[str, Any]]:
        """Every whole line of log.jsonl, oldest first."""
        if not self.log_file.exists():
            return []
        records = []
        for line in self.log_file.read_text("utf-8", errors="replace").splitlines():
            try:
                records.append(json.loads(line))
            except ValueError:  # the last line of a killed run
                continue
        return records

    def rewind_log(self, images: int) -> None:
        """Drop what was logged after the checkpoint that the run goes on from."""
        kept = [json.dumps(r) for r in self.records() if r.get("images", 0) <= images]
        write_atomically(self.log_file, "".join(line + "\n" for line in kept).encode())

    def environment(self) -> dict[str, Any]:
        """What `write_environment` left, or nothing."""
        path = self.path / "environment.json"
        try:
            facts = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):  # it is for people and for the card; a run goes on without it
            facts = {}
        return facts if isinstance(facts, dict) else {}

    def write_environment(self, facts: Mapping[str, Any]) -> None:
        """environment.json: the machine, the versions and `facts`."""
        write_atomically(self.path / "environment.json", json.dumps({**environment(), **facts}, indent=1).encode())
