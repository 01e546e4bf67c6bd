"""One of the runs that are compared, as far as its directory tells."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import RequestError, RunError
from ...settings import flat
from ...text import duration
from ...training.run_directory import Run
from ..text import METHOD_TITLES, Best, Tick, best_of, main_figure, state
from .scores import Scored, read_scores

UNKNOWN = "–"
"""Stands where a run does not tell."""


@dataclasses.dataclass(frozen=True)
class Compared:
    """What a run has; any part may be empty."""

    name: str
    """Of its folder, with the parent's where two are called alike."""
    run: Run
    config: dict[str, Any]
    environment: dict[str, Any]
    ticks: list[Tick]
    scores: dict[str, Scored]
    """By metric, what `i2i evaluate` left."""

    @property
    def method(self) -> str:
        """As people call it."""
        method = str(self.config.get("method") or UNKNOWN)
        return METHOD_TITLES.get(method, method)

    @property
    def seen(self) -> int:
        """Images that the log has come to."""
        return int(self.ticks[-1]["images"]) if self.ticks else 0

    @property
    def state(self) -> str:
        """`finished`, `stopped early` and the like."""
        return state(self.seen, self.run.planned(), self.run.quiet_seconds())[0]

    @property
    def seconds(self) -> float | None:
        """Spent training."""
        return _finite(self.ticks[-1].get("seconds")) if self.ticks else None

    @property
    def speed(self) -> float | None:
        """Median of images a second."""
        known = [value for tick in self.ticks if (value := _finite(tick.get("images_per_s"))) is not None]
        return statistics.median(known) if known else None

    @property
    def memory(self) -> float | None:
        """Peak, in MiB."""
        known = [value for tick in self.ticks if (value := _finite(tick.get("memory_mb"))) is not None]
        return max(known, default=None)

    @property
    def figure(self) -> tuple[str, Best] | None:
        """The validation figure that speaks for the run, where it was best."""
        key = main_figure(self.ticks)
        best = best_of(self.ticks, key) if key else None
        return (key, best) if key and best else None

    @property
    def data(self) -> str:
        """The folder that it was trained on."""
        data = self.config.get("data")
        return str(data.get("path") or "DATA") if isinstance(data, dict) else "DATA"

    def facts(self) -> dict[str, str]:
        """Length, speed and memory in words, for the table at the top."""
        planned, figure = self.run.planned(), self.figure
        known: dict[str, str | None] = {
            "method": self.method,
            "state": self.state,
            "images seen": f"{self.seen:,}" + (f" of {planned:,}" if planned is not None else ""),
            "training time": None if self.seconds is None else duration(self.seconds),
            "images per second": None if self.speed is None else f"{self.speed:.3g}",
            "peak memory": None if self.memory is None else f"{self.memory:,.0f} MiB",
            "device": " ".join(str(self.environment[k]) for k in ("device", "precision") if k in self.environment),
            "best validation": figure
            and f"{figure[0].removeprefix('val_')} {figure[1].value:.4g} at {figure[1].images:,} images",
        }
        return {name: value or UNKNOWN for name, value in known.items()}


def read_runs(paths: Sequence[Path]) -> list[Compared]:
    """The runs in the order given.

    Raises RunError for a folder that holds nothing of a run, RequestError for fewer than two, or one named twice.
    """
    if len({path.resolve() for path in paths}) < max(2, len(paths)):
        raise RequestError("There is nothing to compare: name two runs or more, each once, as in i2i compare runs/*.")
    names = _names(paths)
    return [_read(path, name) for path, name in zip(paths, names, strict=True)]


def _read(path: Path, name: str) -> Compared:
    run = Run(path)
    if not run.holds_any():
        raise RunError(
            f"{path} is no run directory: it holds none of config.yaml, log.jsonl, environment.json, samples."
        )
    ticks = run.records(tolerant=True)
    return Compared(name, run, run.raw_config(tolerant=True), run.environment(), ticks, read_scores(path))


def _names(paths: Sequence[Path]) -> list[str]:
    """As short as they are different."""
    whole = [path.resolve() for path in paths]
    short = [path.name for path in whole]
    return [
        name if short.count(name) == 1 else "/".join(path.parts[-2:]) for name, path in zip(short, whole, strict=True)
    ]


def settings_that_differ(runs: Sequence[Compared]) -> list[tuple[str, list[str]]]:
    """(setting, its value in each run), and of what was found the device, the versions and the data."""
    found = [flat(one.config, keep_empty=True) | _surroundings(one) for one in runs]
    names = dict.fromkeys(name for settings in found for name in settings)
    rows = [(name, [_value(settings, name) for settings in found]) for name in names]
    return [(name, values) for name, values in rows if len(set(values)) > 1]


def _surroundings(one: Compared) -> dict[str, Any]:
    known = flat(one.environment)
    wanted = ("precision", "data.fingerprint", "packages.torch", "packages.i2i", "versions.torch", "versions.i2i")
    return {f"found: {name}": known[name] for name in wanted if name in known}


def _value(settings: dict[str, Any], name: str) -> str:
    value = settings.get(name, UNKNOWN)
    return value[:12] + "…" if name.endswith("fingerprint") and isinstance(value, str) else str(value)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
