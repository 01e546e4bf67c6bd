"""Which picture is made: a number of a seed, with what was set for it; and the arrays that it is made of.

The numbers that go in are a function of (seed, number) alone: each port has a random generator of its own for each
picture. So a picture is the same in any batch, in any count and after any interruption.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

import numpy as np

from ...card import Card
from ...errors import RequestError, UnknownNameError
from ...ports import Port
from ...seeding import Purpose, generator
from ..inference.controls import LARGEST_SEED, Array, draw, resolve_controls, settings_of
from .directions import Direction

LEAST_LIMIT = 0.01
"""The smallest truncation by drawing again: below it hardly any number is let through."""

Controls = tuple[tuple[str, object], ...]
"""Settings as pairs of name and value, sorted by name: what can be compared and kept."""


@dataclasses.dataclass(frozen=True)
class Pick:
    """One picture to make."""

    seed: int = 0
    number: int = 0
    controls: Controls = ()
    """`label`, `noise.strength` and the like; `latent.5` is one number of the latent, `direction.smile` how far it goes
    along a direction."""
    truncation: float | None = None
    """Of a style net how far w keeps from its average; of others the size beyond which latent numbers are drawn
    again."""
    to: Pick | None = None
    """Where the way leads, on which it lies."""
    at: float = 0.0
    """How far on the way, 0 to 1."""
    mix: Pick | None = None
    """Whose w the layers from `layer` on take."""
    layer: int = 0


def alone(pick: Pick) -> Pick:
    """The pick without its way and its mixture."""
    return dataclasses.replace(pick, to=None, at=0.0, mix=None, layer=0)


def pairs(controls: Mapping[str, object]) -> Controls:
    """Settings as a Pick holds them."""
    held = {
        name: tuple(np.asarray(value).ravel().tolist()) if isinstance(value, list | tuple | np.ndarray) else value
        for name, value in controls.items()
    }
    return tuple(sorted(held.items(), key=lambda pair: pair[0]))


def latents_of(card: Card) -> tuple[Port, ...]:
    """The ports that are drawn for each picture."""
    return tuple(port for port in card.inputs if port.kind == "latent")


def truncation_of(card: Card) -> Port | None:
    """The port by which a style net keeps near its average; None of other nets."""
    return next((port for port in card.inputs if port.kind == "number" and port.name == "truncation"), None)


def style_of(card: Card) -> tuple[Port, Port] | None:
    """The port by which something is added to w, and the one that gives the w that was used; None of nets without."""
    for port in card.inputs:
        for given in card.outputs:
            if port.kind == given.kind == "state" and port.shape == given.shape and len(port.shape) == 2:
                return port, given
    return None


def arrays_of(card: Card, pick: Pick, directions: Sequence[Direction] = ()) -> dict[str, Array]:
    """Arrays with N = 1 for every port, for the picture alone: neither on a way nor mixed.

    A label that is not set goes round the classes by the picture's number. Raises UnknownNameError and RequestError for
    settings that the file does not have, or that are out of their range.
    """
    for what, number in (("seed", pick.seed), ("number", pick.number)):
        if not 0 <= number <= LARGEST_SEED:
            raise RequestError(f"The {what} is {number}; it must be a whole number from 0 to {LARGEST_SEED}.")
    plain, single, along = _sorted_out(card, dict(pick.controls), directions)
    limit = _limit(card, pick.truncation, plain)
    arrays = resolve_controls(card, plain)
    for place, port in enumerate(card.inputs):
        rng = generator(pick.seed, Purpose.GENERATE, pick.number, place + 1)
        if port.kind == "latent" and not {port.name, f"{port.name}.seed"} & set(plain):
            arrays[port.name] = drawn(port, rng, limit).astype(np.float32)
        elif port.kind == "label" and port.name not in plain:
            arrays[port.name] = np.array([pick.number % len(port.choices)], np.int64)
        elif port.kind == "noise" and f"{port.name}.strength" in plain and f"{port.name}.seed" not in plain:
            strength = float(str(plain[f"{port.name}.strength"]))
            arrays[port.name] = (strength * draw(port, rng, arrays[port.name].shape)).astype(np.float32)
    for (name, index), value in single.items():
        arrays[name].reshape(-1)[index] = value
    for direction, steps in along:
        direction.add(arrays, steps)
    return arrays


def drawn(port: Port, rng: np.random.Generator, limit: float | None = None) -> Array:
    """(1, …) from the port's prior; what is beyond ± `limit` is drawn again, from the same stream (BigGAN's way)."""
    numbers = draw(port, rng, (1, *(side or 1 for side in port.shape)))
    while limit is not None and (beyond := np.abs(numbers) > limit).any():
        numbers[beyond] = draw(port, rng, (int(beyond.sum()),))
    return numbers


def slerp(a: Array, b: Array, at: float) -> Array:
    """The point of the way from `a` (at 0) to `b` (at 1) on the sphere, the length going evenly from one to the other.

    Where there is no one shortest way (opposite ends, or one of length 0) it is a straight line.
    """
    if at in (0.0, 1.0):
        return b if at else a
    one, two = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    lengths = float(np.linalg.norm(one)), float(np.linalg.norm(two))
    cosine = float(one @ two) / (lengths[0] * lengths[1]) if all(lengths) else -1.0
    angle = float(np.arccos(np.clip(cosine, -1, 1)))
    if angle < 1e-6 or angle > np.pi - 1e-6:
        between = (1 - at) * one + at * two
    else:
        ends = (np.sin((1 - at) * angle), one / lengths[0]), (np.sin(at * angle), two / lengths[1])
        length = (1 - at) * lengths[0] + at * lengths[1]
        between = length * sum(share * end for share, end in ends) / np.sin(angle)
    on_the_way: Array = between.reshape(a.shape).astype(a.dtype)
    return on_the_way


def between(card: Card, a: Mapping[str, Array], b: Mapping[str, Array], at: float) -> dict[str, Array]:
    """The arrays on the way: normal latents and noises on the sphere, others and numbers evenly (the sphere leaves the
    cube of a uniform prior), a label that of the nearer end.
    """
    on_the_way = {}
    for port in card.inputs:
        one, two = a[port.name], b[port.name]
        if port.kind in ("latent", "noise") and port.prior != "uniform":
            on_the_way[port.name] = slerp(one, two, at)
        elif port.kind == "label":
            on_the_way[port.name] = two if at >= 0.5 else one
        else:
            on_the_way[port.name] = ((1 - at) * one + at * two).astype(one.dtype)
    return on_the_way


def _sorted_out(
    card: Card, controls: Mapping[str, object], directions: Sequence[Direction]
) -> tuple[dict[str, object], dict[tuple[str, int], float], list[tuple[Direction, float]]]:
    """Settings of ports, single numbers of latents, and how far along which directions."""
    plain: dict[str, object] = {}
    single: dict[tuple[str, int], float] = {}
    along: list[tuple[Direction, float]] = []
    by_name = {direction.name: direction for direction in directions}
    latents = {port.name: port for port in latents_of(card)}
    for name, value in controls.items():
        port, _, rest = name.partition(".")
        if port in latents and re.fullmatch(r"\d+", rest, re.ASCII):
            size = int(np.prod([side or 1 for side in latents[port].shape]))
            if int(rest) >= size:
                raise RequestError(f"{name}: {port} has {size} numbers, from {port}.0 to {port}.{size - 1}.")
            single[port, int(rest)] = _number(name, value)
        elif port == "direction" and port not in settings_of(card):
            if rest not in by_name:
                raise UnknownNameError("direction", rest, by_name)
            along.append((by_name[rest], _number(name, value)))
        else:
            plain[name] = value
    return plain, single, along


def _number(name: str, value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = np.nan
    if not abs(number) <= 100:
        raise RequestError(f"{name} is {value!r}; it must be a number from -100 to 100.")
    return number


def _limit(card: Card, truncation: float | None, plain: dict[str, object]) -> float | None:
    """The size beyond which numbers are drawn again; of a style net truncation is a setting, which goes to `plain`."""
    port = truncation_of(card)
    if truncation is None or port is not None:
        if port is not None and truncation is not None:
            if port.name in plain:
                raise RequestError(f"Truncation is given twice, once as {port.name}=… Leave one of them out.")
            plain[port.name] = truncation
        return None
    if not truncation >= LEAST_LIMIT:  # nor what is no number
        raise RequestError(f"The truncation is {truncation:g}; it must be {LEAST_LIMIT} or more.")
    if all({each.name, f"{each.name}.seed"} & set(plain) for each in latents_of(card)):
        raise RequestError(
            f"Truncation draws numbers of {latents_of(card)[0].name} again, and here they are given. "
            "Leave one of them out."
        )
    return truncation
