"""A replica: every model, loaded, and one way in to each. What a picture does wrong is an answer, not an exception."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import I2IError
from ...images.image import Picture
from ..hosting.host import Host
from ..inference.engine import Engine
from ..inference.executors import FloatArray
from ..runtime.jobs import Job, working_on

THREADS = 64
"""Pictures that may wait in one replica; how many come is decided by who sends them."""


@dataclasses.dataclass(frozen=True)
class Refused:
    """An error of ours, by its class's name, as it was said."""

    kind: str
    text: str


class Replica:
    """Of Ray Serve; its methods are called from other processes. A model goes by its path, the same on all machines."""

    def __init__(self, models: Sequence[str], device: str, precision: str, threads: int) -> None:
        """Opens every model; raises what that raises, and the replica is not ready then."""
        opening = functools.partial(Engine, device=device, precision=precision, threads=threads)
        host = Host([Path(model) for model in models], opening=opening)
        self.models = {str(model.path): model for model in host.values()}
        self._threads = ThreadPoolExecutor(THREADS, "picture")
        for model in host.values():
            with model.leased():
                pass

    async def pid(self) -> int:
        """Of this process."""
        return os.getpid()

    async def translate(
        self, path: str, picture: Picture, controls: Mapping[str, object], seconds: float | None
    ) -> Picture | Refused:
        """A decoded picture, translated in at most so many seconds."""
        writable = dataclasses.replace(picture, pixels=np.array(picture.pixels))  # what Ray hands over is not
        answer: Picture | Refused = await self._done(
            path, seconds, lambda engine: engine.translate(writable, **controls)
        )
        return answer

    async def run(
        self, path: str, batch: FloatArray, controls: Mapping[str, object], seconds: float | None
    ) -> FloatArray | Refused:
        """(N, C, H, W) in [0, 1], as `Engine.run` takes and gives it."""
        answer: FloatArray | Refused = await self._done(path, seconds, lambda engine: engine.run(batch, **controls))
        return answer

    async def _done(self, path: str, seconds: float | None, work: Callable[[Engine], Any]) -> Any:
        job = Job(seconds)

        def working() -> Any:
            try:
                with working_on(job), self.models[path].leased() as engine:
                    return work(engine)
            except I2IError as error:
                return Refused(type(error).__name__, str(error))

        loop = asyncio.get_running_loop()
        deadline = None if seconds is None else loop.call_later(seconds, job.cancel)
        try:
            return await loop.run_in_executor(self._threads, working)
        except asyncio.CancelledError:  # who asked has left
            job.cancel()
            raise
        finally:
            if deadline is not None:
                deadline.cancel()
