"""The page's own routes: its files, what it needs to know, examples, and previews of what a browser cannot show.

It translates through the API as everybody does, so what it offers to download is what `/v1/translate` gives, to the
byte. All addresses in it are relative: it works below any prefix.
"""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from ....errors import I2IError
from ....images.formats import FORMATS
from ..bodies import body_of
from ..generation.facts import making_facts
from ..jobs import Jobs
from ..refusing import asker
from ..service import ModelService
from .examples import Examples

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""The page's content security policy: no script in it, none made by it, nothing of another host."""

MADE = ("picture", "thumb", "after")
"""Of an example: the picture, a small one, its translation. Methods of Examples."""

SHOWN = ("jpg", "png", "webp", "bmp", "gif", "avif")
"""Kinds that browsers show; of the others the page asks for a preview. Rows of FORMATS."""

COMMON = ("jpg", "png", "webp", "avif", "tiff", "bmp")
"""Kinds that the page names where it refuses a file."""


def mount_page(app: FastAPI, services: Mapping[str, ModelService], jobs: Jobs, max_bytes: int) -> None:
    """Put the page at `/` of `app`, for the models that `services` has when somebody asks."""
    examples = Examples(services)
    making: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
    get: dict[str, Any] = {"methods": ["GET", "HEAD"], "include_in_schema": False}
    here = files(__package__)
    pages = {name: (here / f"{name}.html").read_bytes() for name in ("index", "generate")}
    static = {name: each.read_bytes() for name, each in _files(here / "static")}

    def of(request: Request, *, makes: bool) -> Response:
        """The page of the translators, or that of what makes pictures from noise."""
        page = pages["generate" if makes else "index"]
        return answer(request, page, "text/html; charset=utf-8", {"content-security-policy": POLICY})

    @app.api_route("/", **get)
    async def index(request: Request) -> Response:
        return of(request, makes=next(iter(services.values())).card.image is None)

    @app.api_route("/translate", **get)
    async def translating(request: Request) -> Response:
        return of(request, makes=False)

    @app.api_route("/generate", **get)
    async def generating(request: Request) -> Response:
        return of(request, makes=True)

    @app.api_route("/page/facts", **get)
    async def facts(request: Request) -> JSONResponse:
        """Limits, kinds of files, and of each model what only the page wants to know."""
        models = {name: await run_in_threadpool(_facts, name, services, examples) for name in services}
        told = {"models": models, "limits": _limits(services, max_bytes), "kinds": KINDS}
        return JSONResponse({**told, "asks_for_key": "authorization" in request.headers})

    @app.api_route("/page/examples/{model}/{number}/{what}", **get)
    async def example(request: Request, model: str, number: str, what: str) -> Response:
        places = [str(place) for place in range(len(examples.names(model)))]
        if what not in MADE or number not in places:
            raise HTTPException(404, "There is no such example.")
        async with making[model]:  # one visitor has it made, the others wait here and in no thread
            made = await run_in_threadpool(getattr(examples, what), model, int(number))
        return answer(request, made, _kind(made))

    @app.post("/page/preview", include_in_schema=False)
    async def preview(request: Request) -> Response:
        """A picture of a kind that browsers do not show, as PNG of 8 bits."""
        service = next(iter(services.values()))
        with jobs.begun(request) as job, service.admission.enter(*asker(request)):
            data = await body_of(request)
            made = await jobs.run(request, job, lambda: service.preview(data))
        return Response(made, media_type="image/png")

    @app.api_route("/page/{name:path}", **get)
    async def file(request: Request, name: str) -> Response:
        if name not in static:
            raise HTTPException(404, "The page has no such file.")
        return answer(request, static[name], _type(name), {"content-security-policy": POLICY})


def answer(request: Request, data: bytes, kind: str, headers: Mapping[str, str] | None = None) -> Response:
    """What may be kept and has to be asked for again, which costs nothing while it is the same."""
    tag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'
    told = {"etag": tag, "cache-control": "no-cache", **(headers or {})}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=told)
    return Response(data, media_type=kind, headers=told)


def _files(folder: Traversable, below: str = "") -> Iterator[tuple[str, Traversable]]:
    """Every file in a folder and in those in it, by its path."""
    for each in folder.iterdir():
        if each.is_dir():
            yield from _files(each, f"{below}{each.name}/")
        else:
            yield f"{below}{each.name}", each


def _type(name: str) -> str:
    """Not left to the machine's own table of types."""
    return "text/javascript; charset=utf-8" if name.endswith(".js") else mimetypes.types_map[".css"] + "; charset=utf-8"


def _kind(data: bytes) -> str:
    return next((kind for begins, kind in BEGINNINGS if data.startswith(begins)), "application/octet-stream")


BEGINNINGS = ((b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg"), (b"RIFF", "image/webp"))

KINDS = [
    {
        "title": row.title,
        "suffixes": row.suffixes,
        "begins": row.begins.decode("latin-1"),
        "shown": name in SHOWN,
        "common": name in COMMON,
    }
    for name, row in FORMATS.items()
]
"""The kinds of files as the page tells them apart: the regular expressions mean the same in its language."""


def _limits(services: Mapping[str, ModelService], max_bytes: int) -> dict[str, int]:
    service = next(iter(services.values()))
    return {"bytes": max_bytes, "pixels": service.max_pixels, "result_pixels": service.max_result_pixels}


def _facts(name: str, services: Mapping[str, ModelService], examples: Examples) -> dict[str, Any]:
    if services[name].card.image is None:
        return {"makes": making_facts(services[name]), "origin": origin(services[name].card.training)}
    try:
        names = examples.names(name)
    except I2IError:  # a folder that cannot be read costs no page
        names = []
    at = f"page/examples/{quote(name, safe='')}"
    return {
        "fixed": services[name].card.fixed_size,
        "back": back(name, services),
        "origin": origin(services[name].card.training),
        "examples": [
            {"name": each, **{what: f"{at}/{number}/{what}" for what in MADE}} for number, each in enumerate(names)
        ],
    }


def origin(training: Mapping[str, Any]) -> dict[str, Any]:
    """Whose weights they are, by a card's training facts: the file that was `adopted` or `imported` (`how`, `file`), or
    how many `pictures` they learned from; nothing where the card does not say.
    """
    for how in ("adopted", "imported"):
        if isinstance(training.get(how), dict):
            return {"how": how, "file": training[how].get("file")}
    pictures = training.get("pictures")
    return {"pictures": pictures} if isinstance(pictures, int) else {}


def back(name: str, services: Mapping[str, ModelService]) -> str | None:
    """The model that translates the other way: of an unpaired method, with the same two domains."""
    card = services[name].card
    for other, service in services.items():
        there = service.card
        same = (there.method, there.source, there.target) == (card.method, card.target, card.source)
        if card.supervision == "unpaired" and card.source != card.target and same:
            return other
    return None
