"""The stages of a run as data: what is trained for how long, and which stage an image number lies in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import ConfigError


def constant(_share: float) -> float:
    """The learning rate as it is."""
    return 1.0


@dataclasses.dataclass(frozen=True)
class Stage:
    """A part of a run: pixel then adversarial, fade-in then stable, one size then the next."""

    name: str
    images: int
    """Its length, in images shown."""
    adds: frozenset[str] = frozenset()
    """Names of networks, optimizers and objectives that it brings: checkpoints of the stages before may lack them."""
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What is different in it, by name: `size` where its pictures have another, or whatever its method looks for."""
    scored_as: str | None = None
    """Validation figures are compared with those of stages of the same: a picture of 8 pixels is no rival of one of 32.
    """
    schedule: Callable[[float], float] = constant
    """Factor of every learning rate when a share of the stage is over."""


@dataclasses.dataclass(frozen=True)
class Position:
    """Where in a run an image number lies."""

    stage: Stage
    share: float
    """Part of the stage that is over."""


class Timeline:
    """Stages one after the other. A step belongs to the stage in which it begins."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = tuple(stages)
        self.ends = tuple(sum(stage.images for stage in self.stages[: n + 1]) for n in range(len(self.stages)))
        self.total = self.ends[-1] if self.ends else 0
        self.adds = frozenset(name for stage in self.stages for name in stage.adds)

    def at(self, seen: int) -> Position:
        """The stage in which a step begins when `seen` images have been shown; after the end it is the last one."""
        index = next((n for n, end in enumerate(self.ends) if seen < end), len(self.stages) - 1)
        stage = self.stages[index]
        return Position(stage, (seen - self.ends[index] + stage.images) / max(1, stage.images))

    def share_since(self, name: str, seen: int) -> float:
        """The part that is over of what is left of the run from the stage on that adds `name`, else of all of it."""
        added = next((n for n, stage in enumerate(self.stages) if name in stage.adds), 0)
        start = self.ends[added] - self.stages[added].images
        return max(0, seen - start) / max(1, self.total - start)

    def to_begin(self, begun: str | None, stage: Stage) -> tuple[Stage, ...]:
        """Every stage after `begun`, the last that has, up to `stage`: one shorter than a batch is not left out.

        Raises ConfigError where the run is further than that, or in a stage that these settings have not.
        """
        last, now = self.index(begun), self.index(stage.name)
        if last > now or (begun is not None and last < 0):
            raise ConfigError(
                f"This run is in its {begun} stage, so its {stage.name} stage cannot be made longer "
                f"({stage.images} images asked for). Lengthen a later one, or start anew in another --run."
            )
        return self.stages[last + 1 : now + 1]

    def index(self, name: str | None) -> int:
        """The place of the stage called so; -1 for None and for one that the run has not."""
        return next((n for n, stage in enumerate(self.stages) if stage.name == name), -1)
