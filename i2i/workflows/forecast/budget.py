"""`--budget`: a run that fits a time. Its length is found before it begins, and shortened where the machine is slower.

A run that is shortened still ends as it should: the schedule is that of the new length from there on, so the learning
rate falls to zero at the end.
"""

from __future__ import annotations

import collections
import contextlib
import math
import re
import time
from collections.abc import Callable
from typing import Any

from ...errors import ConfigError, StorageError
from ...files import write_atomically
from ...methods import METHODS, Method
from ...methods.config import TrainConfig
from ...methods.stages import Timeline
from ...settings import to_yaml
from ...text import duration
from ...training.checkpoint import Progress
from ...training.run_directory import Run

UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
LEAST_SECONDS = 60.0
"""Below this starting and exporting are most of it."""
PART = 0.95
"""Of the time that is left, what a run is planned for; the rest is for what the probe did not see."""
LEAST_IMAGES, MOST_LEAST_IMAGES, LEAST_PASSES = 1000, 5000, 3
"""A run is to show so many images, or pass so often over the pictures where that is more, up to the second number."""
RECENT = 0.04
"""Part of the budget over which the speed of now is taken."""
SLOWER = 1.02
"""How far a run may be behind its budget before it is shortened, as a factor."""


def seconds_of(text: str) -> float:
    """`2h`, `30m`, `90s` or `1h30m` in seconds; raises ConfigError."""
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(min|[smhd])", text.strip().lower())
    if not parts or "".join(n + unit for n, unit in parts) != re.sub(r"\s", "", text.lower()):
        raise ConfigError(f"--budget {text!r} is no time. Write 2h, 30m, 90s or 1h30m.")
    seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
    if seconds < LEAST_SECONDS:
        raise ConfigError(f"--budget {text} is too short to start, train and export in. Give at least 60s.")
    return seconds


def reserve(seconds: float) -> float:
    """What is kept of a budget for the export and the report at the end."""
    return min(0.15 * seconds, 15 + 0.02 * seconds)


def least_images(config: TrainConfig, count: int) -> int:
    """Below so many a run is not worth its time, for `count` training pictures; never more than it would have had."""
    wanted = min(MOST_LEAST_IMAGES, max(LEAST_IMAGES, LEAST_PASSES * count))
    return min(wanted, config.total or wanted)


def with_total(config: TrainConfig, total: int, seen: int = 0) -> TrainConfig:
    """The configuration with so many images in all; of two stages, what is left of each shrinks alike."""
    images, second = config.images or 0, int(getattr(config, "gan_images", 0))
    if not second:
        return config.model_copy(update={"images": total})
    if seen >= images:
        return config.model_copy(update={"gan_images": max(1, total - images)})
    share = (total - seen) / max(1, images + second - seen)
    first = seen + max(1, round((images - seen) * share))
    return config.model_copy(update={"images": first, "gan_images": max(1, total - first)})


def as_planned(config: TrainConfig, before: TrainConfig) -> TrainConfig:
    """`config` with the side, the batch and the length that its run was planned with."""
    planned = ("size", "batch", "images", "gan_images")
    return config.model_copy(update={name: getattr(before, name) for name in planned if hasattr(before, name)})


class Keeper:
    """Holds a run to its budget while it trains."""

    def __init__(
        self, run: Run, config: TrainConfig, seconds: float, began: float, say: Callable[[str], object]
    ) -> None:
        self.run, self.config, self.say, self.began = run, config, say, began
        self.seconds = seconds - reserve(seconds)
        self.before: Progress | None = None
        self.recent: collections.deque[Progress] = collections.deque()

    def left(self, progress: Progress) -> float:
        """Seconds of the budget that training may still take; sessions before count what they trained."""
        earlier = self.before.seconds if self.before else progress.seconds
        return self.seconds - earlier - (time.monotonic() - self.began)

    def adapt(self, method: Method, progress: Progress) -> bool:
        """Give `method` fewer images where the budget would not be kept; whether that was so."""
        if self.before is None:
            self.before = progress
        self.recent.append(progress)
        window = RECENT * self.seconds
        while len(self.recent) > 2 and progress.seconds - self.recent[1].seconds >= window:
            self.recent.popleft()
        images = progress.images - self.recent[0].images
        spent = progress.seconds - self.recent[0].seconds
        total, left, batch = method.timeline.total, self.left(progress), self.config.batch
        if progress.images >= total or images <= 0 or (spent < window and left > window):
            return False
        possible = max(1, int(left / (spent / images)) // batch) * batch
        if total - progress.images <= max(batch, SLOWER * possible):
            return False
        self.config = with_total(self.config, progress.images + possible, progress.images)
        method.timeline = Timeline(METHODS[self.config.method].stages(self.config))
        with contextlib.suppress(StorageError):  # a run does not end because its plan cannot be written
            write_atomically(self.run.config_file, to_yaml(self.config).encode())
            self._noted(progress.images, method.timeline)
        self.say(
            f"This machine is slower than it was: the run ends after {method.timeline.total:,} images instead of "
            f"{total:,} to keep its budget, and its schedule with it."
        )
        return True

    def _noted(self, images: int, timeline: Timeline) -> None:
        facts: dict[str, Any] = self.run.environment().get("budget", {})
        self.run.amend_environment(
            budget={**facts, "shortened": [*facts.get("shortened", []), [images, timeline.total]]},
            stages=[{"name": stage.name, "images": stage.images} for stage in timeline.stages],
        )


def too_little(config: TrainConfig, images: int, least: int, budget: float, image_seconds: float) -> str:
    """That a budget shows too few images, and what is the nearest, in a sentence."""
    size = 2 ** int(math.log2(max(16.0, config.size * math.sqrt(max(1, images) / least))))
    needs = least * image_seconds / PART
    needs += reserve(needs * 1.2) + 20
    smaller = f", or a smaller side (--size {size})" if size < config.size and size >= 32 else ""
    return (
        f"In {duration(budget)} a run at --size {config.size} --batch {config.batch} shows about {images:,} images, "
        f"and fewer than {least:,} are not worth it. Give at least --budget {math.ceil(needs / 60)}m{smaller}."
    )
