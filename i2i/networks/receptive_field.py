"""Receptive fields: the span of input pixels along one side that an output pixel depends on, backwards by layers.

A span is the first and the last position, both within it. Statistics of a normalisation are not followed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

Span = tuple[int, int]
Back = Callable[[Span], Span]
"""From the span that a layer gives to the span that it takes."""


def convolution(kernel: int, stride: int = 1, padding: int | None = None) -> Back:
    """Through a convolution; `padding` is half the kernel unless given."""
    before = kernel // 2 if padding is None else padding
    return lambda span: (span[0] * stride - before, span[1] * stride - before + kernel - 1)


def transposed(kernel: int, stride: int, padding: int) -> Back:
    """Through a transposed convolution; its output padding changes nothing."""
    return lambda span: (-((kernel - 1 - padding - span[0]) // stride), (span[1] + padding) // stride)


def enlarged(factor: int, neighbours: int = 0) -> Back:
    """Through an enlargement that mixes each position with so many nearest ones on either side: 0, 1 or 2.

    0 is nearest neighbours, and a pixel shuffle; 1 is bilinear and 2 bicubic, both with positions at pixel centres.
    """
    if neighbours == 0:
        return lambda span: (span[0] // factor, span[1] // factor)

    def back(span: Span) -> Span:
        # (position + 0.5) / factor - 0.5, rounded down and up; a position that falls on a pixel takes that one alone.
        low, high = 2 * span[0] + 1 - factor, 2 * span[1] + 1 - factor
        falls_on = low % (2 * factor) == 0, high % (2 * factor) == 0
        return (
            low // (2 * factor) - (0 if falls_on[0] else neighbours - 1),
            -(-high // (2 * factor)) + (0 if falls_on[1] else neighbours - 1),
        )

    return back


nearest = enlarged(2)
"""Through the doubling of every position, and through a pixel shuffle."""
bilinear = enlarged(2, 1)
"""Through a doubling that mixes each position with its nearer neighbour, 3 to 1."""


def space_to_depth(factor: int) -> Back:
    """Through the laying of `factor` x `factor` positions into the channels of one."""
    return lambda span: (span[0] * factor, span[1] * factor + factor - 1)


def either(*ways: Sequence[Back]) -> Back:
    """Through several ways side by side, whose results are added."""

    def back(span: Span) -> Span:
        found = [functools.reduce(lambda so_far, layer: layer(so_far), reversed(way), span) for way in ways]
        return min(low for low, _ in found), max(high for _, high in found)

    return back


def receptive_field(layers: Sequence[Back], multiple: int) -> int:
    """Most pixels a side that an output pixel sees through `layers`, first to last.

    That depends on where in the network's grid of `multiple` output pixels the output lies; the widest counts.
    """
    widest = 0
    for position in range(multiple):
        span = (position, position)
        for back in reversed(layers):
            span = back(span)
        widest = max(widest, span[1] - span[0] + 1)
    return widest
