"""Where a job stands that another process of the same server has: each answers the others on a socket of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

from ..jobs import Jobs, state_of

PATIENCE = 1.0
"""Seconds that another process has to answer."""
LONGEST = 1024
"""Bytes of an id."""


class Siblings:
    """The sockets lie in a folder that this user alone can read."""

    def __init__(self, meeting: Path, number: int, jobs: Jobs) -> None:
        """`meeting` is the folder, `number` that of this process."""
        self.meeting, self.jobs = meeting, jobs
        self.own = meeting / f"{number}.socket"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to answer; in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._serving = self._loop.create_task(self._serve())

    def stop(self) -> None:
        """End; from any thread."""
        if self._loop is not None and self._serving is not None:
            self._loop.call_soon_threadsafe(self._serving.cancel)

    async def ask(self, name: str) -> dict[str, Any] | None:
        """The state of a job that one of the others has."""
        others = [path for path in self.meeting.glob("*.socket") if path != self.own]
        answers = await asyncio.gather(*(_asked(path, name) for path in others))
        return next((answer for answer in answers if answer is not None), None)

    async def _serve(self) -> None:
        self.own.unlink(missing_ok=True)  # of one that died
        server = await asyncio.start_unix_server(self._answer, self.own, limit=LONGEST)
        async with server:
            await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError, asyncio.TimeoutError):
            line = await asyncio.wait_for(reader.readline(), PATIENCE)
            job = self.jobs.find(json.loads(line))
            writer.write(json.dumps(None if job is None else state_of(job)).encode() + b"\n")
            await writer.drain()
        writer.close()


async def _asked(path: Path, name: str) -> dict[str, Any] | None:
    with contextlib.suppress(OSError, ValueError, asyncio.TimeoutError):
        reader, writer = await asyncio.wait_for(asyncio.open_unix_connection(path), PATIENCE)
        try:
            writer.write(json.dumps(name).encode() + b"\n")
            answer = json.loads(await asyncio.wait_for(reader.readline(), PATIENCE))
        finally:
            writer.close()
        return answer if isinstance(answer, dict) else None
    return None
