"""Several models one after the other: each takes what the one before gives, in floats, as one translator."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...card import Card
from ...errors import RequestError
from ...images.image import Picture, with_channels
from ..runtime.resolve import resolve_model
from .batcher import Batcher, Pending
from .controls import NO_CONTROLS, resolve_controls
from .engine import Engine
from .executors import IMAGE, FloatArray
from .planes import Canvas
from .prepared import Prepared, finish_picture, prepare_picture

AND = "+"
"""Between the names, and the digests, of the models of a chain."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChainCard(Card):
    """What models one after the other take and give: scales multiply."""

    parts: tuple[Card, ...] = ()
    """Their cards, in their order."""

    @property
    def keeps_content(self) -> bool:
        """Whether each of them does."""
        return all(part.keeps_content for part in self.parts)


@dataclasses.dataclass(frozen=True)
class _Prepared(Prepared):
    """A picture for the first model, and what users set, for the others."""

    controls: Mapping[str, object] = dataclasses.field(default_factory=dict)


class Chain:
    """What a conversion needs of an Engine, of several. Each cuts its own tiles, and keeps its own lock.

    A port that several models have (a label, say) is set alike for all of them.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        """Raises RequestError where a model takes no picture of the channels that the one before gives."""
        for before, after in itertools.pairwise(engines):
            gives, takes = before.card.output_channels, after.card.input_channels
            if gives != takes and {gives, takes} != {1, 3}:
                raise RequestError(
                    f"{before.card.name} gives {gives} channels and {after.card.name} takes {takes}, so that the "
                    "second cannot follow the first. Convert with one of them."
                )
        self.engines = tuple(engines)
        self.card: Card = _card([engine.card for engine in engines])
        self.sha256 = AND.join(engine.sha256 for engine in engines)
        self.provider = _together(engine.provider for engine in engines)
        self.precision = _together(engine.precision for engine in engines)
        self.deep_precision = _together(engine.deep_precision for engine in engines)
        self.ensemble = any(engine.ensemble for engine in engines)
        self.maps = _together(engine.maps for engine in engines)
        self.reason = " ".join(f"{engine.card.name}: {engine.reason}" for engine in engines)
        self.batcher: Batcher = engines[0].batcher

    def prepare(self, picture: Picture, controls: Mapping[str, object] = NO_CONTROLS) -> Prepared:
        """See Engine."""
        first = self.engines[0].card
        arrays = resolve_controls(first, _for(first, controls), picture.pixels.shape[:2])
        prepared = prepare_picture(picture, self.card, arrays)
        return _Prepared(prepared.feeds, prepared.source, prepared.canvas, controls)

    def submit(self, prepared: Prepared) -> ChainPending:
        """See Engine; the models behind the first run when the result is asked for."""
        return ChainPending(self, prepared, self.engines[0].submit(dataclasses.replace(prepared, canvas=None)))

    def finish(self, prepared: Prepared, answer: FloatArray | Canvas) -> Picture:
        """See Engine."""
        return finish_picture(prepared, answer, self.card)

    def let_go(self) -> None:
        """See Engine."""
        for engine in self.engines:
            engine.let_go()


class ChainPending:
    """A picture that was submitted to the first model of a chain."""

    def __init__(self, chain: Chain, prepared: Prepared, first: Pending) -> None:
        self.chain, self.prepared, self.first = chain, prepared, first

    def result(self) -> FloatArray | Canvas:
        """What the last model gives; raises what any of them raises."""
        answer = self.first.result()
        *between, last = self.chain.engines[1:]
        for engine in (*between, last):
            canvas = self.prepared.canvas if engine is last else None
            answer = engine.submit(self._fed(engine.card, answer, canvas)).result()
        return answer

    def withdraw(self) -> None:
        """Give up a result that nobody will ask for."""
        self.first.withdraw()

    def _fed(self, card: Card, answer: FloatArray | Canvas, canvas: Canvas | None) -> Prepared:
        assert not isinstance(answer, Canvas)
        image = with_channels(answer.transpose(1, 2, 0), card.input_channels).transpose(2, 0, 1)
        told = self.prepared.controls if isinstance(self.prepared, _Prepared) else NO_CONTROLS
        feeds = resolve_controls(card, _for(card, told), answer.shape[1:])
        return Prepared({IMAGE: np.ascontiguousarray(image)[None], **feeds}, self.prepared.source, canvas)


def open_models(models: str | Path, direction: str | None = None, **options: Any) -> Engine | Chain:
    """The engine of MODEL, or the chain of `MODEL,MODEL`; `options` are those of Engine, the same for each.

    Raises what `resolve_model` and Engine raise, RequestError when one cannot follow the other.
    """
    whole = Path(models)
    names = [whole] if whole.exists() else [Path(part.strip()) for part in str(models).split(",") if part.strip()]
    engines = [Engine(resolve_model(name, direction), **options) for name in names or [whole]]
    return engines[0] if len(engines) == 1 else Chain(engines)


def _card(cards: Sequence[Card]) -> ChainCard:
    first, last = cards[0], cards[-1]
    ports = {port.name: port for card in cards for port in card.controls}
    image = [] if first.image is None else [first.image]
    return ChainCard(
        name=AND.join(card.name for card in cards),
        method=AND.join(dict.fromkeys(card.method for card in cards)),
        supervision="unknown",
        task=last.task,
        source=first.source,
        target=last.target,
        inputs=(*image, *ports.values()),
        outputs=last.outputs,
        scale=math.prod(card.scale for card in cards),
        multiple=first.multiple,
        smallest=first.smallest,
        tiling="global",
        parts=tuple(cards),
    )


def _for(card: Card, controls: Mapping[str, object]) -> dict[str, object]:
    """Those of the controls that a model has."""
    ports = {port.name for port in card.controls}
    return {name: value for name, value in controls.items() if name.partition(".")[0] in ports}


def _together(words: Any) -> str:
    return AND.join(dict.fromkeys(words))
