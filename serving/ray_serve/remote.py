"""An engine as the HTTP server knows one, that computes in whatever replica there is."""

from __future__ import annotations

import contextlib
import hashlib
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray.exceptions import RayActorError, RayError, TaskCancelledError
from ray.serve.exceptions import DeploymentUnavailableError, RayServeException, RequestCancelledError

from ... import errors
from ...errors import I2IError, ModelFileError, ProviderError, first_line
from ...images.image import Picture
from ..inference.executors import FloatArray, OutOfMemoryError
from ..runtime import jobs
from ..runtime.jobs import CancelledError, DeadlineError, current
from ..runtime.model_file import read_model
from .replica import Refused

TRIES = 5
"""Replicas that may die under one picture: beyond that it is likely to be the picture that ends them."""
PAUSE = 0.2
"""Seconds before the next one is asked."""

KINDS: dict[str, type[I2IError]] = {
    kind.__name__: kind
    for home in (errors, jobs)
    for kind in vars(home).values()
    if isinstance(kind, type) and issubclass(kind, I2IError)
} | {OutOfMemoryError.__name__: OutOfMemoryError}
"""Errors that a replica may answer with."""


class Remote:
    """The replicas; safe to use from several threads, but not from an event loop's."""

    def __init__(self, handle: Any) -> None:
        """`handle` is Ray Serve's, of the deployment."""
        self._handle = handle

    def ask(self, method: str, *arguments: Any) -> Any:
        """What a replica answers; another one is asked when it dies. For the thread's job, which may end before.

        Raises what the replica was refused with, ProviderError where none is left, CancelledError and DeadlineError.
        """
        job = current()
        for number in range(TRIES):
            if job is not None:
                job.check()
            left = None if job is None or math.isinf(job.left) else max(0.01, job.left)
            response = getattr(self._handle, method).remote(*arguments, left)
            try:
                with contextlib.nullcontext() if job is None else job.stopping(response.cancel):
                    answer = response.result(timeout_s=left)
            except (RequestCancelledError, TaskCancelledError, TimeoutError) as error:
                if job is not None:
                    job.check()
                if isinstance(error, TimeoutError):
                    raise DeadlineError("The picture was not ready in its time.") from error
                raise CancelledError("The request was cancelled.") from error
            except RayActorError:  # it died, or cannot be reached
                if number == TRIES - 1:
                    raise ProviderError(f"{TRIES} processes ended while they computed this picture.") from None
                time.sleep(PAUSE)
                continue
            except (DeploymentUnavailableError, RayServeException, RayError) as error:
                raise ProviderError(f"No process can compute this now ({first_line(error)}).") from error
            if isinstance(answer, Refused):
                raise _error(answer)
            return answer
        raise AssertionError


class _Batcher:
    """What metrics ask of an engine's batcher: batches are made where the engine is."""

    wait = 0.0
    on_batch: Callable[[int], None] = staticmethod(lambda _count: None)


class RemoteEngine:
    """As `Engine`, as far as the HTTP server and its host of models use it."""

    def __init__(self, path: Path, remote: Remote) -> None:
        """Reads the card; raises ModelFileError."""
        raw, self.card = read_model(path)
        if self.card.image is None:
            raise ModelFileError(f"{path} makes pictures from noise, and Ray Serve runs translators here: i2i serve.")
        self.path, self.sha256 = path, hashlib.sha256(raw).hexdigest()
        self.batcher = _Batcher()
        self.provider, self.precision = "ray", "auto"
        self.reason = "Computed by replicas of Ray Serve."
        self._remote = remote

    def tell_batches(self, tell: Callable[[int], None]) -> None:
        """See Engine."""
        self.batcher.on_batch = tell

    def let_short_ones_by(self, _tell: object = None) -> None:
        """Replicas do."""

    def let_go(self) -> None:
        """Nothing is held here."""

    def measure(self) -> int:
        """Bytes that are kept from picture to picture: none here."""
        return 0

    def foretold(self, _height: int, _width: int) -> tuple[int, int]:
        """Bytes of a run: none of this process."""
        return 0, 0

    def translate(self, picture: Picture, /, **controls: object) -> Picture:
        """See Engine."""
        answer: Picture = self._remote.ask("translate", str(self.path), picture, controls)
        return answer

    def run(self, batch: FloatArray, /, **controls: object) -> FloatArray:
        """See Engine."""
        answer: FloatArray = self._remote.ask("run", str(self.path), batch, controls)
        return answer


def _error(refused: Refused) -> I2IError:
    kind = KINDS.get(refused.kind, ProviderError)
    error = kind.__new__(kind)
    Exception.__init__(error, refused.text)
    return error
