"""`/v1/batches`: many pictures in, by id their progress, a zip with a report out."""

from __future__ import annotations

import asyncio
import json
import tempfile
import zipfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import IO, Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from ....errors import PictureTooLargeError, RequestError
from ...hosting.ledger import Ledger
from ...inference.controls import pictures_of
from ..admission import Admission, ClosingError
from ..bodies import form_of, is_form
from ..errors import error_responses
from ..jobs import TICK, UNCACHED, Jobs
from ..parameters import controls_of, format_of
from ..refusing import asker
from ..service import ModelService
from ..translate import of_kind
from .store import Store
from .worker import Worker

BATCH = 8
"""Times the largest upload that a batch may have."""
LARGEST = 1000
"""Pictures of a batch."""
AT_ONCE = 2
"""Batches that may arrive at the same time, of which one client has one: each is in memory until it is kept."""
CHUNK = 2**18


def add_batches(
    app: FastAPI, services: Mapping[str, ModelService], jobs: Jobs, worker: Worker, max_bytes: int, ledger: Ledger
) -> None:
    """The routes; `worker` is told of what is new. A picture has `max_bytes`, a batch of them BATCH times as many."""
    store = worker.store
    arriving = Admission(AT_ONCE, ledger, BATCH * max_bytes)
    _add_results(app, jobs, store)

    @app.post("/v1/batches", status_code=202, responses=error_responses(400, 429, 503, 507), openapi_extra=ASKED)
    async def create(request: Request, model: str | None = None) -> JSONResponse:
        """Many pictures, each a form field `images`. The answer has the batch's id; the rest is asked by it.

        Parameters are those of /v1/translate.
        """
        if jobs.is_closing:
            raise ClosingError
        name, form = of_kind(model, services, makes=False), format_of(request)
        if pictures_of(services[name].card):
            raise RequestError("The model takes a mask or a reference with each picture; send them one by one.")
        settings = controls_of(request, {}, services[name].card)
        with arriving.enter(*asker(request)):
            pictures = await _pictures_of(request, max_bytes)
            batch = await run_in_threadpool(store.add, name, form, settings, pictures)
        worker.new.set()
        return JSONResponse(await run_in_threadpool(store.describe, batch), 202, {"location": f"v1/batches/{batch}"})


def _add_results(app: FastAPI, jobs: Jobs, store: Store) -> None:
    async def described(batch: str) -> dict[str, Any]:
        found = await run_in_threadpool(store.describe, batch)
        if found is None:
            raise HTTPException(404, "There is no such batch; they go some time after they came.")
        return found

    @app.get("/v1/batches/{batch}", responses=error_responses())
    async def status(batch: str) -> dict[str, Any]:
        """Where a batch stands: how many pictures are queued, running, written and failed, and each one's status."""
        return await described(batch)

    @app.delete("/v1/batches/{batch}", status_code=204, responses=error_responses())
    async def delete(batch: str) -> Response:
        """End a batch, and forget its pictures."""
        if not await run_in_threadpool(store.remove, batch):
            await described(batch)
        return Response(status_code=204)

    @app.get("/v1/batches/{batch}/events", response_class=StreamingResponse, responses=error_responses())
    async def events(batch: str) -> StreamingResponse:
        """The counts of a batch each time they change, as server-sent events, until it is done."""
        await described(batch)
        return StreamingResponse(_events(batch, jobs, store), media_type="text/event-stream", headers=UNCACHED)

    @app.get("/v1/batches/{batch}/result", response_class=StreamingResponse, responses=error_responses(409))
    async def result(batch: str) -> StreamingResponse:
        """A zip of the translations, with `report.json`."""
        found = await described(batch)
        if found["state"] != "done":
            raise HTTPException(409, f"The batch is not done: {found['queued'] + found['running']} pictures are left.")
        file = await run_in_threadpool(zipped, found, store)
        headers = {"content-disposition": 'attachment; filename="translations.zip"'}
        return StreamingResponse(_chunks(file), media_type="application/zip", headers=headers)


def zipped(found: dict[str, Any], store: Store) -> IO[bytes]:
    """A nameless file with the translations of a batch that `describe` described."""
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed by who sends it
    taken: set[str] = {"report.json"}
    files = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for number, row in enumerate(found["files"]):
            target = None
            if row["status"] == "written":
                target = _free(row["name"], found["format"], taken)
                archive.writestr(target, store.answer(found["id"], number))
            files.append({"source": row["name"], "target": target, **{k: v for k, v in row.items() if k != "name"}})
        report = {"written": found["written"], "failed": found["failed"], "model": found["model"], "files": files}
        archive.writestr("report.json", json.dumps(report, indent=1))
    file.seek(0)
    return file


async def _pictures_of(request: Request, max_bytes: int) -> list[tuple[str, bytes]]:
    if not is_form(request):
        raise RequestError("A batch is a form with a file field `images` for each picture: curl -F images=@a.png …")
    try:
        form = await form_of(request, max_files=LARGEST, max_fields=0)
    except RequestError as error:
        raise RequestError(f"The form holds at most {LARGEST} file fields `images`, nothing else ({error})") from error
    try:
        files = [each for name, each in form.multi_items() if name == "images" and isinstance(each, UploadFile)]
        if not files or len(files) != len(form.multi_items()):
            raise RequestError("The form holds file fields `images` alone, one for each picture.")
        if any((each.size or 0) > max_bytes for each in files):
            raise PictureTooLargeError(f"A picture of the batch is larger than the limit of {max_bytes / 2**20:g} MiB.")
        return [(_base(each.filename or ""), await _taken(each)) for each in files]
    finally:
        await form.close()


async def _taken(file: UploadFile) -> bytes:
    """Its bytes, which it has no more: a batch is in memory once."""
    data = await file.read()
    await file.close()
    return data


def _base(name: str) -> str:
    """A client's name for a file, without the folders of its machine."""
    return PureWindowsPath(PurePosixPath(name).name).name[:200] or "picture"


def _free(name: str, form: str, taken: set[str]) -> str:
    """A name in the zip that no other picture has."""
    stem, number = name.rpartition(".")[0] or name, 1
    stem = stem.lstrip(".") or "picture"
    target = f"{stem}.{form}"
    while target.lower() in taken:
        number += 1
        target = f"{stem}-{number}.{form}"
    taken.add(target.lower())
    return target


async def _events(batch: str, jobs: Jobs, store: Store) -> AsyncIterator[str]:
    before: dict[str, Any] = {}
    while not jobs.is_closing:
        found = await run_in_threadpool(store.describe, batch)
        if found is None:
            return
        now = {key: value for key, value in found.items() if key != "files"}
        if now != before:
            yield f"data: {json.dumps(now)}\n\n"
            before = now
        if now["state"] == "done":
            return
        await asyncio.sleep(TICK)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk


ASKED = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["images"],
                    "additionalProperties": False,
                    "properties": {
                        "images": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "minItems": 1,
                            "maxItems": LARGEST,
                        }
                    },
                }
            }
        },
    }
}
