"""An engine in a process of Ray's, which converts some pictures at a time and leaves their files beside their places.

It renames nothing and writes no journal: the process that the user started does, when it hears of a file. So a file
gets its name once, however often a picture was converted because the process that did it was killed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import pickle
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ....errors import I2IError, StorageError
from ....files import PART, write_beside
from ....hardware.system import available_memory
from ...inference.chain import Chain
from ...inference.engine import Engine
from ...inference.memory import SHARE
from ..claim import TRIES
from ..failures import STORAGE_ERRORS
from ..journal import FOLDER, Source, file_digest
from ..making import Making
from ..plan import Job
from ..report import FileResult
from ..stores.claim import PARTS
from ..stores.url import Url

DECODING = 2
"""Threads that read and write, beside those that compute."""
MOST_TRIES = 3
"""Begun so often and never ended, a group is given up: one of its pictures ends the process."""


@dataclasses.dataclass(frozen=True)
class Part:
    """A whole file beside its place."""

    path: Path
    size: int
    sha256: str
    read: Source
    """Its source, as it was read."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What became of one job of a batch."""

    place: int
    """Of the job, among all of the run."""
    result: FileResult
    pixels: int
    part: Part | None


@dataclasses.dataclass(frozen=True)
class Ended:
    """Why nothing more can be converted by this worker."""

    why: str
    status: int
    storage: tuple[int, str, Path] | None = None
    """Number and words of the system's error, and where, when it was about writing."""


@dataclasses.dataclass(frozen=True)
class Model:
    """A model's file, as the user's process has it."""

    path: Path
    sha256: str
    content: Any = None
    """A reference to its bytes in Ray's store, for machines that do not see the file."""


@dataclasses.dataclass(frozen=True)
class Expected:
    """What must be the same in every worker, so that results do not depend on who made them."""

    folder: Path | None
    """The working directory, which relative paths start from; None where all is in stores."""
    target: Path
    """The folder that is written into, or the place in a store."""
    how: tuple[str, ...]
    """Provider and precisions."""


class Worker:
    """Called by Ray Data with batches of one row of pickled jobs; gives as many rows of pickled answers."""

    def __init__(
        self,
        models: Sequence[Model],
        options: Mapping[str, Any],
        share: float,
        expected: Expected,
        making: Mapping[str, Any],
    ) -> None:
        """`options` are those of Engine, `share` is of the machine's memory, `making` are the options of Making."""
        self.refusal: Ended | None = None
        self.ours = expected.target / FOLDER
        self._parts: dict[Path, Part] = {}
        self._failed: tuple[int, str, Path] | None = None
        try:
            self._stand_in(expected)
            engine = _opened(models, dict(options), share)
            if how_of(engine) != expected.how:
                here, there = "; ".join(how_of(engine)), "; ".join(expected.how)
                raise I2IError(
                    f"A machine of the cluster ({os.uname().nodename}) runs the model on {here}, and this one on "
                    f"{there}, so results would differ. Give --device and --precision that all of them have."
                )
            self.making = Making(engine, self._beside, **making)
        except I2IError as error:
            self.refusal = Ended(str(error), error.status)

    def __call__(self, rows: dict[str, Any]) -> Iterator[dict[str, list[bytes]]]:
        """The answers to the jobs of each row."""
        for row in rows["jobs"]:
            yield {"answers": [pickle.dumps(self._answers(*pickle.loads(row)))]}

    def _answers(self, group: str, jobs: list[tuple[int, Job]]) -> list[Answer | Ended]:
        if self.refusal is not None:
            return [self.refusal]
        if _begun(self.ours / TRIES / group) >= MOST_TRIES:
            return []
        answers: list[Answer | Ended] = []
        try:
            places = {job.target: place for place, job in jobs}
            for result, pixels in self.making.results([job for _, job in jobs], DECODING, len(jobs)):
                answers.append(Answer(places[result.target], result, pixels, self._parts.pop(result.target, None)))
        except StorageError as error:
            answers.append(Ended(str(error), error.status, self._failed))
        return answers

    def _beside(self, target: Path, data: bytes, _source: Path, read: Source) -> str:
        """See Write; the file gets no name yet."""
        try:
            path = self._part(data) if isinstance(target, Url) else write_beside(target, data, PART)
        except OSError as error:
            if error.errno in STORAGE_ERRORS:
                self._failed = (error.errno or 0, str(error.strerror), target)
            raise
        digest = hashlib.sha256(data).hexdigest()
        self._parts[target] = Part(path, len(data), digest, read)
        return digest

    def _part(self, data: bytes) -> Path:
        part = self.ours / PARTS / uuid.uuid4().hex
        part.write_bytes(data)
        return part

    def _stand_in(self, expected: Expected) -> None:
        if expected.folder is None:
            return
        try:
            os.chdir(expected.folder)
            is_there = isinstance(expected.target, Url) or expected.target.is_dir()
        except OSError:
            is_there = False
        if not is_there:
            raise I2IError(
                f"A machine of the cluster ({os.uname().nodename}) does not see {expected.target} from "
                f"{expected.folder}. Name folders that all of them have at the same place, on a drive that they share."
            )


def _begun(path: Path) -> int:
    """How often a group was begun before: its file has a byte for each time."""
    path.parent.mkdir(exist_ok=True)
    before = b""
    with contextlib.suppress(FileNotFoundError):
        before = path.read_bytes()
    path.write_bytes(before + b".")
    return len(before)


def how_of(engine: Engine | Chain) -> tuple[str, ...]:
    """What results depend on that a machine decides: provider and precisions."""
    return engine.provider, f"{engine.precision} (deep pictures: {engine.deep_precision})"


def _opened(models: Sequence[Model], options: dict[str, Any], share: float) -> Engine | Chain:
    room = options.pop("memory", None) or (available_memory() or 2**32) * SHARE
    options["memory"] = int(room * share)
    engines = []
    for model in models:
        with _file_of(model) as path:
            engines.append(Engine(path, **options))
    return engines[0] if len(engines) == 1 else Chain(engines)


@contextlib.contextmanager
def _file_of(model: Model) -> Iterator[Path]:
    """The file where it is seen, or a copy."""
    if model.content is None or file_digest(model.path) == model.sha256:
        yield model.path
        return
    import ray

    copy = Path(tempfile.mkdtemp(prefix="i2i-")) / model.path.name  # which stays: a worn session is opened from it anew
    copy.write_bytes(ray.get(model.content))
    yield copy
