"""What a client is told when something is wrong: one table from error class to status, one sentence, no stack trace."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from ...errors import (
    I2IError,
    PictureError,
    PictureTooLargeError,
    ProviderError,
    RequestError,
    UnknownNameError,
)
from ...images.guarded.seen import DecoderError
from ..runtime.jobs import CancelledError, DeadlineError
from .admission import BusyError, ClosingError
from .batches.store import FullError
from .service import NotAPictureError

log = logging.getLogger("i2i.serving")

STATUS: dict[type[I2IError], int] = {  # the first class that fits decides
    UnknownNameError: 404,
    RequestError: 400,
    NotAPictureError: 415,
    PictureTooLargeError: 413,
    PictureError: 422,
    BusyError: 429,
    DeadlineError: 504,
    ClosingError: 503,
    FullError: 507,
    ProviderError: 503,
    DecoderError: 503,
    I2IError: 500,
}


MEANINGS = {
    400: "The request makes no sense.",
    401: "A key is asked for.",
    403: "Another host than the server's, or a page of another site.",
    404: "No such model, or no such address.",
    405: "The address takes other methods, which `Allow` names.",
    408: "The request came too slowly.",
    409: "A batch is not done yet.",
    413: "The upload, its picture or the result is too large.",
    415: "Not a picture of a kind that is read.",
    422: "A damaged picture, or one whose channels the model does not take.",
    429: "Too many wait already; `Retry-After` says when to come back.",
    431: "The headers are too long.",
    500: "Unforeseen; the server's log says why.",
    503: "The server is being stopped, or cannot compute this.",
    504: "The picture was not ready in its time.",
    507: "Batches have no room left.",
}
"""Of the statuses, for OpenAPI. 401, 403, 408 and 431 are given before a route is looked for."""
OF_ALL = (401, 403, 404, 405, 408, 413, 431, 500)


def add_errors(app: FastAPI) -> None:
    """One table from error class to status; no stack trace and no path of this machine reaches a client."""

    def answer(status: int, text: str, headers: dict[str, str] | None = None) -> JSONResponse:
        return JSONResponse({"error": text}, status, headers)

    @app.exception_handler(I2IError)
    async def ours(_request: Request, error: I2IError) -> JSONResponse:
        status = status_of(error)
        if status == 500 or isinstance(error, ProviderError):
            log.error("%s", error)
        wait = {"Retry-After": str(error.seconds)} if isinstance(error, BusyError) else None
        _forget(error)
        return answer(status, str(error), wait)

    @app.exception_handler(CancelledError)
    async def cancelled(request: Request, error: CancelledError) -> JSONResponse:
        is_closing = request.app.state.jobs.is_closing  # else the client is gone
        _forget(error)
        return answer(503 if is_closing else 499, str(ClosingError() if is_closing else error))

    @app.exception_handler(ClientDisconnect)
    async def left(_request: Request, error: ClientDisconnect) -> Response:
        _forget(error)
        return Response(status_code=499)  # nobody reads it, and nothing is wrong here

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        headers, path = dict(error.headers or {}), request.url.path[:80]
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_allowed(request))
            if request.method == "OPTIONS":
                return Response(status_code=204, headers=headers)
            return answer(405, f"{path} takes {headers['Allow']}, not {request.method}.", headers)
        if error.status_code == 404 and error.detail == "Not Found":
            return answer(404, f"There is no {request.method} {path}; /docs lists what there is.")
        return answer(error.status_code, str(error.detail), headers)

    @app.exception_handler(Exception)
    async def unforeseen(_request: Request, error: Exception) -> JSONResponse:
        log.exception("unforeseen error", exc_info=error)
        _forget(error)
        return answer(500, "The server failed on this request; its log says why.")


def _forget(error: BaseException | None) -> None:
    """Empty the frames that led to an error, which hold the picture's bytes: asyncio makes a ring of the error, its
    frames and a future, so that all of it would stay until garbage is collected, after many megabytes more.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def status_of(error: I2IError) -> int:
    """What its class is answered with."""
    return next(status for kind, status in STATUS.items() if isinstance(error, kind))


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer besides, for OpenAPI: these, and what any route may."""
    return {
        status: {"description": MEANINGS[status], "content": {"application/json": {"schema": SCHEMA}}}
        for status in sorted({*statuses, *OF_ALL})
    }


SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "One sentence."}},
}


def _allowed(request: Request) -> list[str]:
    """The methods of all routes at this address, and those that are answered for them."""
    there = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    methods = {"OPTIONS", *(method for route in there for method in getattr(route, "methods", None) or ())}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))
