"""The models of a process by name, and what has become of their files since."""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from ...errors import I2IError, RequestError
from ..runtime.resolve import exported_models, resolve_model
from .ledger import Ledger
from .model import Found, Held, Model, opened, read

Stamp = tuple[int, int, int]


@dataclasses.dataclass
class Changes:
    """What reading the models again has found."""

    added: list[str] = dataclasses.field(default_factory=list)
    replaced: list[str] = dataclasses.field(default_factory=list)
    removed: list[str] = dataclasses.field(default_factory=list)
    refused: list[str] = dataclasses.field(default_factory=list)
    """A sentence for each file that is no model that can be served; what had its name before stays."""

    def __str__(self) -> str:
        told = [("added", self.added), ("replaced", self.replaced), ("removed", self.removed)]
        lines = [f"{what.capitalize()}: {', '.join(names)}." for what, names in told if names]
        return " ".join([*lines, *self.refused]) or "The models are as they were."


class Host(Mapping[str, Model]):
    """The models of run directories, ONNX files and folders of them, by the names that clients use: the card's, with
    `-2`, `-3` … where names repeat. Safe to use from several threads: a mapping that was begun to be walked stays.
    """

    def __init__(
        self,
        places: Iterable[Path],
        direction: str | None = None,
        device: str = "auto",
        precision: str = "auto",
        ledger: Ledger | None = None,
        threads: int | None = None,
        opening: Callable[[Path], Held] | None = None,
    ) -> None:
        """Reads every model's card, and opens none. A run with two directions gives both unless `direction` is given.
        `opening` gives the engine of a file where that of `device` and `precision` will not do.

        Raises RequestError where there is no model at all, and what `resolve_model` and `read_model` raise.
        """
        self.places, self.direction = list(places), direction
        self.ledger = ledger or Ledger()
        self._opening = opening or functools.partial(opened, device=device, precision=precision, threads=threads)
        self._looking = threading.Lock()
        self._seen = self._stamps()
        self._models: dict[str, Model] = {}
        for path in dict.fromkeys(path for place in self.places for path in self._files(place)):
            found = read(path)
            name = self._free(found.card.name, self._models)
            self._models[name] = self._model(name, found)
        if not self._models:
            raise RequestError("There is no model to serve. Name a run directory or an ONNX file.")

    def __getitem__(self, name: str) -> Model:
        return self._models[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    @property
    def has_changed(self) -> bool:
        """Whether files came, went or are others than when they were read last."""
        return self._stamps() != self._seen

    def look(self) -> Changes:
        """Read the places again. What has changed and was open is opened, and so proved, before it takes the place of
        what was there; that one is closed when nobody uses it any more. A file that is no model changes nothing.
        """
        with self._looking:
            changes, seen = Changes(), self._stamps()
            before, now = {model.path: model for model in self._models.values()}, {}
            for path in self._files_now(before, changes):
                is_same = path in before and seen.get(path) in (None, self._seen.get(path))
                model = before[path] if is_same else self._read_again(path, before, changes)
                if model is not None:
                    now[model.name] = model
            self._seen = seen
            if not now:
                changes.refused.append("No model is left; those that were there are served on.")
                return changes
            gone = [model for name, model in self._models.items() if now.get(name) is not model]
            changes.removed += [model.name for model in gone if model.name not in now]
            self._models = now
        for model in gone:
            model.retire()
        return changes

    def _read_again(self, path: Path, before: Mapping[Path, Model], changes: Changes) -> Model | None:
        old = before.get(path)
        try:
            found = read(path)
            if old is not None and found.sha256 == old.found.sha256:
                return old
            if old is None:
                taken = {model.name for model in before.values()} | set(changes.added)
                model = self._model(self._free(found.card.name, taken), found)
            else:
                model = self._model(old.name, found, old.version + 1)
                if old.engine is not None:
                    with model.held():
                        pass
        except I2IError as error:
            changes.refused.append(str(error))
            return old
        (changes.added if old is None else changes.replaced).append(model.name)
        return model

    def _model(self, name: str, found: Found, version: int = 1) -> Model:
        return Model(name, found, self.ledger, self._opening, version)

    def _files(self, place: Path) -> list[Path]:
        """The models of a place, unread; raises what `resolve_model` raises."""
        found = _exported(place) if place.is_dir() and self.direction is None else []
        return found or [resolve_model(place, self.direction)]

    def _files_now(self, before: Iterable[Path], changes: Changes) -> Iterator[Path]:
        """Those of all places; of a place that is no good now, those that were there."""
        for place in self.places:
            try:
                yield from self._files(place)
            except I2IError as error:
                changes.refused.append(str(error))
                yield from (path for path in before if place in (path, *path.parents))

    def _stamps(self) -> dict[Path, Stamp | None]:
        """By which it is seen that any file at the places is another."""
        folders = [folder for place in self.places if place.is_dir() for folder in (place, *_inner(place))]
        files = [*(place for place in self.places if place.is_file()), *(f for d in folders for f in d.glob("*.onnx"))]
        return {file: _stamp(file) for file in files}

    @staticmethod
    def _free(name: str, taken: Iterable[str]) -> str:
        number, free = 2, name
        while free in taken:
            free, number = f"{name}-{number}", number + 1
        return free


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _exported(folder: Path) -> list[Path]:
    """The models in a folder, or in the folders in it."""
    return exported_models(folder) or [file for each in _inner(folder) for file in exported_models(each)]


def _inner(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
