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

from ..diagnostics.doctor import Monitor
from ..methods import Batch
from ..settings import flat
from ..training.health import HealthWatch
from . import scores
from .chance import chance
from .controls import Settings, changes_anew, checked
from .cures import Cure, see
from .data import DATA, HELD_OUT, samples
from .engine import GRID, LINE, config_of, fixed_latents, method_of, settings_of_run
from .feed import batches
from .moments import Moment, finite, put_back, take, thinned

MOMENTS = 10
"""Parts of a run from each of which the state of the training is kept."""


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
        self.cures: list[Cure] = []
        """What was done against failures."""
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
    def _picture(self) -> tuple[int, int, int]:
        channels, height, width = self.train["image"].shape[1:]
        return channels, height, width

    @property
    def is_plane(self) -> bool:
        """Whether it learns points."""
        return self._picture == (2, 1, 1)

    def labels(self, count: int) -> Tensor | None:
        """(count,): the classes in turn, where samples are made by class."""
        return torch.arange(count) % self.method.G.classes if self.method.G.classes else None

    def made(self, z: Tensor) -> Tensor:
        """(N, latent) -> (N, C, H, W), all of the first class where there are classes; G as it stands."""
        first = torch.zeros(len(z), dtype=torch.int64) if self.method.G.classes else None
        fake: Tensor = self.method.G(z, first)
        return fake

    def judged(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, C, H, W) -> (N,) logits of D as it stands: of these classes, else of the class that suits each most."""
        known = [labels]
        if labels is None and self.method.D.classes:
            known = [torch.full((len(x),), n) for n in range(self.method.D.classes)]
        logits: Tensor = torch.stack([self.method.D(x, y).flatten() for y in known]).amax(0)
        return logits

    def generated(self) -> Tensor:
        """(HELD_OUT, C, H, W): always of the same latents, and of the classes in turn; without a trace in G."""
        G = self.method.G
        before = G.training
        G.eval()
        with torch.no_grad():
            fake: Tensor = G(self.fixed, self.labels(HELD_OUT))
        G.train(before)
        return fake

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
        pictures, parts = torch.from_numpy(found.images), torch.from_numpy(found.parts)
        if self.settings["conditional"]:  # one class after the other, as they lie in folders
            order = parts.argsort(stable=True)
            pictures, parts = pictures[order], parts[order]
        self.train = {"image": pictures, "label": parts}

    def _build(self) -> None:
        self.config = config_of(self.settings, self._picture, self.shape.kinds)
        self.method = method_of(self.config)
        self.fixed = fixed_latents(self.method, HELD_OUT)
        self.held_out = {"image": self.real[:HELD_OUT], "label": self.parts[:HELD_OUT]}
        self.health = HealthWatch(self.method, self.held_out)
        self.feed: Iterator[Batch] = iter(())
        self.fed = -1

    def as_config(self) -> dict[str, Any]:
        """What a run of `i2i train gan` is told for the same training."""
        return settings_of_run(self.settings, self._picture, self.shape.kinds)

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
        batch = self._batch()
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

    def _batch(self) -> Batch:
        """The training samples of this step."""
        if self.fed != self.images:
            asked = self.settings
            turned = "rotate90" in asked["data.augment"]
            self.feed = batches(self.train, asked["seed"], self.images, asked["batch"], turned=turned)
        found = next(self.feed)
        self.fed = self.images + len(found["image"])
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
            fake = self.generated()
            columns = {"real": self.held_out["image"], "1": fake}
            line |= self.health.figures(columns)
            line |= self.method.validate(columns)
            line |= scores.figures(self.shape, fake, self.real, self.parts)
            score = line[self.method.best_metric]
            if score < self.best_score and self.step_count > self.total // 10:
                self.best_score, self.best = score, self._moment()
        found = self.monitor.add(line)
        see(self.cures, self.monitor, self.step_count)
        if found:
            line["found"] = [one.name for one in found]
        self.lines.append({name: _short(value) for name, value in line.items()})

    def _moment(self, random: Tensor | None = None) -> Moment:
        return take(self.method, self.images, self.step_count, torch.get_rng_state() if random is None else random)

    def verify(self, given: Mapping[str, Any]) -> None:
        """Raises ConfigError where the training cannot take these settings; changes nothing."""
        with chance(self.random):
            method_of(config_of(checked({**self.settings, **given}), self._picture, self.shape.kinds))

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
        put_back(self.method, moment)
        self.images, self.step_count, self.random = moment.images, moment.step, moment.random
        self.ended = ""
        self._begin_line()

    def go_back(self, moment: Moment) -> None:
        """Stand there again, with the log and the doctor's findings of then; a later best is forgotten."""
        self._restore(moment)
        self.lines = [line for line in self.lines if line["step"] <= moment.step]
        self.monitor = Monitor(self.config.images, flat(self.config.model_dump(mode="json")))
        for line in self.lines:
            self.monitor.add(line)
        self.moments = [one for one in self.moments if one.step <= moment.step]
        self.changes = [one for one in self.changes if one["step"] <= moment.step]
        if self.best is not None and self.best.step > moment.step:
            self.best, self.best_score = None, math.inf


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None  # JSON has no other numbers
    return value
