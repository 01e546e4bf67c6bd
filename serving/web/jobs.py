"""The translations under way: where each stands, how one is cancelled, and when the server may end.

A client names its own by the header X-Request-Id, and may watch it at /v1/jobs/ID as server-sent events.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

import anyio
from fastapi import FastAPI, Request
from starlette.responses import StreamingResponse

from ...errors import RequestError
from ..runtime.jobs import Job
from .admission import ClosingError
from .errors import error_responses

Answer = TypeVar("Answer")

TICK = 0.2
"""Seconds between two events."""
PATIENCE = 10.0
"""Seconds that a job may be watched before its picture has been let in."""


async def _nowhere(_name: str) -> None:
    return None


class Jobs:
    """Those under way, by their ids. Of the event loop's thread alone."""

    def __init__(self, seconds: float, threads: Callable[[], int]) -> None:
        """Each may take `seconds`, waiting included; so many `threads` may work or wait at once."""
        self.seconds = seconds
        self.is_closing = False
        """Whether no more are taken: what is under way is finished."""
        self._threads = threads
        self._limiter: anyio.CapacityLimiter | None = None
        self._under_way: dict[str, Job] = {}
        self.elsewhere: Callable[[str], Awaitable[dict[str, Any] | None]] = _nowhere
        """The state of a job of another process of the same server; None where there is none."""

    @property
    def count(self) -> int:
        """Jobs under way."""
        return len(self._under_way)

    def find(self, name: str) -> Job | None:
        """The job of that id, while it is under way."""
        return self._under_way.get(name)

    @contextlib.contextmanager
    def begun(self, request: Request) -> Iterator[Job]:
        """A request's job; raises ClosingError when the server is about to end, RequestError on an id in use."""
        with self.named(request.state.request_id) as job:
            yield job

    @contextlib.contextmanager
    def named(self, name: str, seconds: float = float("inf")) -> Iterator[Job]:
        """A job by its id, which has at most `seconds`; raises what `begun` raises."""
        if self.is_closing:
            raise ClosingError
        if name in self._under_way:
            raise RequestError(f"Another request goes by the X-Request-Id {name!r} now. Take a new one for each.")
        self._under_way[name] = job = Job(min(seconds, self.seconds))
        try:
            yield job
        finally:
            del self._under_way[name]

    def cancel_all(self) -> None:
        """End what is under way."""
        for job in self._under_way.values():
            job.cancel()

    async def run(self, request: Request, job: Job, work: Callable[[], Answer]) -> Answer:
        """`work()` in a thread. The job is cancelled when the client leaves and when its time has passed."""
        leaving = asyncio.create_task(_cancel_when_left(request, job))
        try:
            return await self.work(job, work)
        finally:
            leaving.cancel()

    async def work(self, job: Job, work: Callable[[], Answer]) -> Answer:
        """`work()` in a thread. The job is cancelled when its time has passed, and with the task that asks for it."""
        self._limiter = self._limiter or anyio.CapacityLimiter(1)
        self._limiter.total_tokens = self._threads()
        deadline = asyncio.get_running_loop().call_later(job.left, job.cancel)
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._limiter)
        except asyncio.CancelledError:
            job.cancel()
            raise
        finally:
            deadline.cancel()


def add_jobs(app: FastAPI, jobs: Jobs) -> None:
    """The route at which a job is watched."""
    events = {"description": "Events.", "content": {"text/event-stream": {"schema": {}}}}

    @app.get("/v1/jobs/{name}", response_class=StreamingResponse, responses={200: events, **error_responses()})
    async def watch(name: str) -> StreamingResponse:
        """Where the translation stands that was sent with `X-Request-Id: {name}`, as server-sent events.

        Each is `{"state": "unknown" | "queued" | "running" | "done", "place", "done", "total"}`: how many pictures are
        before it, and how many parts of it are computed of how many. The last one says done.
        """
        return StreamingResponse(_events(jobs, name), media_type="text/event-stream", headers=UNCACHED)


UNCACHED = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""For proxies, which would keep events together."""


UNKNOWN: dict[str, Any] = {"state": "unknown", "place": None, "done": 0, "total": 0}


def state_of(job: Job) -> dict[str, Any]:
    """As events have it."""
    state = "queued" if job.place or not job.is_begun else "running"
    return {"state": state, "place": job.place, "done": job.done, "total": job.total}


async def _events(jobs: Jobs, name: str) -> AsyncIterator[str]:
    job: Job | None = None
    last: dict[str, Any] | None = None
    before: dict[str, Any] = {}
    waited = silent = 0.0
    while True:
        found = jobs.find(name)
        job = found or job
        seen = state_of(found) if found is not None else await jobs.elsewhere(name) if job is None else None
        last = seen or (state_of(job) if job is not None else last)
        now = seen or (UNKNOWN if last is None else {**last, "state": "done"})
        if now != before or silent >= PATIENCE:
            yield f"data: {json.dumps(now)}\n\n"
            before, silent = now, 0.0
        if now["state"] == "done" or (last is None and (waited >= PATIENCE or jobs.is_closing)):
            return
        await asyncio.sleep(TICK)
        waited, silent = waited + TICK, silent + TICK


async def _cancel_when_left(request: Request, job: Job) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    job.cancel()
