"""The run directory: everything that a training run leaves, and the way back into it (docs/run-directory.md).

The only module that reads config.yaml, log.jsonl, environment.json, the list of checkpoints, best.json and the list of
sample grids; old names in them are read as the present ones. It needs no torch, for reports are written without it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from .. import renamed
from ..errors import RunError
from ..files import append, remove_unfinished, write_atomically
from ..hardware.system import environment
from ..settings import differences, read_yaml, resolve, to_yaml
from . import log_file
from .digests import damage
from .log_file import LogPlace, Record

if TYPE_CHECKING:  # a reader needs neither, and they bring torch
    from ..methods.config import TrainConfig

C = TypeVar("C", bound="TrainConfig")

WEIGHTS, STATE, BEST, BEST_FIGURE = "weights.safetensors", "state.pt", "best", "best.json"
"""Files of a checkpoint, the folder of the best one, and the file there that says which it is."""
BEST_BEFORE = "best-before"
"""The folder of the best one before that."""

LOCK = ".lock"
"""An empty file, held while a process trains here."""

GRID_LAYOUT, GRID_FILE = "i2i.grid", "grid.json"
"""Name of the text in a sample grid's PNG that says where its cells are, and the file that says the same."""


class Run:
    """Paths and files of one run directory; creates nothing until something is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_file = path / "config.yaml"
        self.log_file = path / "log.jsonl"
        self.environment_file = path / "environment.json"
        self.checkpoints = path / "checkpoints"
        self.samples = path / "samples"
        self.report = path / "report.html"

    # What is there

    @property
    def exists(self) -> bool:
        """Whether a run was started here."""
        return self.config_file.exists()

    @property
    def has_checkpoints(self) -> bool:
        """Whether there is anything to go on from."""
        return any(self.checkpoints.glob("[0-9]*"))

    def holds_any(self) -> bool:
        """Whether there is anything that a report could show."""
        return any(p.exists() for p in (self.config_file, self.log_file, self.environment_file, self.samples))

    def method(self) -> str:
        """The method of the run that is here; raises RunError when there is none."""
        if not self.exists:
            raise RunError(f"{self.path} holds no run (no config.yaml). Start one with i2i train.")
        return str(self.raw_config().get("method"))

    def config(self, model: type[C]) -> C:
        """The configuration of the run that is here."""
        return resolve(model, [self.raw_config()]).with_network_defaults()

    def raw_config(self, *, tolerant: bool = False) -> dict[str, Any]:
        """What config.yaml says, by the present names of the settings, unchecked.

        Raises ConfigError for a file that is missing or no mapping; a tolerant reader gets nothing then.
        """
        return renamed.settings(_yaml(self.config_file) if tolerant else read_yaml(self.config_file))[0]

    def old_names(self) -> list[str]:
        """A sentence for each setting that config.yaml has by an old name."""
        return renamed.settings(_yaml(self.config_file))[1]

    def environment(self) -> dict[str, Any]:
        """What `write_environment` left, or nothing: it is for people and for the card, a run goes on without it."""
        return _json(self.environment_file)

    def planned(self) -> int | None:
        """Images of all stages of the run; None where neither environment.json nor config.yaml says."""
        stages = self.environment().get("stages")
        if isinstance(stages, list) and stages and all(isinstance(s, dict) for s in stages):
            lengths = [stage.get("images") for stage in stages]
        else:
            config = self.raw_config(tolerant=True)
            lengths = [config.get("images"), config.get("gan_images", 0)]
        return sum(lengths) if all(isinstance(images, int) for images in lengths) else None

    def records(self, *, tolerant: bool = False) -> list[Record]:
        """Every whole line of log.jsonl by the present names, oldest first.

        For a tolerant reader, lines that do not say at how many images they were written are left out, and so are
        values that are no number; where `images` falls, a resumed run went back to its checkpoint, and the lines of the
        abandoned stretch are dropped; of two lines at the same `images` the later values win.
        """
        lines = [renamed.log_record(line) for line in log_file.lines(self.log_file)]
        return log_file.one_series(lines) if tolerant else lines

    def new_records(self, after: LogPlace) -> tuple[list[Record], LogPlace]:
        """Whole lines of log.jsonl since that place by the present names, and the place behind them.

        All of its lines where the log was rewound since, or where `after` is the beginning.
        """
        lines, place = log_file.new_lines(self.log_file, after)
        return [renamed.log_record(line) for line in lines], place

    def quiet_seconds(self) -> float | None:
        """Seconds since the log was last written to; None when there is none."""
        try:
            return max(0.0, time.time() - self.log_file.stat().st_mtime)
        except OSError:
            return None

    def checkpoints_complete(self) -> list[Path]:
        """Folders of the checkpoints that can be gone on from, oldest first."""
        return complete_checkpoints(self.checkpoints)

    def newest_whole(self) -> tuple[Path | None, list[str]]:
        """The newest checkpoint that is not damaged, None where there is none; and a sentence for each that is."""
        said: list[str] = []
        for path in sorted(self.checkpoints.glob("[0-9]*"), reverse=True):
            why = damage(path, (WEIGHTS, STATE))
            if why is None:
                return path, said
            said.append(f"The checkpoint {path} is damaged ({why}), so the one before is taken.")
        return None, said

    def best(self) -> tuple[Path, dict[str, Any]] | None:
        """The folder of the best generator's weights and its figure, `{"images": …, "val_…": …}`; None when none is.

        Where that is damaged it is the best one before; `best_damage` tells.
        """
        for folder in (self.checkpoints / BEST, self.checkpoints / BEST_BEFORE):
            figure = _json(renamed.present(folder / BEST_FIGURE))
            if isinstance(figure.get("images"), int) and self._best_damage(folder) is None:
                return folder, figure
        return None

    def best_damage(self) -> str | None:
        """A sentence where the best checkpoint is damaged."""
        why = self._best_damage(self.checkpoints / BEST) if (self.checkpoints / BEST).exists() else None
        return why and f"The best checkpoint {self.checkpoints / BEST} is damaged ({why})."

    def _best_damage(self, folder: Path) -> str | None:
        return damage(folder, (WEIGHTS, renamed.present(folder / BEST_FIGURE).name))

    def grids(self) -> list[tuple[int, Path]]:
        """The sample grids: images seen, and the PNG, oldest first."""
        found = (p for p in self.samples.glob("*.png") if re.fullmatch(r"[0-9]+", p.stem))
        return sorted((int(path.stem), path) for path in found)

    def grid_layout(self) -> dict[str, Any]:
        """Where the cells of a grid are that does not say so itself; nothing where it is not known."""
        return _json(self.samples / GRID_FILE)

    # What is written

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
        elif self.path.exists() and any(path.name != LOCK for path in self.path.iterdir()):
            raise RunError(f"{self.path} is not empty and holds no run. Choose another folder for --run.")
        if self.path.resolve().is_relative_to(Path(config.data.path).resolve()):
            raise RunError(
                f"{self.path} lies among the training pictures of {config.data.path}, and would be taken for some. "
                "Choose another folder for --run."
            )

    def _check_continues(self, config: TrainConfig) -> None:
        before = self.config(type(config))
        changed = differences(before, config, before.free_to_change(), self.raw_config())
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

    def log(self, *records: Mapping[str, Any]) -> None:
        """Append lines to log.jsonl, all of them or none; raises StorageError."""
        append(self.log_file, "".join(json.dumps(record) + "\n" for record in records).encode())

    def remove_unfinished(self) -> None:
        """Remove what a killed session of this run left half-written."""
        for folder in (self.path, self.checkpoints, self.samples):
            remove_unfinished(folder)

    def rewind_log(self, images: int) -> None:
        """Drop what was logged after the checkpoint that the run goes on from; what stays has the present names."""
        kept = [json.dumps(r) for r in self.records() if r.get("images", 0) <= images]
        write_atomically(self.log_file, "".join(line + "\n" for line in kept).encode())

    def amend_environment(self, **facts: Any) -> None:
        """Put facts into environment.json beside what it says; raises StorageError."""
        write_atomically(self.environment_file, json.dumps({**self.environment(), **facts}, indent=1).encode())

    def write_environment(self, facts: Mapping[str, Any]) -> None:
        """environment.json: the machine, the versions and `facts`."""
        write_atomically(self.environment_file, json.dumps({**environment(), **facts}, indent=1).encode())


def complete_checkpoints(folder: Path) -> list[Path]:
    """Those in `folder` that can be gone on from, oldest first."""
    return sorted(p for p in folder.glob("[0-9]*") if (p / STATE).exists())


def _yaml(path: Path) -> dict[str, Any]:
    """The mapping in a file, or nothing when it is missing or damaged."""
    try:
        content = yaml.safe_load(path.read_text("utf-8", errors="replace"))
    except (OSError, ValueError, yaml.YAMLError):  # ValueError: a date that is none
        return {}
    return content if isinstance(content, dict) else {}


def _json(path: Path) -> dict[str, Any]:
    """The mapping in a file, or nothing when it is missing or damaged."""
    try:
        content = json.loads(path.read_text("utf-8", errors="replace"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
