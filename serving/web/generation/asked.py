"""A request for pictures from noise: JSON into picks."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

from ....errors import RequestError
from ...generation.picks import Pick, pairs

MOST = 256
"""Pictures of a request."""
LARGEST_JSON = 2**20
"""Bytes of a request."""
DEEPEST = 3
"""Picks within picks: a way between two that are mixed."""
OF_A_PICK = ("seed", "number", "truncation", "to", "at", "mix", "layer", "settings")
OF_A_REQUEST = ("count", "frames", "picks", "columns")


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is to be made."""

    picks: tuple[Pick, ...]
    columns: int
    """Pictures in a row of the sheet."""


def parse(body: bytes) -> Asked:
    """The pictures that are asked for, not yet held against a model; raises RequestError on what makes no sense."""
    if len(body) > LARGEST_JSON:
        raise RequestError(f"The request has {len(body):,} bytes; {LARGEST_JSON:,} are read.")
    try:
        told = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise RequestError(f"The request is no JSON ({error}).") from error
    if not isinstance(told, dict):
        raise RequestError('The request is a JSON object, as in {"seed": 3, "count": 16}.')
    several = told.get("picks")
    if several is None:
        picks = _counted(told)
    else:
        if not isinstance(several, list) or not 1 <= len(several) <= MOST:
            raise RequestError(f"`picks` is a list of 1 to {MOST} pictures.")
        others = sorted(set(told) - {"picks", "columns"})
        if others:
            raise RequestError(f"Beside `picks` there is only `columns`, not {others[0]!r}: each pick has its own.")
        picks = [_pick(each) for each in several]
    columns = _whole(told, "columns", math.ceil(math.sqrt(len(picks))), 1, MOST)
    return Asked(tuple(picks), min(columns, len(picks)))


def _counted(told: Mapping[str, Any]) -> list[Pick]:
    """Pictures of consecutive numbers, or the frames of a way."""
    first = _pick({name: value for name, value in told.items() if name not in OF_A_REQUEST})
    count, frames = _whole(told, "count", 1, 1, MOST), _whole(told, "frames", 0, 2, MOST)
    if frames:
        if first.to is None or count > 1 or "at" in told:
            raise RequestError("`frames` are of a way from one picture `to` another, without `count` and `at`.")
        return [dataclasses.replace(first, at=step / (frames - 1)) for step in range(frames)]
    return [dataclasses.replace(first, number=first.number + n) for n in range(count)]


def _pick(told: object, depth: int = 0) -> Pick:
    if not isinstance(told, dict) or depth > DEEPEST:
        raise RequestError(f"A picture is an object of {', '.join(OF_A_PICK)}, or settings of the model.")
    settings = told.get("settings", {})
    if not isinstance(settings, dict):
        raise RequestError("`settings` is an object of the model's settings by name.")
    controls = {**settings, **{name: value for name, value in told.items() if name not in (*OF_A_PICK, *OF_A_REQUEST)}}
    for name, value in controls.items():
        if not isinstance(value, str | int | float | list) or (isinstance(value, list) and not _is_flat(value)):
            raise RequestError(f"{name[:99]!r} is a text, a number, or a list of numbers.")
    wrong = [name for name in OF_A_REQUEST if name in told]
    if wrong:
        raise RequestError(f"`{wrong[0]}` is of the request, not of one picture.")
    to, mix = (None if told.get(name) is None else _pick(told[name], depth + 1) for name in ("to", "mix"))
    truncation = told.get("truncation")
    return Pick(
        _whole(told, "seed", 0, 0, 2**32 - 1),
        _whole(told, "number", 0, 0, 2**32 - 1),
        pairs(controls),
        None if truncation is None else _number(told, "truncation", 1.0, 0.0, 100.0),
        to,
        _number(told, "at", 0.0, 0.0, 1.0),
        mix,
        _whole(told, "layer", 0, 0, 2**16),
    )


def _is_flat(value: list[Any]) -> bool:
    return all(isinstance(x, int | float) and not isinstance(x, bool) for x in value)


def _whole(told: Mapping[str, Any], name: str, usual: int, low: int, high: int) -> int:
    value = told.get(name, usual)
    if name not in told:
        return usual
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise RequestError(f"`{name}` is {str(value)[:40]!r}; it must be a whole number from {low} to {high}.")
    return value


def _number(told: Mapping[str, Any], name: str, usual: float, low: float, high: float) -> float:
    value = told.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise RequestError(f"`{name}` is {str(value)[:40]!r}; it must be a number from {low:g} to {high:g}.")
    return float(value)


_PICK: dict[str, Any] = {
    "type": "object",
    "properties": {
        "seed": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1, "default": 0},
        "number": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1, "default": 0},
        "truncation": {"type": "number", "minimum": 0, "maximum": 100},
        "to": {"type": "object", "description": "The picture at the way's end."},
        "at": {"type": "number", "minimum": 0, "maximum": 1, "default": 0, "description": "How far on the way."},
        "mix": {"type": "object", "description": "Whose w the layers from `layer` on take (style nets)."},
        "layer": {"type": "integer", "minimum": 0, "default": 0},
        "settings": {"type": "object", "description": "`label`, `latent.5`, `direction.NAME`, `noise.strength` …"},
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        **_PICK["properties"],
        "count": {"type": "integer", "minimum": 1, "maximum": MOST, "default": 1},
        "frames": {"type": "integer", "minimum": 2, "maximum": MOST, "description": "Of the way to `to`."},
        "picks": {"type": "array", "items": _PICK, "minItems": 1, "maxItems": MOST},
        "columns": {"type": "integer", "minimum": 1, "maximum": MOST},
    },
    "example": {"seed": 3, "count": 16, "truncation": 0.7},
}
"""Of a request, for OpenAPI."""
