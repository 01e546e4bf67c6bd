"""The page at /docs: the API's routes as one plain HTML page that needs nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Any

from fastapi import FastAPI

from ....card import Card
from ....text import render
from ...inference.controls import Setting, settings_of


def docs_page(schema: dict[str, Any], base: str, models: list[str]) -> str:
    """The HTML that explains an OpenAPI `schema` served at `base`."""
    routes = [
        {
            "head": f"{method.upper()} {path}",
            "description": row.get("description", ""),
            "parameters": [(p["name"], _may_be(p["schema"])) for p in row.get("parameters", [])],
        }
        for path, rows in schema["paths"].items()
        for method, row in rows.items()
    ]
    url = f"{base}/v1/translate?model={models[0]}"
    return render(files(__package__) / "page.html", routes=routes, url=url, models=models)


def openapi_of(app: FastAPI, asked: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """What gives the application's schema: FastAPI's, without the answer that it takes every route to give to wrong
    parameters. Ours are `{"error": …}`. A request to translate is as `asked` says, since models come and go.
    """
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        schema = plain()
        schema["paths"]["/v1/translate"]["post"].update(asked())
        for operation in (operation for path in schema["paths"].values() for operation in path.values()):
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
        for name in ("HTTPValidationError", "ValidationError"):
            schema.get("components", {}).get("schemas", {}).pop(name, None)
        return schema

    return openapi


def docs_policy(page: str) -> str:
    """The content security policy of this very page: its one style, and nothing else."""
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'"


def setting_schema(setting: Setting) -> dict[str, Any]:
    """What a setting may be, as JSON Schema."""
    if setting.kind == "choice":
        return {"type": "string", "enum": list(setting.choices)}
    kind = "integer" if setting.kind == "whole" else "number"
    return {"type": kind, "minimum": setting.low, "maximum": setting.high}


def setting_schemas(cards: Iterable[Card]) -> dict[str, dict[str, Any]]:
    """The settings of all models by name; where models differ in what one may be, it is one of these."""
    found: dict[str, list[dict[str, Any]]] = {}
    for card in cards:
        for name, setting in settings_of(card).items():
            schema = setting_schema(setting)
            found.setdefault(name, []).extend([] if schema in found.get(name, []) else [schema])
    return {name: schemas[0] if len(schemas) == 1 else {"anyOf": schemas} for name, schemas in found.items()}


def _may_be(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return f": {', '.join(schema['enum'])}"
    if "minimum" in schema:
        return f": {schema['minimum']:.15g} to {schema['maximum']:.15g}"
    return ""
