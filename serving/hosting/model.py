"""A model that is offered: its card at once, its engine when somebody asks for it."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from ...card import Card
from ...errors import I2IError, ModelFileError, ProviderError, RequestError
from ..generation.generator import Generator
from ..inference.engine import Engine
from ..inference.memory import give_back, resident
from ..runtime.jobs import StoppedError, current
from ..runtime.model_file import read_model
from .ledger import Ledger, NoRoomError

log = logging.getLogger("i2i.serving")

FACTOR = 2.5
"""Bytes that an open model takes for each of its file, until it was seen: providers keep weights reordered."""
AROUND = 8 * 2**20
"""Bytes that it takes beside."""
AGAIN = 30.0
"""Seconds after which a model that could not be opened is tried again."""


Held = Engine | Generator
"""What runs a model."""


def opened(path: Path, device: str = "auto", precision: str = "auto", threads: int | None = None) -> Held:
    """What runs a file: a translator's engine, or, in fp32 unless told otherwise, what makes pictures from noise.

    Raises what these raise.
    """
    if read_model(path)[1].image is not None:
        return Engine(path, device=device, precision=precision, threads=threads)
    precision = "fp32" if precision == "auto" else precision
    return Generator(path, device=device, precision=precision, threads=threads, is_lenient=True)


@dataclasses.dataclass(frozen=True)
class Found:
    """A file as it was when it was read."""

    path: Path
    card: Card
    sha256: str
    size: int
    """Bytes."""


def read(path: Path) -> Found:
    """A model's file; raises ModelFileError."""
    raw, card = read_model(path)
    return Found(path, card, hashlib.sha256(raw).hexdigest(), len(raw))


class UnopenedError(ProviderError):
    """A model that cannot be opened now."""


class Model:
    """Safe to use from several threads."""

    size = 0
    """Bytes that it holds while it is open."""
    kept = 0
    """Bytes that its sessions keep from picture to picture, beside."""
    is_retired = False
    """Whether another took its place."""

    def __init__(self, name: str, found: Found, ledger: Ledger, opening: Callable[[Path], Held], version: int = 1):
        """`opening` makes the engine of a file; `version` counts the files that had the name."""
        self.name, self.found, self.ledger, self.version = name, found, ledger, version
        self.card, self.path = found.card, found.path
        self.last_used = time.monotonic()
        self._told: list[Callable[[Held], None]] = []
        self._opening = opening
        self._engine: Held | None = None
        self._users = 0
        self._changing = threading.Lock()
        self._failed: tuple[float, str] | None = None

    @classmethod
    def of(cls, name: str, engine: Held, ledger: Ledger) -> Model:
        """One that is open already, and stays so."""
        model = cls(name, Found(engine.path, engine.card, engine.sha256, 0), ledger, lambda _path: engine)
        model._engine = engine
        engine.let_short_ones_by()
        return model

    @property
    def engine(self) -> Held | None:
        """The engine while it is open."""
        return self._engine

    @property
    def is_idle(self) -> bool:
        """Whether it is open and nobody uses it."""
        return self._engine is not None and self._users == 0

    def when_open(self, tell: Callable[[Held], None]) -> None:
        """`tell` is told of the engine now, and each time that it is opened anew."""
        self._told.append(tell)
        if self._engine is not None:
            tell(self._engine)

    @contextlib.contextmanager
    def leased(self) -> Iterator[Engine]:
        """The engine of a translator, as `held` gives it; raises RequestError where it is none."""
        if self.card.image is None:
            raise RequestError(f"{self.name} makes pictures from noise: POST /v1/generate asks for them.")
        with self.held() as engine:
            yield cast(Engine, engine)

    @contextlib.contextmanager
    def leased_generator(self) -> Iterator[Generator]:
        """What makes pictures from noise, as `held` gives it; raises RequestError where it is none."""
        with self.held() as engine:
            if not isinstance(engine, Generator):
                raise RequestError(f"{self.name} makes no pictures from noise here.")
            yield engine

    @contextlib.contextmanager
    def held(self) -> Iterator[Held]:
        """Its engine, opened where it is not yet and kept open within.

        Raises UnopenedError when it cannot be opened, CancelledError and DeadlineError when the thread's job is to end.
        """
        with self.ledger.changed:
            self._users += 1  # before it is opened: nobody may close it between the two
        try:
            yield self._engine or self._opened()
        finally:
            with self.ledger.changed:
                self._users -= 1
                self.last_used = time.monotonic()
                self.ledger.changed.notify_all()

    def retire(self) -> None:
        """Another took its place; who was let in to it may still use it for a while."""
        self.is_retired, self.last_used = True, time.monotonic()

    def close(self) -> None:
        """Give its memory back; not while somebody uses it."""
        self._engine = None
        self.ledger.closed(self)
        give_back()

    def let_go(self) -> None:
        """Give back what its sessions keep; not while somebody uses it."""
        if self._engine is not None:
            self._engine.let_go()

    def _opened(self) -> Held:
        with self._changing:
            if self._engine is not None:
                return self._engine
            if self._failed is not None and time.monotonic() < self._failed[0] + AGAIN:
                raise UnopenedError(self._failed[1])
            job = current()
            if job is not None:
                job.check()
            try:
                engine = self._engine = self._open()
            except StoppedError:
                raise
            except NoRoomError as error:
                raise self._failing(f"The model {self.name!r} cannot be opened. {error}", error) from error
            except I2IError as error:
                raise self._failing(f"The model {self.name!r} cannot be opened; the log says why.", error) from error
            return engine

    def _failing(self, text: str, error: Exception) -> UnopenedError:
        log.error("%s: %s", self.name, error)
        self._failed = (time.monotonic(), text)
        return UnopenedError(text)

    def _open(self) -> Held:
        expected = int(FACTOR * self.found.size) + AROUND
        self.ledger.make_room(self, expected)
        try:
            with self.ledger.opening:
                before = resident()
                engine = self._opening(self.path)
                if engine.sha256 != self.found.sha256:
                    raise ModelFileError(f"{self.path} has changed since it was read; have the models read again.")
                engine.let_short_ones_by(lambda: self.ledger.grow(self, self.size))
                # Others are at work beside, so what the process has grown by is believed between bounds.
                self.ledger.resize(self, min(max(resident() - before, self.found.size), expected))
                engine.foretold(1, 1)  # what runs take is worked out from the graph now, not with the first picture
            with self.ledger.alone():
                self.kept = engine.measure(lambda: self.ledger.bodies)
            self.ledger.look()
        except BaseException:
            self.ledger.closed(self)
            raise
        self._failed = None
        for tell in self._told:
            tell(engine)
        return engine
