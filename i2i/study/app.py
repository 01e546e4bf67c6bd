"""The page of a study and what it asks: join, the next trial, a vote, a picture by its id. Nothing else is told.

A cookie brings a rater back to where they were. Which side is which, what a check is and what a picture was called
stays here; the results have an address that cannot be guessed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from ..text import render
from .design import PICTURES, VOTES, Design, read_design
from .results import results, to_csv
from .votes import Votes

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "content-security-policy": POLICY}
COOKIE, COOKIE_SECONDS = "i2i_rater", 30 * 86400
LARGEST_BODY = 2000
KINDS = {"study.js": "text/javascript", "study.css": "text/css", "results.css": "text/css"}


class Answer(BaseModel):
    """What a rater chose."""

    trial: int = Field(ge=0)
    choice: str = Field(pattern="^(left|right)$")
    ms: int = Field(ge=0, le=10**9)


def create_study(folder: Path, hosts: Collection[str] | None = None) -> FastAPI:
    """The application of the study in `folder`; it answers to the names `hosts`, to any where it is None.

    Raises RequestError where no study is there.
    """
    design = read_design(folder)
    votes = Votes(folder / VOTES)
    ids, here = design.ids, files(__package__) / "page"
    cookie = f"{COOKIE}_{hashlib.sha256(design.key.encode()).hexdigest()[:12]}"  # browsers give all ports the same ones
    page = (here / "index.html").read_text("utf-8")
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.votes = votes

    @app.middleware("http")
    async def guarded(request: Request, call_next: Any) -> Response:
        why = _why_refused(request) if request.method == "POST" else ""
        if hosts is not None and re.sub(r":[0-9]+$", "", request.headers.get("host", "")) not in hosts:
            why = "This server has another name."  # against DNS rebinding
        if why:
            return JSONResponse({"error": why}, 403, HEADERS)
        answer: Response = await call_next(request)
        answer.headers.update({k: v for k, v in HEADERS.items() if k not in answer.headers})
        answer.headers.setdefault("cache-control", "no-store")
        return answer

    @app.get("/")
    def index() -> HTMLResponse:
        return HTMLResponse(page)

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in KINDS:
            return JSONResponse({"error": "There is no such file."}, 404)
        return Response((here / name).read_bytes(), media_type=KINDS[name])

    @app.get("/state")
    def state(request: Request) -> dict[str, Any]:
        token = request.cookies.get(cookie)
        known = votes.rater(token) if token else None
        return {"joined": False, **_about(design)} if known is None else _state(design, *known)

    @app.post("/join")
    def join(request: Request) -> JSONResponse:
        before = request.cookies.get(cookie)
        token = before if before and votes.rater(before) else votes.join()
        known = votes.rater(token) if token else None
        if token is None or known is None:
            return JSONResponse({"error": "The study has as many raters as it can take. Thank you all the same."}, 503)
        answer = JSONResponse(_state(design, *known))
        answer.set_cookie(cookie, token, max_age=COOKIE_SECONDS, httponly=True, samesite="strict")
        return answer

    @app.post("/vote")
    async def vote(request: Request) -> JSONResponse:
        body = await _body(request)
        try:
            given = Answer.model_validate(json.loads(body))
        except ValueError:
            return JSONResponse({"error": "That is no answer to a trial."}, 422)
        return await run_in_threadpool(_vote, given, request.cookies.get(cookie))

    def _vote(given: Answer, token: str | None) -> JSONResponse:
        known = votes.rater(token) if token else None
        if known is None:
            return JSONResponse({"error": "You are not known here. Load the page again."}, 401)
        rater, done = known
        trials = design.trials_of(rater)
        if given.trial != done or done >= len(trials):  # answered already, in another tab say
            return JSONResponse(_state(design, rater, done), 409)
        trial = trials[done]
        other = "b" if trial.left == "a" else "a"
        choice = trial.left if given.choice == "left" else other
        votes.add(rater, done, trial, choice, given.ms)
        feedback = {"right": choice == "a"} if trial.part == "practice" else {}
        return JSONResponse({**_state(design, *(votes.rater(token or "") or known)), **feedback})

    @app.get("/picture/{name}")
    def picture(name: str) -> Response:
        if name not in ids:
            return JSONResponse({"error": "There is no such picture."}, 404)
        return Response((folder / PICTURES / f"{name}.png").read_bytes(), media_type="image/png")

    @app.get("/results/{key}")
    def shown(key: str) -> Response:
        if key != design.key:
            return JSONResponse({"error": "There is no such page."}, 404)
        found = results(design, votes.all())
        ids_of = {item.name: item for item in design.items}
        return HTMLResponse(render(here / "results.html", found=found, design=design, items=ids_of, key=key))

    @app.get("/results/{key}/votes.csv")
    def exported(key: str) -> Response:
        if key != design.key:
            return JSONResponse({"error": "There is no such page."}, 404)
        return PlainTextResponse(to_csv(design, votes.all()), media_type="text/csv")

    @app.get("/results/{key}/results.json")
    def as_json(key: str) -> JSONResponse:
        if key != design.key:
            return JSONResponse({"error": "There is no such page."}, 404)
        return JSONResponse(results(design, votes.all()).to_dict())

    return app


def _about(design: Design) -> dict[str, Any]:
    """What everybody may know before they begin."""
    trials = design.trials_of(0)
    practice = sum(trial.part == "practice" for trial in trials)
    known = {"practice": practice, "total": len(trials), "seconds": design.seconds, "question": design.question}
    return {**known, "kind": design.kind}


def _state(design: Design, rater: int, done: int) -> dict[str, Any]:
    """Where a rater is, and the next trial; a check looks like any other."""
    trials = design.trials_of(rater)
    told = {"joined": True, **_about(design), "done": done, "finished": done >= len(trials)}
    if done >= len(trials):
        return told
    trial = trials[done]
    item = design.item(trial)
    pictures = [item.a, item.b] if trial.left == "a" else [item.b, item.a]
    return {**told, "practising": trial.part == "practice", "pictures": pictures}


def _why_refused(request: Request) -> str:
    """A browser says where a request comes from; another site's page may not vote."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        return "This request comes from another site."
    if int(request.headers.get("content-length") or 0) > LARGEST_BODY:
        return "This request is too large."
    return ""


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            break
    return body[:LARGEST_BODY]
