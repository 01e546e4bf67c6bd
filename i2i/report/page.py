"""The report of a training run: one static HTML file that opens offline, written from the run directory alone.

`write_report` reads config.yaml, log.jsonl, environment.json and samples/ (docs/run-directory.md), every one of
which may be missing, and fills the template report.html. The page asks for nothing over the network, and its
content security policy forbids it to.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..diagnostics.failure_modes import FAILURE_MODES, VARIANTS
from ..errors import RunError
from ..files import write_atomically
from ..settings import flat
from ..text import duration, render, script_data, verbatim
from ..training.best import higher_is_better
from ..training.run_directory import Run
from .doctor import verdict, with_diagnoses
from .images import read_samples
from .text import Tick, best_of, column_titles, directions, headline, health, main_figure, state

MOST_POINTS = 3000
"""Points of a curve at most; longer logs are averaged over equal groups of ticks."""

TITLES = {"collapse": "Mode collapse"}
"""Failure modes whose chart has another title than their name."""

SOURCES = ("config.yaml", "log.jsonl", "environment.json", "samples")


def write_report(run: Path) -> Path:
    """Write `run/report.html` from what the run directory holds, and return its path.

    The file appears whole or not at all. Raises RunError when `run` is no run directory, StorageError when the
    file cannot be written.
    """
    if not any((run / name).exists() for name in SOURCES):
        raise RunError(f"{run} is no run directory: it holds none of {', '.join(SOURCES)}. Give the folder of --run.")
    page = _page(run)
    target = run / "report.html"
    write_atomically(target, page.encode("utf-8", "replace"))  # file names need not be valid Unicode
    return target


def _page(run: Path) -> str:
    """The filled template."""
    reader = Run(run)
    config, environment = reader.raw_config(tolerant=True), reader.environment()
    ticks = reader.records(tolerant=True)
    seen, planned = int(ticks[-1]["images"]) if ticks else 0, reader.planned()
    word, sentence = state(seen, planned, reader.quiet_seconds())
    series, ways = _series(ticks), directions(config, environment)
    signs = health(ticks, ways, str(config.get("method")))
    findings = with_diagnoses(signs, ticks, planned, flat(config), run, ways)
    samples = read_samples(run / "samples")
    samples["columns"] = column_titles(samples["columns"], config, environment)
    charts = {"series": series, "best": _bests(ticks), "failures": _failure_charts(series, ways), "samples": samples}
    return render(
        files(__package__) / "report.html",
        style=verbatim(files(__package__) / "style.css"),
        charts_script=verbatim(files(__package__) / "charts.js"),
        headline=headline(config, environment),
        run=run.resolve().name,
        state=word,
        state_sentence=sentence,
        facts=list(_facts(ticks, seen, planned, environment)),
        verdict=verdict(findings),
        health=findings,
        config=_flat(config),
        environment=_flat(environment),
        written=time.strftime("%Y-%m-%d %H:%M"),
        data=script_data(charts),
    )


def _facts(
    ticks: Sequence[Tick], seen: int, planned: int | None, environment: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """What the headline states below itself: label, value, remark."""
    yield "Images seen", f"{seen:,}", f"of {planned:,} planned" if planned is not None else ""
    seconds = ticks[-1].get("seconds", math.nan) if ticks else math.nan
    speeds = [tick["images_per_s"] for tick in ticks if math.isfinite(tick.get("images_per_s", math.nan))]
    if math.isfinite(seconds):
        speed = f"{statistics.median(speeds):.3g} images/s" if speeds else ""
        yield "Training time", duration(seconds), speed
    told = environment.get("forecast")
    if isinstance(told, dict) and isinstance(told.get("seconds"), int | float):
        yield (
            "Forecast",
            duration(told["seconds"]),
            f"{told.get('memory_mb', 0):.0f} MB, {told.get('disk_mb', 0):.0f} MB of disk",
        )
    key = main_figure(ticks)
    if key and (best := best_of(ticks, key)):
        yield f"Best validation {_title(key)}", f"{best.value:.4g}", f"at {best.images:,} images"
        kept = [int(tick["best_images"]) for tick in ticks if "best_images" in tick]
        if kept and kept[-1] != best.images:
            yield "Best checkpoint", f"{kept[-1]:,} images", "what came later is not better by more than chance"
    if environment.get("device"):
        yield "Device", str(environment["device"]), str(environment.get("precision") or "")


def _title(key: str) -> str:
    """`val_l1` as `L1`."""
    return key.removeprefix("val_").replace("_", " ").upper()


def _series(ticks: Sequence[Tick]) -> dict[str, list[float | None]]:
    """The log by column, at most MOST_POINTS long, five significant digits; null where a tick has no number."""
    group = math.ceil(len(ticks) / MOST_POINTS) or 1
    groups = [ticks[start : start + group] for start in range(0, len(ticks), group)]
    keys = dict.fromkeys(key for tick in ticks for key in tick if key != "images")
    series: dict[str, list[float | None]] = {"images": [int(part[-1]["images"]) for part in groups]}
    for key in keys:
        series[key] = [_average([tick.get(key, math.nan) for tick in part]) for part in groups]
    return series


def _average(values: list[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return float(f"{sum(finite) / len(finite):.5g}") if finite else None


def _bests(ticks: Sequence[Tick]) -> dict[str, dict[str, Any]]:
    """The best point of every validation metric, for the page to mark."""
    bests = {key: best_of(ticks, key) for key in {k for tick in ticks for k in tick if k.startswith("val_")}}
    return {
        key: {**best._asdict(), "title": _title(key), "better": "higher" if higher_is_better(key) else "lower"}
        for key, best in sorted(bests.items())
        if best
    }


def _failure_charts(series: Mapping[str, Sequence[float | None]], ways: Mapping[str, str]) -> list[dict[str, Any]]:
    """The charts of the failure modes that the log has figures of; `lines` names the columns of each."""
    charts = []
    for name, mode in FAILURE_MODES.items():
        if mode.limit is not None:  # which is one of the first figure
            parts = {
                TITLES.get(name, name.capitalize()): {
                    f"fail_{name}_{direction}": way for direction, way in ways.items()
                }
            }
        else:
            labels = {figure: VARIANTS.get(figure, "plain").strip() for figure in mode.figures}
            parts = {
                f"{name.capitalize()} error, {way}": {f"fail_{f}_{direction}": label for f, label in labels.items()}
                for direction, way in ways.items()
            }
        for title, lines in parts.items():
            found = {key: label for key, label in lines.items() if key in series}
            charts.append({"title": title, "note": f"Bad when {mode.when}", "rule": mode.limit, "lines": found})
    return [chart for chart in charts if chart["lines"]]


def _flat(mapping: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names with dots, as `--set` takes them, and values as text."""
    return [
        (name, value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False))
        for name, value in flat(mapping, keep_empty=True).items()
    ]
