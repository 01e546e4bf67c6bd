"""Which way a picture is computed: whole, in tiles, or in segments, by its size and by the memory that there is."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator

import numpy as np

from ...card import Card
from ...errors import RequestError
from .executors import IMAGE, Executor, Feeds, FloatArray, OutOfMemoryError, Tiled, Whole, wants_memory
from .memory import Memory, Peak
from .padding import padded_side
from .planes import Canvas
from .tiles import Tile, halo, halved, side_for

EXACT_TO = {"cpu": 2**23, "openvino": 2**21, "cuda": 2**21}
"""Input pixels up to which a provider's own sums over a picture, in fp32, are right to half a level of 8 bits. Measured
against statistics in double precision: ONNX Runtime's 0.02 at 2 megapixels and 0.40 at 8, OpenVINO's 0.35 and 2.89.
CUDA's are not known, and taken to be no better."""

PATIENCE = 5.0
"""Seconds that a measurement waits for others."""
LEAST_ROOM = 3 * 10**8
"""Bytes below which no session is opened for segments: a provider without memory for a thread ends the process."""


class BySize:
    """The quickest executor that the memory allows and that is exact; a more frugal one where it did not suffice."""

    def __init__(
        self,
        whole: Whole,
        card: Card,
        tile: Tile,
        provider: str,
        memory: Memory,
        peak: Peak,
        segmented: Callable[[], Executor],
    ) -> None:
        """`segmented` makes the executor of segments; it may raise a RequestError that says why there is none."""
        self.whole, self.card, self.tile, self.provider = whole, card, tile, provider
        self.memory, self.peak, self.segmented = memory, peak, segmented
        self._in_segments: Executor | None = None

    def run(self, feeds: Feeds, into: Canvas | None = None) -> FloatArray:
        """See Executor; OutOfMemoryError when no way is left."""
        for executor in self._ways(feeds):
            try:
                return executor.run(feeds, into)
            except Exception as error:
                if not wants_memory(error):
                    raise
            gc.collect()  # what failed holds its arrays, in circles of frames and errors
        height, width = feeds[IMAGE].shape[2:]
        raise OutOfMemoryError(self._too_large(height, width))

    def foretold(self, height: int, width: int) -> tuple[int, int]:
        """Bytes that the quickest way takes for a picture, and the most frugal one, to be on the safe side."""
        picture = {IMAGE: np.broadcast_to(np.float32(0), (1, 1, height, width))}
        side = side_for(self.card, height, width, self.tile)
        quickest = self.peak.of(self._pixels(picture, side))
        if self.card.tiling != "local":
            return quickest, quickest if self.tile == "off" else min(quickest, LEAST_ROOM)
        while (smaller := halved(self.card, height, width, side, self.tile)) is not None:
            side = smaller
        return quickest, self.peak.of(self._pixels(picture, side))

    def measure(self, feeds: Feeds, before: int, beside: Callable[[], int]) -> None:
        """Run these, whole, to see what memory that takes; a run of `before` pixels was made, and what others hold is
        told by `beside`, in bytes.
        """
        with self.peak.seen(math.prod(feeds[IMAGE].shape[2:]), PATIENCE, before, beside):
            self.whole.run(feeds)

    def let_go(self) -> None:
        """Give back what the sessions keep."""
        self.whole.let_go()
        self._in_segments = None

    def _ways(self, feeds: Feeds) -> Iterator[Executor]:
        """From the quickest that fits by what is foretold to the most frugal."""
        height, width = feeds[IMAGE].shape[2:]
        side = side_for(self.card, height, width, self.tile)
        room = self.memory.room(self.peak.most(self._pixels(feeds, side)))
        if self.card.tiling != "local":
            yield from self._of_the_whole_picture(feeds, room)
            return
        while True:
            smaller = halved(self.card, height, width, side, self.tile)
            if smaller is None or self.peak.fits(self._pixels(feeds, side), room):
                yield self.whole if side is None else Tiled(self.whole, self.card, side)
            if smaller is None:
                return
            side = smaller

    def _of_the_whole_picture(self, feeds: Feeds, room: int) -> Iterator[Executor]:
        """Of a model that has to see all of a picture."""
        height, width = feeds[IMAGE].shape[2:]
        is_exact = self.tile == "off" or height * width <= EXACT_TO.get(self.provider.split(":")[0], 2**21)
        pixels = self._pixels(feeds, None)
        fits = self.peak.fits(pixels, room)
        if not fits:  # what the session keeps of pictures before may be what is missing
            self.whole.let_go()
            room = self.memory.room()
            fits = self.peak.fits(pixels, room)
        if is_exact and fits:
            yield _Watched(self.whole, self.peak)
        in_segments = self._segments() if self.tile != "off" and self.memory.free() >= LEAST_ROOM else None
        if in_segments is not None:
            yield in_segments
        elif not (is_exact and fits) and self.peak.least(pixels) <= room and not self.memory.is_granted:
            yield _Watched(self.whole, self.peak)

    def _pixels(self, feeds: Feeds, side: int | None) -> int:
        """That one run is fed with, of the whole or of a tile."""
        count, _, *sides = feeds[IMAGE].shape
        if side is not None:
            sides = [min(length, side + 2 * halo(self.card)) for length in sides]
        pixels: int = count * math.prod(padded_side(length, self.card.multiple, self.card.smallest) for length in sides)
        return pixels

    def _segments(self) -> Executor | None:
        if self._in_segments is None:
            try:
                self._in_segments = self.segmented()
            except RequestError:
                self.segmented = _never
            except Exception as error:  # now; the next picture may find more
                if not wants_memory(error):
                    raise
        return self._in_segments

    def _too_large(self, height: int, width: int) -> str:
        said = f"There is not enough memory for a picture of {width}x{height} pixels."
        return f"{said} Close other programs, raise --memory where that was given, or take smaller pictures."


class _Watched:
    """A whole run from whose memory it is learned."""

    def __init__(self, whole: Whole, peak: Peak) -> None:
        self.whole, self.peak = whole, peak

    def run(self, feeds: Feeds, into: Canvas | None = None) -> FloatArray:
        """See Executor."""
        with self.peak.seen(math.prod(feeds[IMAGE].shape[2:])):
            return self.whole.run(feeds, into)


def _never() -> Executor:
    raise RequestError("The model cannot be computed in segments.")
