"""The strips in which one segment is computed at one size of the picture."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterator

import numpy as np

from ...runtime.reach import WINDOWS, Span, Window
from .cut import Cut, Segment
from .shapes import Tensor


@dataclasses.dataclass(frozen=True)
class Strip:
    """Units of a segment: what is computed, and what of it is kept."""

    outer: Span
    inner: Span


@dataclasses.dataclass(frozen=True)
class Strips:
    """How a segment is divided along `axis` (0: into rows, 1: into columns).

    A unit is the least piece at whose ends every map of the segment has a whole number of rows, so that strides and
    enlargements fall as they do in the whole picture.
    """

    axis: int
    units: int
    each: dict[str, int]
    """Rows of a map in one unit."""
    before: int
    """Units above a strip that it depends on."""
    behind: int
    unit_bytes: int
    """Of all maps of the segment together, in one unit."""

    def of(self, room: int) -> Iterator[Strip]:
        """The strips, each of which takes about `room` bytes."""
        fitting = room // self.unit_bytes - self.before - self.behind
        # Below the halo's own width more is computed twice than once: rather somewhat more memory than several times
        # the time.
        size = max(1, self.before + self.behind, fitting)
        count = -(-self.units // size)
        ends = [n * self.units // count for n in range(count + 1)]
        for start, stop in itertools.pairwise(ends):
            yield Strip((max(0, start - self.before), min(self.units, stop + self.behind)), (start, stop))

    def rows(self, name: str, span: Span) -> Span:
        """Units as rows of a map."""
        return span[0] * self.each[name], span[1] * self.each[name]


def strips_of(cut: Cut, segment: Segment, tensors: dict[str, Tensor], axis: int) -> Strips:
    """How the segment is divided at the size that `tensors` have."""
    names = {name for node in segment.nodes for name in (*node.input, *node.output) if name}
    maps = {name: tensors[name] for name in names if name in tensors and tensors[name].is_map}
    sides = {name: tensor.shape[2 + axis] for name, tensor in maps.items() if tensor.ratio is not None}
    units = functools.reduce(math.gcd, sides.values())
    each = {name: side // units for name, side in sides.items()}
    needed = _needed(cut, segment, {name: (0, each[name]) for name in segment.results}, axis, set(maps))
    before = max((-(lo // each[name]) for name, (lo, _) in needed.items()), default=0)
    behind = max((-((each[name] - hi) // each[name]) for name, (_, hi) in needed.items()), default=0)
    unit_bytes = sum(math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize // units for tensor in maps.values())
    return Strips(axis, units, each, max(0, before), max(0, behind), max(1, unit_bytes))


def _needed(cut: Cut, segment: Segment, spans: dict[str, Span], axis: int, maps: set[str]) -> dict[str, Span]:
    """The rows of the segment's input maps that the spans of its results depend on."""
    spans = dict(spans)
    for node in reversed(segment.nodes):
        wanted = [spans[name] for name in node.output if name in spans]
        if not wanted:
            continue
        window = WINDOWS[node.op_type](node, cut.constants, axis) if node.op_type in WINDOWS else Window()
        for lo, hi in map(window.rows, wanted):
            for name in node.input:
                if name in maps:
                    old = spans.get(name, (lo, hi))
                    spans[name] = (min(old[0], lo), max(old[1], hi))
    return {name: spans[name] for name in segment.maps if name in spans}
