"""The range of values that a foreign network was made for: as declared, or the one in which it gives back a picture.

A network that keeps the content is nearest to what went in at the range it was trained at; one that does not must
at least give values that fit.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import RequestError
from ...probes import Floats, probe_picture
from .declared import RANGES, Range, input_range, output_range
from .finding import ASSUMED, DECLARED, GIVEN, PROBED, Finding
from .foreign import TYPES, Foreign
from .sizes import Sizes

KEEPS = 22.0
"""dB to the picture that went in, from which on a network is taken to keep the content."""
SURE = 0.1
"""dB by which the best range must beat the others on each picture."""
CLEARLY = 10.0
"""dB by which another range must beat the usual one."""
USUAL = "0..1"
PICTURES = 3


@dataclasses.dataclass(frozen=True)
class Trial:
    """What a network gives for pictures of one range, read as another."""

    into: str
    out: str
    likeness: tuple[float, ...]
    """dB to each picture that went in, its answer brought to its size."""
    outside: float
    """Share of values beyond the range."""
    spread: float
    """Standard deviation, of the range."""

    @property
    def fits(self) -> bool:
        """Whether the values could be a picture in this range."""
        return self.outside < 0.03 and self.spread > 0.02


@dataclasses.dataclass(frozen=True)
class Ranges:
    """Both ranges, how they are known, and whether the network gives back what went in."""

    into: Range
    out: Range
    keeps: bool
    findings: tuple[Finding, Finding]


def find_ranges(foreign: Foreign, sizes: Sizes, path: Path, told: str | None = None) -> Ranges:
    """The ranges of what goes in and comes out; `told` is a key of RANGES that the user gave for the former.

    Raises RequestError, with what was seen, when nothing tells.
    """
    trials = [trial for into in RANGES for trial in _trials(foreign, sizes, into)]
    into = _given_or_declared(foreign, told)
    out = _output_declared(foreign)
    open_trials = [t for t in trials if (not into or t.into == into.value) and (not out or t.out == out.value)]
    like = sorted(open_trials, key=lambda t: (-round(float(np.mean(t.likeness)), 2), t.into != t.out))
    keeps = bool(like) and float(np.mean(like[0].likeness)) >= KEEPS
    if into is None or out is None:
        chosen = _by_likeness(like) if keeps else _by_fit(open_trials, path, into, out)
        into = into or chosen[0]
        out = out or chosen[1]
    return Ranges(RANGES[into.value], RANGES[out.value], keeps, (into, out))


def _finding(side: str, value: str, how: str, why: str = "") -> Finding:
    return Finding(f"range {side}", value, how, why)


def _given_or_declared(foreign: Foreign, told: str | None) -> Finding | None:
    if told is not None:
        return _finding("in", told, GIVEN)
    if TYPES[foreign.into.type] is np.uint8:
        return _finding("in", "0..255", DECLARED, "by the type uint8")
    said = input_range(foreign.model)
    return None if said is None else _finding("in", said[0], DECLARED, said[1])


def _output_declared(foreign: Foreign) -> Finding | None:
    if TYPES[foreign.out.type] is np.uint8:
        return _finding("out", "0..255", DECLARED, "by the type uint8")
    said = output_range(foreign.model, foreign.out.name)
    return None if said is None else _finding("out", said[0], DECLARED, said[1])


def _trials(foreign: Foreign, sizes: Sizes, into: str) -> list[Trial]:
    pairs = []
    for seed in range(PICTURES):
        picture = probe_picture(foreign.into.channels, *_size(foreign, sizes), seed)
        low, high = RANGES[into]
        answer = foreign.run((picture * (high - low) + low).astype(np.float32))
        if answer is not None:
            pairs.append((picture, answer))
    return [_trial(pairs, sizes, into, out) for out in RANGES] if pairs else []


def _size(foreign: Foreign, sizes: Sizes) -> tuple[int, int]:
    if foreign.size is not None:
        return foreign.size
    side = sizes.multiple * -(-max(64, sizes.smallest) // sizes.multiple)
    return side, side


def _trial(pairs: list[tuple[Floats, Floats]], sizes: Sizes, into: str, out: str) -> Trial:
    low, high = RANGES[out]
    read = [(picture, (answer.astype(np.float64) - low) / (high - low)) for picture, answer in pairs]
    values = np.concatenate([np.nan_to_num(answer, nan=9.0).ravel() for _, answer in read])
    outside = float(np.mean((values < -0.08) | (values > 1.08)))
    likeness = tuple(_likeness(picture, answer, sizes.scale) for picture, answer in read)
    return Trial(into, out, likeness, outside, float(values.std()))


def _likeness(picture: Floats, answer: npt.NDArray[np.float64], scale: int) -> float:
    """PSNR in dB between a picture and its answer, of which every scale x scale pixels become one."""
    before = picture.astype(np.float64)
    if before.shape[1] != answer.shape[1]:
        before, answer = before.mean(1, keepdims=True), answer.mean(1, keepdims=True)
    high, wide = (side // scale for side in answer.shape[2:])
    high, wide = min(high, before.shape[2]), min(wide, before.shape[3])
    small = answer[:, :, : high * scale, : wide * scale].reshape(1, -1, high, scale, wide, scale).mean((3, 5))
    top, left = (before.shape[2] - high) // 2, (before.shape[3] - wide) // 2
    error = float(np.mean((small - before[:, :, top : top + high, left : left + wide]) ** 2))
    return -10 * float(np.log10(max(error, 1e-9))) if np.isfinite(error) else -99.0


def _by_likeness(like: list[Trial]) -> tuple[Finding, Finding]:
    """The range at which pictures come back truest; [0, 1], which is usual, where it is nearly as good.

    The same error is half as large in [-1, 1], and a network that was made for it gives back what is in [0, 1] too.
    """
    usual = next((t for t in like if t.into == USUAL and float(np.mean(t.likeness)) >= KEEPS), None)
    best = like[0]
    if usual is not None and float(np.mean(best.likeness)) - float(np.mean(usual.likeness)) < CLEARLY:
        best, like = usual, [usual, *(t for t in like if t is not usual)]
    others = [t for t in like[1:] if (t.into, t.out) != (best.into, best.out)]
    nearest = others[0] if others else None
    seen = f"gives back pictures at {np.mean(best.likeness):.1f} dB"
    if nearest is not None:
        other = nearest.into if nearest.into != best.into else nearest.out
        seen += f"; as {other} at {np.mean(nearest.likeness):.1f}"
    sure = nearest is None or all(a - b >= SURE for a, b in zip(best.likeness, nearest.likeness, strict=True))
    how = PROBED if sure else ASSUMED
    return _finding("in", best.into, how, seen), _finding("out", best.out, how, seen)


def _by_fit(trials: list[Trial], path: Path, into: Finding | None, out: Finding | None) -> tuple[Finding, Finding]:
    """By the ranges whose values could be pictures; what comes out is taken to have the range of what goes in."""
    fitting = [t for t in trials if t.fits and (into is not None or out is not None or t.into == t.out)]
    same = [t for t in fitting if t.into == t.out]
    if into is None and out is not None:
        return _finding("in", out.value, ASSUMED, "as what comes out; --input-range says otherwise"), out
    pairs = {(t.into, t.out) for t in (same or fitting)}
    if len(pairs) == 1:
        (pair,) = pairs
        why = "its values fit no other"
        return _finding("in", pair[0], PROBED, why), _finding("out", pair[1], PROBED, why)
    if into is not None:
        return into, _finding("out", into.value, ASSUMED, "as what goes in")
    seen = "; ".join(
        f"{t.into}: {100 * t.outside:.0f} % of the values outside, {np.mean(t.likeness):.0f} dB to the picture"
        for t in trials
        if t.into == t.out
    )
    raise RequestError(
        f"{path} does not tell what range of values its pictures have, and running it does not show it either "
        f"({seen or 'it gives nothing'}). Say it with --input-range, which is one of {', '.join(RANGES)}."
    )
