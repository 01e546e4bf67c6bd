"""`POST /v1/translate`: one picture in, its translation out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from ...errors import RequestError, UnknownNameError
from ..hosting.ledger import Ledger
from ..inference.controls import pictures_of
from .api_docs.docs import setting_schemas
from .asgi import Receive, Scope, Send
from .errors import error_responses
from .jobs import Jobs
from .parameters import controls_of, format_of, likely_mistake, upload_of
from .refusing import asker
from .service import FORMS, ModelService, NotAPictureError


def add_translate(app: FastAPI, services: Mapping[str, ModelService], jobs: Jobs) -> None:
    """The route, and what /v1 answers where nothing else does."""

    @app.post("/v1/translate", response_class=Response, responses=_answers())
    async def translate(request: Request, model: str | None = None) -> Response:
        """One picture in (its bytes as the body, or one form field `image`), its translation out. Masks and references
        that the model takes are further file fields, by the names of their ports.

        It is a PNG, or what `format` or the header `Accept` asks for. What else the model takes is said by parameters
        or form fields; /v1/models lists them.
        """
        service = services[of_kind(model, services, makes=False)]
        form = format_of(request)
        controls_of(request, {}, service.card)  # refused before anything is uploaded
        with jobs.begun(request) as job, service.admission.enter(*asker(request)):
            data, fields, files = await upload_of(request, service.card)
            controls = {**controls_of(request, fields, service.card), **files}
            try:
                answer = await jobs.run(request, job, lambda: service.translate(data, controls, job, form))
            except NotAPictureError as error:
                hint = likely_mistake(data, request.headers.get("content-type", ""))
                raise NotAPictureError(f"{error}{hint}") from error
        headers = {"x-model-version": str(service.model.version)}
        return CountedResponse(service.ledger, answer, media_type=FORMS[form].media_type, headers=headers)


class CountedResponse(Response):
    """An answer that is counted in the budget of memory until its client has read it."""

    def __init__(self, ledger: Ledger, content: bytes, **options: Any) -> None:
        super().__init__(content, **options)
        self.ledger = ledger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See Response."""
        self.ledger.add_body(len(self.body))
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.ledger.give_body(len(self.body))


def known_model(name: str | None, services: Mapping[str, ModelService]) -> str:
    """The name of a model, the first one where none is given; raises UnknownNameError."""
    if name is not None and name not in services:
        raise UnknownNameError("model", name, services)
    return name if name is not None else next(iter(services))


def of_kind(name: str | None, services: Mapping[str, ModelService], *, makes: bool) -> str:
    """The same of the translators, or of those models that make pictures from noise.

    Raises RequestError for others, and HTTPException (404) where there is none of the kind.
    """
    kind = {each: service for each, service in services.items() if (service.card.image is None) == makes}
    if name in kind or (name is None and kind):
        return known_model(name, kind)
    what = "makes pictures from noise" if makes else "translates pictures"
    if name is None:
        raise HTTPException(404, f"No model here {what}.")
    known_model(name, services)
    other = "it translates pictures: POST /v1/translate" if makes else "it makes them from noise: POST /v1/generate"
    raise RequestError(f"{name} is no model that {what}; {other}.")


def asked(services: Mapping[str, ModelService]) -> dict[str, Any]:
    """The request to translate, for OpenAPI: with what the models take now."""
    picture = {"type": "string", "format": "binary", "minLength": 1}
    translators = [service.card for service in services.values() if service.card.image is not None]
    settings = setting_schemas(translators)
    beside = {port.name: picture for card in translators for port in pictures_of(card)}
    fields = {"image": picture, **beside, **settings}
    form = {"type": "object", "required": ["image"], "properties": fields, "additionalProperties": False}
    parameters = {**settings, "format": {"type": "string", "enum": list(FORMS)}}
    query = [{"in": "query", "name": name, "required": False, "schema": schema} for name, schema in parameters.items()]
    kinds = {"image/*": picture, "application/octet-stream": picture, "multipart/form-data": form}
    body = {"required": True, "content": {kind: {"schema": schema} for kind, schema in kinds.items()}}
    return {"requestBody": body, "parameters": query}


def _answers() -> dict[int | str, dict[str, Any]]:
    picture = {"schema": {"type": "string", "format": "binary"}}
    kinds = {form.media_type: picture for form in FORMS.values()}
    wrong = error_responses(400, 415, 422, 429, 503, 504)
    return {200: {"content": kinds, "description": "The translation."}, **wrong}
