"""Computes a picture segment by segment, each in strips, so that memory follows the strips and not the picture."""

from __future__ import annotations

import dataclasses
import gc
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import onnx

from ....card import Card
from ....errors import ProviderError
from ...runtime.jobs import parts
from ...runtime.probe import probe_complaint
from ...runtime.sessions import Named, Session, lent
from ..executors import (
    IMAGE,
    TRANSLATION,
    Array,
    Feeds,
    FloatArray,
    OutOfMemoryError,
    computed,
    reopened,
    wants_memory,
    with_pictures,
)
from ..memory import sample_sides
from ..padding import Grown
from ..planes import Canvas
from .cut import Cut, Segment, Statistic, UncuttableError, as_model, cut
from .shapes import Tensor
from .statistics import Gathering
from .store import InFile, InMemory, Map, Spares, check_scratch, needs_of, scratch_folder, stored
from .strips import Strip, Strips, strips_of

SHARE_OF_STRIPS = 8
"""Of the memory, the maps of a strip may take one part in so many; a provider takes some four times as much for them.
What is left, a half, is for the feature maps of the whole picture."""
LARGEST_STRIP = 2**28
"""Bytes of all maps in a strip; larger ones gain nothing."""

WIDE = 2
"""Times as wide as high from which on a picture is cut into strips of columns. Those of rows lie in few pieces, which
are quicker to copy."""

SMALLEST_STRIP = 2**20
"""Below which strips are not halved any more for want of memory."""

Opener = Callable[[bytes], Session]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a picture of one size takes."""

    axis: int
    tensors: dict[str, Tensor]
    strips: tuple[Strips, ...]
    maps: int
    """Bytes of the feature maps that live at once."""


class Segmented:
    """An executor for models that normalise over the whole picture. Slower than a whole run where that fits."""

    def __init__(self, model: bytes, card: Card, opener: Opener, where: str, memory: Callable[[], int]) -> None:
        """`opener` loads a segment on the provider that runs the model, `memory` tells the bytes that a run may take.

        Raises UncuttableError where the graph cannot be cut.
        """
        self.card, self.opener, self.where, self.memory = card, opener, where, memory
        self.is_half = False
        """Whether feature maps are stored in bf16: half the room, and differences of a level or two."""
        self.graph: Cut = cut(onnx.ModelProto.FromString(model), sample_sides(card))
        self.strip: int | None = None
        """Bytes of a strip; by the memory unless set."""

    def plan(self, sides: Mapping[str, tuple[int, ...]]) -> Plan:
        """What pictures of this size take; `sides` are the shapes of all inputs."""
        tensors = self.graph.tensors(dict(sides))
        axis = 0 if WIDE * sides[IMAGE][2] >= sides[IMAGE][3] else 1
        strips = tuple(strips_of(self.graph, segment, tensors, axis) for segment in self.graph.segments)
        live: dict[str, int] = {}
        largest = 0
        for k, segment in enumerate(self.graph.segments):
            for name in set(segment.results) - {TRANSLATION}:
                live[name] = needs_of(tensors[name].shape, tensors[name].dtype, self.is_half)
            largest = max(largest, sum(live.values()))
            live = {name: size for name, size in live.items() if self.graph.last_use.get(name, -1) > k}
        return Plan(axis, tensors, strips, largest)

    def run(self, feeds: Feeds, into: Canvas | None = None) -> FloatArray:
        """See Executor; each picture of a batch by itself, in thinner strips where memory does not suffice."""
        card, (count, _, height, width) = self.card, feeds[IMAGE].shape
        out: Any = into
        if into is None:
            out = np.empty((count, card.output_channels, height * card.scale, width * card.scale), np.float32)
        for n in range(count):
            alone = {name: array[n : n + 1] for name, array in feeds.items()}
            grown = with_pictures(card, alone, lambda batch: cast(Array, Grown(batch, card.multiple, card.smallest)))
            plan, room = self.plan({name: array.shape for name, array in grown.items()}), self.memory()
            working = self.strip or min(LARGEST_STRIP, room // SHARE_OF_STRIPS)
            while True:
                try:
                    _Run(self, plan, grown, room, working).into(out[n : n + 1] if into is None else out)
                    break
                except Exception as error:
                    if not wants_memory(error) or working < SMALLEST_STRIP:
                        raise
                    working //= 2
                gc.collect()  # what failed holds its arrays, in circles of frames and errors
        answer: FloatArray = out
        return answer

    def check(self, *, exact: bool) -> None:
        """Compute the golden probe in the thinnest strips; raises UncuttableError when the answer is another, and
        OutOfMemoryError when there is not enough for it now.
        """
        self.strip, probed = 1, _AsSession(self)
        complaint = probe_complaint(self.card, probed, exact=exact)
        self.strip = None
        if probed.is_scarce:
            raise OutOfMemoryError("There is not enough memory to compute the model in segments.")
        if complaint is not None:
            raise UncuttableError(f"The model cannot be computed in segments: {complaint}.")

    def open(self, segment: Segment) -> Session:
        """A session of one segment. It lives as long as the segment is computed: sessions keep memory for the largest
        strip that they have seen, and one whose memory did not suffice may be spoiled.
        """
        return reopened(lambda: self.opener(as_model(self.graph, segment)))


class _AsSession:
    """The executor as the probe asks a session."""

    def __init__(self, executor: Segmented) -> None:
        self.executor = executor
        self.is_scarce = False
        """Whether memory did not suffice, which says nothing of the answer."""

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any], /) -> list[Any]:
        """See Session."""
        try:
            answers = {TRANSLATION: self.executor.run(input_feed)}
        except Exception as error:
            self.is_scarce = wants_memory(error)
            raise
        return [answers[name] for name in output_names or answers]

    def get_inputs(self) -> Sequence[Named]:
        """See Session."""
        return self.executor.card.inputs

    def get_outputs(self) -> Sequence[Named]:
        """See Session."""
        return self.executor.card.outputs


class _Run:
    """One picture on its way through the segments."""

    def __init__(self, executor: Segmented, plan: Plan, feeds: Mapping[str, Array], room: int, working: int) -> None:
        self.executor, self.plan, self.feeds, self.working = executor, plan, feeds, working
        self.folder = None if plan.maps <= room // 2 else scratch_folder()
        if self.folder is not None:
            check_scratch(plan.maps, self.folder)
        self.maps: dict[str, Map] = {}
        self.spares = Spares()
        self.fed: dict[str, Array] = {}
        """Where strips of the maps that a segment reads are put."""
        self.vectors = {name: array for name, array in feeds.items() if not plan.tensors[name].is_map}

    def into(self, out: Any) -> None:
        """Compute all segments; the answer goes into `out`, (1, C', H', W')."""
        graph = self.executor.graph
        steps = parts(range(sum(len(list(strips.of(self.working))) for strips in self.plan.strips)))
        for k, (segment, strips) in enumerate(zip(graph.segments, self.plan.strips, strict=True)):
            self.maps |= {name: self._map(name) for name in segment.results if name != TRANSLATION}
            self.fed = self._buffers(segment, strips)
            self.spares.drop()
            gathered = [self._gathering(statistic) for statistic in segment.statistics]
            run, results = lent(self.executor.open(segment)), list(segment.results)
            for strip in strips.of(self.working):
                next(steps)
                answers = computed(run, results, self._fed(segment, strips, strip))
                for name, part in zip(results, answers, strict=True):
                    start, stop = strips.rows(name, strip.inner)
                    off = strips.rows(name, strip.outer)[0]
                    kept = _cut(part, self.plan.axis, start - off, stop - off)
                    if name == TRANSLATION:
                        self._leave(kept, start, out)
                        continue
                    self.maps[name].write(start, kept[0])
                    for each in gathered:
                        if each.statistic.map == name:
                            each.add(kept[0])
            for each in gathered:
                self.vectors |= self._settled(each)
            del run  # with its session, which reads what it was fed last
            for array in self.fed.values():
                self.spares.give(array)
            for name in [name for name in self.maps if graph.last_use.get(name, -1) <= k]:
                done = self.maps.pop(name)
                if isinstance(done, InMemory):
                    self.spares.give(done.array)

    def _fed(self, segment: Segment, strips: Strips, strip: Strip) -> dict[str, Array]:
        """What a segment reads for one strip."""
        fed = {name: self.vectors[name] for name in segment.vectors}
        for name in segment.maps:
            start, stop = strips.rows(name, strip.outer)
            if name in self.feeds:
                fed[name] = _cut(self.feeds[name], self.plan.axis, start, stop)
                continue
            shape = self._shape(name, stop - start)
            into = self.fed[name][: math.prod(shape)].reshape(shape)
            self.maps[name].read(start, into)
            fed[name] = into[None]
        return fed

    def _buffers(self, segment: Segment, strips: Strips) -> dict[str, Array]:
        """Room for the largest strip of each map that was computed before."""
        most = max(strip.outer[1] - strip.outer[0] for strip in strips.of(self.working))
        return {
            name: self.spares.take((math.prod(self._shape(name, most * strips.each[name])),), self._dtype(name))
            for name in segment.maps
            if name not in self.feeds
        }

    def _shape(self, name: str, rows: int | None = None) -> tuple[int, int, int]:
        """(C, H, W) of a map, or of a strip of it."""
        _, channels, *sides = self.plan.tensors[name].shape
        if rows is not None:
            sides[self.plan.axis] = rows
        return channels, sides[0], sides[1]

    def _dtype(self, name: str) -> npt.DTypeLike:
        return self.plan.tensors[name].dtype

    def _map(self, name: str) -> Map:
        shape, dtype = self._shape(name), stored(self._dtype(name), self.executor.is_half)
        if self.folder is None:
            return InMemory(self.plan.axis, self.spares.take(shape, dtype))
        return InFile(shape, self.plan.axis, dtype, self.folder)

    def _gathering(self, statistic: Statistic) -> Gathering:
        return Gathering(statistic, self.plan.tensors[statistic.map].shape[1])

    def _settled(self, gathering: Gathering) -> dict[str, Array]:
        tensors, statistic = self.plan.tensors, gathering.statistic
        shapes = {name: tensors[name].shape for name in statistic.names if name in tensors}
        return gathering.settle(shapes, tensors[statistic.map].dtype)

    def _leave(self, part: FloatArray, start: int, out: Any) -> None:
        """Put a strip of the answer where it goes, without what the picture was grown by."""
        if not np.isfinite(part).all():
            raise ProviderError(
                f"The model gave values that are no numbers on {self.executor.where}. Try --precision fp32, or "
                "--device cpu."
            )
        height, width = out.shape[2:]
        stop = start + part.shape[2 + self.plan.axis]
        down, right = slice(0, height), slice(0, width)
        if self.plan.axis == 0:
            down = slice(min(start, height), min(stop, height))
        else:
            right = slice(min(start, width), min(stop, width))
        kept = part[:, :, : down.stop - down.start, : right.stop - right.start]
        if kept.size:
            out[:, :, down, right] = np.clip(kept, 0, 1)


def _cut(array: Array, axis: int, start: int, stop: int) -> Array:
    every, piece = slice(None), slice(start, stop)
    part: Array = array[every, every, piece, every] if axis == 0 else array[every, every, every, piece]
    return part
