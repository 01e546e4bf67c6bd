"""What an output pixel sees: its span of input pixels along one side, followed backwards through the layers.

A span is the first and the last position, both within it. Statistics of a normalisation are not followed.
"""

from __future__ import annotations

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


def nearest(span: Span) -> Span:
    """Through the doubling of every position, and through a pixel shuffle."""
    return span[0] // 2, span[1] // 2


def bilinear(span: Span) -> Span:
    """Through a doubling that mixes each position with its nearer neighbour, 3 to 1."""
    return (span[0] - 1) // 2, (span[1] + 1) // 2


def receptive_field(layers: Sequence[Back], multiple: int) -> int:
    """Most pixels a side that an output pixel sees through `layers`, first to last.

    The reach depends on where in the network's grid of `multiple` pixels the output lies; the widest counts.
    """
    widest = 0
    for position in range(multiple):
        span = (position, position)
        for back in reversed(layers):
            span = back(span)
        widest = max(widest, span[1] - span[0] + 1)
    return widest
