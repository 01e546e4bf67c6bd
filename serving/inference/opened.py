"""A model's file, which can be opened more than once: in another precision, after memory failed, in segments."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

from ...card import Card
from ...errors import ModelFileError, ProviderError, RequestError
from ..runtime.model_file import read_model
from ..runtime.profiles import Profile, quantised_file
from ..runtime.providers import BACKENDS, INT8, Running, open_session
from .by_size import BySize
from .executors import Executor, Whole
from .fixed import FixedSize
from .memory import Memory, Peak
from .tiles import Tile

MAPS = ("fp32", "bf16")
"""What feature maps between segments are held in."""


class ModelFile:
    """The file by its digest, and how its sessions are opened."""

    def __init__(
        self, path: Path, card: Card, sha256: str, device: str, threads: int, *, is_quantised: bool = False
    ) -> None:
        """`is_quantised`: it is a copy in int8, the rest of which is computed in what is quickest."""
        self.is_quantised = is_quantised
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
            return self._opened(raw or self.read(), self.device, precision)
        except ModelFileError as error:
            raise ModelFileError(f"{self.path}: {error}") from error

    def of(self, profile: Profile) -> ModelFile:
        """The file that runs by the profile: this one, or its copy in int8."""
        if profile.precision != INT8:
            return self
        return self.quantised(profile.quantised)

    def quantised(self, sha256: str) -> ModelFile:
        """Its copy in int8, which has this digest."""
        path = quantised_file(self.sha256)
        return ModelFile(path, self.card, sha256, self.device, self.threads, is_quantised=True)

    def _opened(self, raw: bytes, device: str, precision: str) -> Running:
        precision = "auto" if self.is_quantised else precision
        return open_session(raw, self.card, device, precision, self.threads, is_quantised=self.is_quantised)

    def open_as(self, profile: Profile, raw: bytes | None = None) -> Running | None:
        """A session as the profile says; None where that is not to be had any more."""
        try:
            running = self._opened(raw or self.read(), profile.device, profile.precision)
        except (ProviderError, RequestError):
            return None
        title, tiles = BACKENDS[profile.device].title, f" in tiles of {profile.tile}" if profile.tile != "auto" else ""
        reason = f"{title} in {profile.precision}{tiles}, the best here by i2i tune of {profile.found}."
        return dataclasses.replace(running, reason=reason)

    def executor(
        self, running: Running, tile: Tile, memory: Memory, maps: str = "fp32", peak: Peak | None = None
    ) -> BySize | FixedSize:
        """What computes pictures of every size by a session; `peak` is what is known of the memory that runs take."""
        # Not `running` itself: what holds that holds its first session, when others have long taken its place.
        reopen, precision = running.reopen, running.precision
        where = f"{running.provider} in {precision}"

        def segmented() -> Executor:
            from .segments.executor import Segmented

            executor = Segmented(self.read(), self.card, reopen, where, memory.room)
            executor.check(exact=precision == "fp32")
            executor.is_half = maps == "bf16"
            return executor

        whole = Whole(running.session, self.card, where, lambda: reopen(self.read()))
        peak = peak or Peak(self.read, self.card)
        if self.card.fixed_size is not None:
            return FixedSize(whole, self.card, peak)
        return BySize(whole, self.card, tile, running.provider, memory, peak, segmented)
