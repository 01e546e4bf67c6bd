"""One training on the page: its method, its log and doctor, and the moments that it can go back to.

It is driven as `i2i train` drives a method: `at`, then a step on the batch of that number, a line of the log every few
steps, health figures at every grid. Chance is the training's own, so that several of them can take turns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..diagnostics.doctor import Ailment, Monitor
from ..hardware.device import place
from ..settings import flat, merge, parse_assignments, resolve
from ..training.health import HealthWatch
from . import scores
from .chance import chance
from .controls import CONTROLS, Settings, changes_anew, checked
from .data import DATA, HELD_OUT, samples
from .engine import LearnConfig, LearnGan
from .failures import FAILURES
from .feed import batches
from .moments import Moment, finite, put_back, take, thinned

LINE, GRID = 5, 15
"""Steps from one line of the log to the next, and from one grid with health figures to the next."""

MOMENTS = 10
"""Parts of a run from each of which the state of the training is kept."""

PAGE_ONLY = ("data", "count", "steps", "prior", "optimizer.clip")
"""Settings of the page that are no settings of a run, or others there."""


class Training:
    """One GAN that learns `settings["data"]`, from its seed on."""

    def __init__(self, settings: Settings, drawn: Sequence[Sequence[float]] = ()) -> None:
        """Raises ConfigError for settings that exclude each other, DataError where too few points are drawn."""
        self.settings, self.drawn, self.shape = settings, drawn, DATA[settings["data"]]
        self._draw()
        unseen = samples(settings["data"], 2 * HELD_OUT, settings["seed"], drawn, unseen=True)
        self.real, self.parts = torch.from_numpy(unseen.images), torch.from_numpy(unseen.parts)
        self.images = self.step_count = 0
        self.lines: list[dict[str, Any]] = []
        self.ended = ""
        """Why it cannot go on; "" while it can."""
        self.changes: list[dict[str, Any]] = []
        """What was changed while it ran: at which step, and what."""
        self.cures: list[dict[str, Any]] = []
        """What was done against failures: `over` is the step at which it had helped, None while it has not yet."""
        self.axes: tuple[Tensor, Tensor] | None = None
        """The mean of real pictures and the two directions in which they differ most, once somebody has looked."""
        self.moments: list[Moment] = []
        self.best: Moment | None = None
        self.best_score = math.inf
        with chance(settings["seed"]):
            self._build()
            self.random = torch.get_rng_state()
        self.monitor = Monitor(self.config.images, flat(self.config.model_dump(mode="json")))
        self._begin_line()
        self.moments.append(self._moment(self.random))

    @property
    def is_plane(self) -> bool:
        """Whether it learns points."""
        return tuple(self.train.shape[1:]) == (2, 1, 1)

    @property
    def total(self) -> int:
        """Steps of the run."""
        return int(self.settings["steps"])

    @property
    def done(self) -> bool:
        """Whether the run has its length, or cannot go on."""
        return bool(self.ended) or self.step_count >= self.total

    def _draw(self) -> None:
        """The training samples."""
        found = samples(self.settings["data"], self.settings["count"], self.settings["seed"], self.drawn)
        self.train = torch.from_numpy(found.images)

    def _build(self) -> None:
        self.config = resolve(LearnConfig, [self._layers()])
        self.method = LearnGan.from_config(self.config, place("cpu", "fp32"))
        held_out = {"image": self.real[:HELD_OUT]}
        self.health = HealthWatch(self.method, held_out)
        self.feed: Iterator[Tensor] = iter(())
        self.fed = -1

    def _layers(self) -> dict[str, Any]:
        asked = self.settings
        dotted = [f"{name}={_text(value)}" for name, value in asked.items() if name not in PAGE_ONLY]
        plane = self.is_plane
        given: dict[str, Any] = {
            "shape": tuple(self.train.shape[1:]),
            "prior": asked["prior"],
            "images": asked["steps"] * asked["batch"],
            "data": {"path": asked["data"]},
            "optimizer": {"decay_from": 1.0, "clip": asked["optimizer.clip"] or None},
            "generator": {"activation": "leaky", "bounded": not plane},
        }
        return merge(parse_assignments(dotted), given)

    def as_config(self) -> dict[str, Any]:
        """What a run of `i2i train gan` needs to be told for the same training."""
        given = self._layers()
        return {key: value for key, value in given.items() if key not in ("shape", "prior", "data")}

    def steps(self, count: int) -> None:
        """At most `count` more steps; fewer where the run ends."""
        with chance(self.random):
            for _ in range(count):
                if self.done:
                    break
                self._step()
            self.random = torch.get_rng_state()

    def watched_step(self, look: Callable[[str], object]) -> None:
        """One step; `look` is called after each update, with `d` or `g`."""
        plain = self.method.descend

        def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
            plain(optimizer, loss)
            look("d" if optimizer is self.method.optimizers["d"] else "g")

        self.method.descend = descend  # type: ignore[method-assign]
        try:
            self.steps(1)
        finally:
            del self.method.descend

    def _step(self) -> None:
        batch = {"image": self._batch()}
        self.method.at(self.images, len(batch["image"]))
        scalars = self.health.step(self.step_count, batch)
        self.images += len(batch["image"])
        self.step_count += 1
        for name, value in scalars.items():
            self._sums.setdefault(name, []).append(value.detach())
        grid = self.step_count % GRID == 0 or self.done
        if self.step_count % LINE == 0 or grid:
            self._write_line(grid)
        if self.step_count % max(GRID, self.total // MOMENTS) == 0 and not self.ended:
            self.moments = thinned([*self.moments, self._moment()])

    def _batch(self) -> Tensor:
        """The training samples of this step: in an order that the seed decides, each once before any comes again."""
        if self.fed != self.images:
            asked = self.settings
            turned = "rotate90" in asked["data.augment"]
            self.feed = batches(self.train, asked["seed"], self.images, asked["batch"], turned=turned)
        found = next(self.feed)
        self.fed = self.images + len(found)
        return found

    def _begin_line(self) -> None:
        self._sums: dict[str, list[Tensor]] = {}

    def _write_line(self, grid: bool) -> None:
        means = {name: float(torch.stack(values).float().mean()) for name, values in self._sums.items()}
        self._begin_line()
        line: dict[str, Any] = {"images": self.images, "step": self.step_count, **means}
        if not all(math.isfinite(value) for value in means.values()) or (grid and not finite(self.method)):
            line = {"images": self.images, "step": self.step_count, "non_finite": 1}
            self.ended = "A loss or a weight is no longer a number."
        elif grid:
            columns = self.method.sample_columns({"image": self.real[:HELD_OUT]})
            line |= self.health.figures(columns)
            line |= self.method.validate(columns)
            line |= scores.figures(self.shape, columns["fake"], self.real, self.parts)
            if line["val_distance"] < self.best_score and self.step_count > self.total // 10:
                self.best_score, self.best = line["val_distance"], self._moment()
        found = self.monitor.add(line)
        self._see_cures()
        if found:
            line["found"] = [one.name for one in found]
        self.lines.append({name: _short(value) for name, value in line.items()})

    def _moment(self, random: Tensor | None = None) -> Moment:
        return take(self.method, self.images, self.step_count, torch.get_rng_state() if random is None else random)

    def change(self, given: Mapping[str, Any]) -> bool:
        """Take other settings while it runs; False, and nothing is done, where they need a new training.

        Networks, moments of the optimizers, place in the run and its log stay. Raises ConfigError.
        """
        after = checked({**self.settings, **given})
        if changes_anew(self.settings, after):
            return False
        moment, before = self._moment(self.random), self.settings
        self.settings = after
        with chance(self.random):
            try:
                self._build()
            except Exception:
                self.settings = before
                self._build()
                self._restore(moment)
                raise
        if after["count"] != before["count"]:
            self._draw()
        self._restore(moment)
        self.monitor.settings = flat(self.config.model_dump(mode="json"))
        self.monitor.total = self.config.images
        changed = {name: after[name] for name in after if after[name] != before[name]}
        if changed:
            self.changes.append({"step": self.step_count, "settings": changed})
        return True

    def _restore(self, moment: Moment) -> None:
        """The networks and the optimizers as they were, at the rates and momenta of the settings."""
        put_back(self.method, moment, self.config.optimizer)
        self.images, self.step_count, self.random = moment.images, moment.step, moment.random
        self.ended = ""
        self._begin_line()

    def go_back(self, moment: Moment) -> None:
        """Stand there again, with the log and the doctor's findings of then."""
        self._restore(moment)
        self.lines = [line for line in self.lines if line["step"] <= moment.step]
        self.monitor = Monitor(self.config.images, flat(self.config.model_dump(mode="json")))
        for line in self.lines:
            self.monitor.add(line)
        self.moments = [one for one in self.moments if one.step <= moment.step]
        self.changes = [one for one in self.changes if one["step"] <= moment.step]

    def before(self, ailment: Ailment) -> Moment:
        """The last kept moment from before a failure began."""
        return next((one for one in reversed(self.moments) if one.images < ailment.images), self.moments[0])

    def cure(self, name: str, *, back: bool) -> dict[str, Any]:
        """Apply the remedy of the failure `name` that is there; with `back` from a moment before it began.

        Gives the settings that were changed. Raises KeyError where it is not there.
        """
        ailment = self.monitor.ailments[name]
        remedy, until = self.remedy(ailment), self.step_count
        if back:
            self.go_back(self.before(ailment))
        self.change(remedy)
        cure = {"name": name, "title": ailment.title, "settings": remedy, "at": until, "over": None}
        self.cures = [one for one in self.cures if one["name"] != name]
        self.cures.append(cure | {"back": self.step_count if back else None})
        return remedy

    def goes_back(self, name: str) -> bool:
        """Whether the cure of this failure begins from a moment before it."""
        return bool(self.ended) or (name in FAILURES and FAILURES[name].back)

    def _see_cures(self) -> None:
        """Whether what was done has helped: the failure is over, or did not come again where it had been before."""
        for cure in self.cures:
            if cure["name"] in self.monitor.ailments:
                cure["over"] = None
            elif cure["over"] is None and (cure["back"] is None or self.step_count >= cure["at"]):
                cure["over"] = self.step_count

    def remedy(self, ailment: Ailment) -> dict[str, Any]:
        """What the doctor says, as settings of the page; those that it does not have are left out."""
        row = FAILURES.get(ailment.name)
        asked = flat(parse_assignments(ailment.remedy), keep_empty=True) | dict(row.besides if row else {})
        return {name: value for name, value in asked.items() if name in CONTROLS and not CONTROLS[name].anew}

    def ailments(self) -> list[dict[str, Any]]:
        """What the doctor has named, newest first: those that are there, then those that are over."""
        there = sorted(self.monitor.ailments.values(), key=lambda one: -one.found)
        past = sorted(self.monitor.past, key=lambda one: -(one.over or 0))
        batch = self.settings["batch"]
        return [
            {
                **{"name": one.name, "title": one.title, "sentence": one.sentence(), "began": one.step},
                **{"found": one.found // batch, "over": one.over // batch if one.over is not None else None},
                **{"remedy": one.remedy, "settings": self.remedy(one), "back": self.goes_back(one.name)},
            }
            for one in (*there, *past)
        ]


def _text(value: Any) -> str:
    """As YAML reads it."""
    return f"[{','.join(map(str, value))}]" if isinstance(value, tuple) else f"{value}"


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None  # JSON has no other numbers
    return value
