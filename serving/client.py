"""Asks an i2i server for translations: `Client`, and `AsyncClient` for asyncio. Needs httpx: pip install 'i2i[client]'.

Where the server is busy, being stopped or not there yet, they wait for as long as it says and ask again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from ..errors import I2IError

PATIENCE = 300.0
"""Seconds for which a picture is tried again, unless told otherwise."""
AGAIN = (429, 503)
"""Statuses after which it is worth to ask again."""
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds between two tries where the server says none; each is twice the one before."""

Picture = bytes | str | Path
"""A picture's file: its bytes, or where it is."""


class ServerError(I2IError):
    """The server refused or failed."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status_code = status
        """Of HTTP; 0 where the server was not reached."""


class _Tries:
    """How long one request is tried."""

    def __init__(self, patience: float) -> None:
        self._end, self._wait = time.monotonic() + patience, FIRST_WAIT

    def pause(self, found: httpx.Response | httpx.HTTPError) -> float | None:
        """Seconds until the next try; None: there is none."""
        if isinstance(found, httpx.Response) and found.status_code not in AGAIN:
            return None
        said = found.headers.get("retry-after", "") if isinstance(found, httpx.Response) else ""
        pause = float(said) if said.isdigit() else self._wait
        self._wait = min(2 * self._wait, LONGEST_WAIT)
        return pause if time.monotonic() + pause <= self._end else None


class Client:
    """`with Client("http://127.0.0.1:7860") as client: png = client.translate("sketch.png")`."""

    def __init__(
        self, base: str, key: str | None = None, *, patience: float = PATIENCE, timeout: float = PATIENCE
    ) -> None:
        """`base` is the server's address, `key` one of its keys. A picture is tried for `patience` seconds, each time
        for `timeout`.
        """
        self.patience = patience
        self._http = httpx.Client(**_options(base, key, timeout))

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def translate(self, picture: Picture, model: str | None = None, format: str = "png", **settings: object) -> bytes:
        """The file of a picture's translation, by the model of that name (the first one else), in a format of its.

        `settings` are what else the model takes: `label="winter"`. Raises ServerError, and OSError for a path that
        cannot be read.
        """
        return self._send(_translation(picture, model, format, settings)).content

    def models(self) -> list[dict[str, Any]]:
        """What the server has: each model's id, what its card says, and what runs it. Raises ServerError."""
        return list(self._send({"method": "GET", "url": "/v1/models"}).json()["models"])

    def _send(self, request: Mapping[str, Any]) -> httpx.Response:
        tries = _Tries(self.patience)
        while True:
            found: httpx.Response | httpx.HTTPError
            try:
                found = self._http.request(**request)
            except httpx.HTTPError as error:
                found = error
            pause = tries.pause(found)
            if pause is None:
                return _checked(found)
            time.sleep(pause)


class AsyncClient:
    """The same for asyncio: `async with AsyncClient(…) as client: await client.translate(…)`."""

    def __init__(
        self, base: str, key: str | None = None, *, patience: float = PATIENCE, timeout: float = PATIENCE
    ) -> None:
        """See Client."""
        self.patience = patience
        self._http = httpx.AsyncClient(**_options(base, key, timeout))

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def translate(
        self, picture: Picture, model: str | None = None, format: str = "png", **settings: object
    ) -> bytes:
        """See Client."""
        return (await self._send(_translation(picture, model, format, settings))).content

    async def models(self) -> list[dict[str, Any]]:
        """See Client."""
        return list((await self._send({"method": "GET", "url": "/v1/models"})).json()["models"])

    async def _send(self, request: Mapping[str, Any]) -> httpx.Response:
        tries = _Tries(self.patience)
        while True:
            found: httpx.Response | httpx.HTTPError
            try:
                found = await self._http.request(**request)
            except httpx.HTTPError as error:
                found = error
            pause = tries.pause(found)
            if pause is None:
                return _checked(found)
            await asyncio.sleep(pause)


def _options(base: str, key: str | None, timeout: float) -> dict[str, Any]:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    return {"base_url": base.rstrip("/"), "headers": headers, "timeout": timeout}


def _translation(picture: Picture, model: str | None, form: str, settings: Mapping[str, object]) -> dict[str, Any]:
    """The request for one."""
    data = picture if isinstance(picture, bytes) else Path(picture).read_bytes()
    asked = {"format": form, **({} if model is None else {"model": model}), **settings}
    return {"method": "POST", "url": "/v1/translate", "params": asked, "content": data}


def _checked(found: httpx.Response | httpx.HTTPError) -> httpx.Response:
    """A good response; raises ServerError with the server's own sentence."""
    if isinstance(found, httpx.HTTPError):
        raise ServerError(f"The server was not reached ({found or type(found).__name__}).", 0) from found
    if found.is_success:
        return found
    try:
        sentence = str(found.json()["error"])
    except (ValueError, KeyError, TypeError):
        sentence = f"The server answered {found.status_code} {found.reason_phrase}."
    raise ServerError(sentence, found.status_code)
