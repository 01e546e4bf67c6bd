"""A model's file, which can be opened more than once: in another precision, after memory failed, in segments."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ...card import Card
from ...errors import ModelFileError
from ..runtime.model_file import read_model
from ..runtime.providers import Running, open_session
from .by_size import BySize
from .executors import Executor, Whole
from .fixed import FixedSize
from .memory import Memory, Peak
from .tiles import Tile


class ModelFile:
    """The file by its digest, and how its sessions are opened."""

    def __init__(self, path: Path, card: Card, sha256: str, device: str, threads: int) -> None:
        self.path, self.card, self.sha256 = path, card, sha256
        self.device, self.threads = device, threads

    def read(self) -> bytes:
        """The bytes once more; raises ModelFileError when they are others than those that were loaded."""
        raw, _ = read_model(self.path)
        if hashlib.sha256(raw).hexdigest() != self.sha256:
            raise ModelFileError(f"{self.path} has changed since it was loaded. Load it again.")
        return raw

    def open(self, precision: str, raw: bytes | None = None) -> Running:
        """A session that passed the probe; raises ModelFileError, ProviderError and UnknownNameError."""
        try:
            return open_session(raw or self.read(), self.card, self.device, precision, self.threads)
        except ModelFileError as error:
            raise ModelFileError(f"{self.path}: {error}") from error

    def executor(self, running: Running, tile: Tile, memory: Memory) -> BySize | FixedSize:
        """What computes pictures of every size by a session."""
        where = f"{running.provider} in {running.precision}"

        def segmented() -> Executor:
            from .segments.executor import Segmented

            executor = Segmented(self.read(), self.card, running.reopen, where, memory.room)
            executor.check(exact=running.precision == "fp32")
            return executor

        whole = Whole(running.session, self.card, where, lambda: running.reopen(self.read()))
        if self.card.fixed_size is not None:
            return FixedSize(whole, self.card)
        return BySize(whole, self.card, tile, running.provider, memory, Peak(self.read, self.card), segmented)
