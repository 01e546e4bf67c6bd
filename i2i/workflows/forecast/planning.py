"""What happens between a folder that was read and a run that begins: its forecast, or the search for what fits."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Collection
from typing import Any

from ...datasets.streams.source import PreparedData
from ...errors import RequestError, TrainingError
from ...hardware.device import Placement
from ...methods.config import TrainConfig
from ...text import duration
from ...training.run_directory import Run
from ..progress import Say
from .budget import PART, Keeper, least_images, reserve, too_little, with_total
from .foresee import Forecast, TooLargeError, check_disk, forecast, measured, of_log, why_not
from .steps import SIDES


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What the user wants to know beforehand, and to be held to."""

    forecast: bool = True
    """Whether to tell what the run will take, and to refuse what does not fit."""
    only: bool = False
    """Tell it and stop."""
    budget: float | None = None
    """Seconds that the command may take from its start to its end."""


@dataclasses.dataclass(frozen=True)
class Planner:
    """What is known when a run is planned."""

    wishes: Wishes
    run: Run
    placement: Placement
    workers: int
    typed: Collection[str]
    """Names of the settings that the user gave, which are left alone."""
    at: Callable[[int, int], tuple[TrainConfig, PreparedData]]
    """The complete configuration with this side and batch, and the pictures read for it."""
    say: Say
    began: float
    """When the command began, on the monotonic clock."""

    def keeper(self, config: TrainConfig) -> Keeper | None:
        """What holds the run to its budget, where it has one."""
        budget = self.wishes.budget
        return None if budget is None else Keeper(self.run, config, budget, self.began, self.say)

    def plan(self, config: TrainConfig, ready: PreparedData) -> tuple[TrainConfig, PreparedData, dict[str, Any]]:
        """The configuration and the pictures to train with, and what environment.json says of it.

        Raises TrainingError for what does not fit, RequestError for a budget that is too small.
        """
        if self.run.has_checkpoints:
            told = of_log(self.run, config.total or 0, self.placement)
            if told and self.wishes.forecast:
                self.say(told)
            before = self.run.environment()
            return config, ready, {name: before[name] for name in ("forecast", "budget") if name in before}
        wanted = self.wishes.budget is not None or self.wishes.only
        reason = "it was not wanted" if not (self.wishes.forecast or wanted) else None if wanted else why_not(config)
        if os.environ.get("WORLD_SIZE", "1") != "1":
            reason = "several processes train together"
            if self.wishes.budget is not None:
                raise RequestError("--budget is for a run of one process. Give --images under torchrun.")
        if reason is not None:
            if self.wishes.forecast:
                self.say(f"No forecast: {reason}.")
            return config, ready, {"forecast": {"skipped": reason}}
        if self.wishes.budget is not None:
            config, ready, within = self._within(self.wishes.budget, config, ready)
            told_now: Forecast | str = within
        else:
            told_now = self._told(config, ready)
        if isinstance(told_now, str):
            self.say(f"No forecast, since the probe failed: {told_now}.")
            return config, ready, {"forecast": {"skipped": f"the probe failed: {told_now}"}}
        self.say(told_now.sentence)
        facts: dict[str, Any] = {"forecast": told_now.facts()}
        if self.wishes.budget is not None:
            facts["budget"] = {"seconds": self.wishes.budget}
        return config, ready, facts

    def _told(self, config: TrainConfig, ready: PreparedData) -> Forecast | str:
        """The forecast, or why there is none."""
        found = measured(config, ready, self.placement, self.run)
        told = forecast(config, ready, self.workers, found, self.placement)
        if told is None:
            return (found.failed or "it did not come to its end").rstrip(".")
        check_disk(config, told, found, self.run)
        return told

    def _within(
        self, budget: float, config: TrainConfig, ready: PreparedData
    ) -> tuple[TrainConfig, PreparedData, Forecast]:
        """The largest side and the longest run, up to what was asked for, that fit."""
        count = max(1, ready.counts.get("train", 1))
        while True:
            try:
                told = self._told(config, ready)
            except TooLargeError as error:
                if error.nearest is None or (error.nearest[0] != config.size and "size" in self.typed) or (
                    error.nearest[1] != config.batch and "batch" in self.typed
                ):  # fmt: skip
                    raise
                config, ready = self.at(*error.nearest)
                continue
            if isinstance(told, str):
                raise TrainingError(
                    f"How long a step at --size {config.size} --batch {config.batch} takes could not be found: {told}. "
                    "Try a smaller --size, or give --images instead of --budget."
                )
            left = budget - reserve(budget) - (time.monotonic() - self.began)
            images = int(PART * left / told.image_seconds) // config.seen_at_once * config.seen_at_once
            least = least_images(config, count)
            if images >= least or "images" in self.typed:
                break
            smaller = next((side for side in reversed(SIDES) if 32 <= side < config.size), None)
            if smaller is None or "size" in self.typed:
                raise RequestError(too_little(config, images, least, budget, told.image_seconds))
            try:
                config, ready = self.at(smaller, config.batch)
            except RequestError:  # the networks that were chosen take no such side
                raise RequestError(too_little(config, images, least, budget, told.image_seconds)) from None
        total = config.total or images
        if images < total and "images" in self.typed:
            raise RequestError(
                f"{total:,} images take about {duration(told.seconds)}, and the budget of {duration(budget)} has room "
                f"for about {images:,}. Give --images {images}, or leave it out."
            )
        if images < total:
            config = with_total(config, images)
            shorter = images / total
            told = dataclasses.replace(told, images=images, seconds=told.seconds * shorter)
        self.say(
            f"Within {duration(budget)}: --size {config.size} --batch {config.batch}, {config.total or 0:,} images."
        )
        return config, ready, told
