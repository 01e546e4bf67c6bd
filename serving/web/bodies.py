"""What a request brings along, in memory: held once, and nothing of it on a disk. Bodies have a limit (asgi.py)."""

from __future__ import annotations

import io
import logging

from fastapi import Request
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser

from ...errors import RequestError

logging.getLogger("python_multipart").addHandler(logging.NullHandler())
# It warns of every damaged form, which would be a line of the log for whoever sends many.

LARGEST_PART = 2**16
"""Bytes of a field that is no file."""


async def body_of(request: Request) -> bytes:
    """The body's bytes. Starlette's `body()` has them twice while it joins them, and keeps them with the request."""
    whole = io.BytesIO()
    async for part in request.stream():
        whole.write(part)
    return whole.getvalue()  # its own memory, not a copy


def is_form(request: Request) -> bool:
    """Whether the body is a form with files."""
    return request.headers.get("content-type", "").lower().startswith("multipart/")


async def form_of(request: Request, max_files: int, max_fields: int) -> FormData:
    """A form with its files, to be closed by who reads them; raises RequestError on one that is damaged or longer."""
    try:
        return await _InMemory(
            request.headers,
            request.stream(),
            max_files=max_files,
            max_fields=max_fields,
            max_part_size=LARGEST_PART,
        ).parse()
    except MultiPartException as error:
        raise RequestError(error.message) from error


class _InMemory(MultiPartParser):
    """Starlette's, which writes files of more than a megabyte to the disk otherwise."""

    spool_max_size = 0
    """Of a SpooledTemporaryFile: no limit."""
