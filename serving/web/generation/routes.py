"""`POST /v1/generate`: JSON in, a sheet of pictures out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response

from ..bodies import body_of
from ..errors import error_responses
from ..jobs import Jobs
from ..parameters import format_of
from ..refusing import asker
from ..service import FORMS, ModelService
from ..translate import CountedResponse, of_kind
from .asked import SCHEMA, parse
from .service import GeneratorService


def add_generate(app: FastAPI, services: Mapping[str, ModelService], jobs: Jobs) -> None:
    """The route."""
    picture = {"schema": {"type": "string", "format": "binary"}}
    answers: dict[int | str, dict[str, Any]] = {
        200: {"content": {form.media_type: picture for form in FORMS.values()}, "description": "The pictures."},
        **error_responses(400, 429, 503, 504),
    }
    body = {"required": False, "content": {"application/json": {"schema": SCHEMA}}}

    @app.post("/v1/generate", response_class=Response, responses=answers, openapi_extra={"requestBody": body})
    async def generate(request: Request, model: str | None = None) -> Response:
        """Pictures from noise, side by side in one picture: those of consecutive numbers of a seed (`count`), those of
        `picks`, or the `frames` of a way from one to another.

        Picture n of a seed is always the same. What else the model takes is set by name: `"label": "3"`.
        """
        service = services[of_kind(model, services, makes=True)]
        assert isinstance(service, GeneratorService)
        form = format_of(request)
        with jobs.begun(request) as job, service.admission.enter(*asker(request)):
            asked = parse(await body_of(request))
            answer, latent = await jobs.run(
                request, job, lambda: (service.generate(asked, job, form), service.latent(asked))
            )
        headers = {"x-model-version": str(service.model.version), "x-columns": str(asked.columns)}
        headers |= {} if latent is None else {"x-latent": latent}
        return CountedResponse(service.ledger, answer, media_type=FORMS[form].media_type, headers=headers)
