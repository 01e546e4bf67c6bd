"""Translates the pictures of batches, one at a time and beside what others ask for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from ....errors import I2IError
from ...runtime.jobs import CancelledError, Job
from ..admission import BusyError
from ..service import ModelService
from .store import Queued, Store

log = logging.getLogger("i2i.serving")

PAUSE = 0.5
"""Seconds until it looks again, when the model is busy."""
IDLE = 1.0
"""Seconds until it looks again for batches that another process of the server took."""
CLIENT = "batches"


class Worker:
    """A thread of its own, from `start` to `stop`."""

    def __init__(self, store: Store, services: Mapping[str, ModelService], seconds: float) -> None:
        """A picture may take `seconds`."""
        self.store, self.services, self.seconds = store, services, seconds
        self.new = threading.Event()
        """Set when there is something to do."""
        self._is_ending = False
        self._job: Job | None = None
        self._thread = threading.Thread(target=self._run, name="i2i-batches", daemon=True)

    def start(self) -> None:
        """Begin, with what a server before has left."""
        self.store.recover()
        self._thread.start()

    def stop(self) -> None:
        """End; the picture that is being computed is begun anew by the next server."""
        self._is_ending = True
        self.new.set()
        if self._job is not None:
            self._job.cancel()
        if self._thread.is_alive():
            self._thread.join(10)
        self.store.close()

    def _run(self) -> None:
        while not self._is_ending:
            picture = self.store.take()
            if picture is None or not self._settle(picture):
                self.new.wait(PAUSE if picture is not None else IDLE)
                self.new.clear()

    def _settle(self, picture: Queued) -> bool:
        """Whether it is done; False: it is put back, as the model is busy or the server ends."""
        self._job = Job(self.seconds)
        if self._is_ending:
            self._job.cancel()
        if picture.model not in self.services:
            self.store.settle(picture, error=f"The server has no model {picture.model!r} any more.")
            return True
        service = self.services[picture.model]
        try:
            with service.admission.enter(CLIENT):
                made = service.translate(picture.sent, picture.settings, self._job, picture.format)
            self.store.settle(picture, made)
        except (BusyError, CancelledError):
            self.store.put_back(picture)
            return False
        except I2IError as error:
            self.store.settle(picture, error=str(error))
        except Exception:
            log.exception("a picture of a batch failed")
            self.store.settle(picture, error="The server failed on this picture; its log says why.")
        return True
