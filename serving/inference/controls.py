"""What a user can set beside the picture: from words to the arrays of a model's other ports.

`label=winter` names a choice; `latent.seed=3` draws a latent from its prior, N(0, 1) or U(-1, 1), and `latent=0.1,-2,…`
gives its numbers; `noise.strength=0.5` and `noise.seed=3` switch on an explicit noise, which is off (zeros) by default;
`truncation=0.7` sets a number. So the same words, and no words as well, always give the same arrays.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ...card import Card
from ...errors import RequestError, UnknownNameError
from ...ports import PICTURES, Port

Array = npt.NDArray[Any]

NO_CONTROLS: Mapping[str, object] = MappingProxyType({})
"""What every port beside the picture has by itself: its default."""
LARGEST_SEED = 2**32 - 1


@dataclasses.dataclass(frozen=True)
class Setting:
    """One thing to set: a dropdown, a whole number or a slider, for pages and API descriptions."""

    name: str
    """As requests have it: `label`, `latent.seed`, `noise.strength`."""
    port: str
    kind: str
    """`choice`, `whole` or `number`."""
    default: str | float
    choices: tuple[str, ...] = ()
    low: float = 0
    high: float = LARGEST_SEED


def settings_of(card: Card) -> dict[str, Setting]:
    """Every setting of the model by its name, in the order of its ports."""
    return {setting.name: setting for port in card.controls for setting in _settings(port)}


def _settings(port: Port) -> list[Setting]:
    if port.kind == "label":
        return [Setting(port.name, port.name, "choice", port.default or port.choices[0], port.choices)]
    low, high = (0.0 if port.low is None else port.low), (1.0 if port.high is None else port.high)
    if port.kind == "number":
        return [
            Setting(port.name, port.name, "number", low if port.default is None else float(port.default), (), low, high)
        ]
    seed = Setting(f"{port.name}.seed", port.name, "whole", int(port.default or 0) if port.kind == "latent" else 0)
    if port.kind == "latent":
        return [seed]
    if port.kind == "noise":
        return [Setting(f"{port.name}.strength", port.name, "number", float(port.default or 0), (), low, high), seed]
    return []


def parse_controls(given: Iterable[str]) -> dict[str, str]:
    """`port=value` as the command line has it; raises RequestError on what has no `=`, or is said twice."""
    found: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise RequestError(f"--with takes port=value, as in --with label=winter, and not {each!r}.")
        if name in found:
            raise RequestError(f"--with {name}=… is given twice. Leave one of them out.")
        found[name] = value
    return found


def resolve_controls(card: Card, given: Mapping[str, object], size: tuple[int, int] = (1, 1)) -> dict[str, Array]:
    """Arrays with N = 1 for every port but the picture, by port name; what is not `given` takes its default.

    `size` is the picture's height and width, for ports whose sides follow it. Values are text or
    Python's own. Raises UnknownNameError, with the choices, for a name or label that the model does not have;
    RequestError for a value out of its range.
    """
    known = settings_of(card)
    ports = {port.name: port for port in card.controls}
    for name in given:
        if name not in known and name not in ports:
            raise UnknownNameError(f"control of {card.name}", name, [*known])
    return {name: _array(port, given, known, size) for name, port in ports.items()}


def pictures_of(card: Card) -> tuple[Port, ...]:
    """Ports that take a picture beside the one that is translated: masks and references."""
    return tuple(port for port in card.controls if port.kind in PICTURES)


def check_controls(card: Card, given: Mapping[str, object]) -> None:
    """Raises what `resolve_controls` raises of all ports but those that take pictures."""
    beside = [port.name for port in pictures_of(card)]
    others = dataclasses.replace(card, inputs=tuple(port for port in card.inputs if port.name not in beside))
    resolve_controls(others, {name: value for name, value in given.items() if name not in beside})


def _array(port: Port, given: Mapping[str, object], known: Mapping[str, Setting], size: tuple[int, int]) -> Array:
    shape = _full(port, size)
    if port.kind == "label":
        return np.array([_label(port, given.get(port.name, known[port.name].default))], np.int64)
    if port.kind == "number":
        return np.array([_number(known[port.name], given)], np.float32)
    if port.name in given:
        return _explicit(port, given[port.name], shape)
    if port.kind in PICTURES:
        raise RequestError(f"The model needs a {port.kind} {port.name!r} as well, as an array (C, H, W) in [0, 1].")
    if port.kind == "state":
        return np.zeros((1, *shape), np.float32)
    strength = 1.0
    if port.kind == "noise":
        strength = _number(known[f"{port.name}.strength"], given)
        if strength == 0:
            return np.zeros((1, *shape), np.float32)
    drawn = draw(port, np.random.default_rng(int(_number(known[f"{port.name}.seed"], given))), (1, *shape))
    return (strength * drawn).astype(np.float32)


def draw(port: Port, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """An array of this shape from the port's prior."""
    return rng.uniform(-1, 1, shape) if port.prior == "uniform" else rng.standard_normal(shape)


def _full(port: Port, size: tuple[int, int]) -> tuple[int, ...]:
    """The shape with the picture's sides in place of None: height, then width."""
    sides = iter(size if port.shape.count(None) == 2 else (size[-1],))
    return tuple(next(sides) if side is None else side for side in port.shape)


def _label(port: Port, value: object) -> int:
    """The number of a choice, by its name."""
    if str(value) not in port.choices:
        raise UnknownNameError(port.name, str(value), port.choices)
    return port.choices.index(str(value))


def _number(setting: Setting, given: Mapping[str, object]) -> float:
    value = given.get(setting.name, setting.default)
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    whole = setting.kind == "whole"
    if not setting.low <= number <= setting.high or (whole and number != int(number)):
        what = "a whole number" if whole else "a number"
        raise RequestError(
            f"{setting.name} is {value!r}; it must be {what} from {setting.low:.15g} to {setting.high:.15g}."
        )
    return number


def _explicit(port: Port, value: object, shape: tuple[int, ...]) -> Array:
    """Numbers given one by one, as an array or as text with commas, in the port's own shape."""
    try:
        parts = [float(part) for part in value.split(",")] if isinstance(value, str) else value
        array = np.asarray(parts, np.float32)
        array = array.reshape((1, *shape))
    except (TypeError, ValueError, OverflowError) as error:
        count = "x".join(map(str, shape))
        seed = f" Or draw it: {port.name}.seed=3." if port.kind in ("latent", "noise") else ""
        raise RequestError(f"{port.name} takes {count} numbers, as in {port.name}=0.5,-1,…{seed}") from error
    if not np.isfinite(array).all():
        raise RequestError(f"{port.name} has values that are no numbers.")
    return array
