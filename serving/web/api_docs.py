"""The page at /docs: the API's routes as one plain HTML page that needs nothing from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

from ...card import Card
from ..inference.controls import Setting, settings_of

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222}
code,pre{font-family:ui-monospace,monospace;background:#f3f4f6;border-radius:4px}code{padding:.1em .3em}
pre{padding:.8em;overflow-x:auto}h2{margin-top:2em;font-size:1.1rem}
@media(prefers-color-scheme:dark){body{background:#0b0f19;color:#e5e7eb}code,pre{background:#1f2937}
a{color:#93c5fd}}"""


def docs_page(schema: dict[str, Any], base: str, models: list[str]) -> str:
    """The HTML that explains an OpenAPI `schema` served at `base`."""
    routes = [
        f"<h2><code>{method.upper()} {html.escape(path)}</code></h2><p>{html.escape(row.get('description', ''))}</p>"
        + _parameters(row.get("parameters", []))
        for path, rows in schema["paths"].items()
        for method, row in rows.items()
    ]
    url = html.escape(f"{base}/v1/translate?model={models[0]}")
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>i2i API</title>
<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><h1>i2i API</h1>
<p>Send a picture, get its translation as PNG. Models here: {html.escape(", ".join(models))}.</p>
<pre>curl --data-binary @in.jpg "{url}" -o out.png</pre>
<p>Errors are <code>{{"error": "one sentence"}}</code>: 400 wrong request, 404 unknown model, 413 too large,
415 not a picture, 422 damaged or of channels that the model does not take, 429 busy (see Retry-After).
For machines: <a href="openapi.json">openapi.json</a>.</p>{"".join(routes)}</body></html>"""


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


def _parameters(rows: list[dict[str, Any]]) -> str:
    """A list of a route's parameters, with what they may be."""
    items = "".join(f"<li><code>{html.escape(row['name'])}</code>{_may_be(row['schema'])}</li>" for row in rows)
    return f"<ul>{items}</ul>" if items else ""


def _may_be(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return f": {html.escape(', '.join(schema['enum']))}"
    if "minimum" in schema:
        return f": {schema['minimum']:.15g} to {schema['maximum']:.15g}"
    return ""
