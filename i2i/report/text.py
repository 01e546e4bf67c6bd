"""What the numbers of a run say, in plain words: the report's headline, its facts and its health line.

Numbers come from `config.yaml` and `log.jsonl` (docs/run-directory.md): `images` counts training images seen,
`p_real` and `p_fake` are the mean probabilities that the discriminator gives real and fake pictures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from ..card import SUPERVISION
from ..diagnostics.failure_modes import DIRECTIONS, findings
from ..diagnostics.finding import Finding
from ..training.best import higher_is_better

Tick = dict[str, float]
"""One line of log.jsonl: numbers by name; `images` is always there."""

METHOD_TITLES = {"pix2pix": "Pix2Pix", "cyclegan": "CycleGAN", "discogan": "DiscoGAN", "srgan": "SRGAN"}

FIGURES = {"val_l1": "L1", "val_swd": "sliced Wasserstein distance"}
"""Validation figures in words; the first that a run has is the one its health line speaks of."""


LAST_PART = 0.2
"""The share of a run, at its end, that the health line speaks about."""


class Best(NamedTuple):
    """The best value of a validation metric and where in the run it was reached."""

    value: float
    images: int


def headline(config: Mapping[str, Any], environment: Mapping[str, Any]) -> str:
    """`Pix2Pix on facades: labels → photo`, `CycleGAN on yosemite: summer ↔ winter`, as far as the run tells."""
    method = str(config.get("method") or "Training run")
    title = METHOD_TITLES.get(method, method)
    folder = PurePath(str(_nested(config).get("path") or "")).name
    title += f" on {folder}" if folder else ""
    domains = _domains(config, _nested(environment))
    arrow = "↔" if SUPERVISION.get(method) == "unpaired" else "→"
    return f"{title}: {domains[0]} {arrow} {domains[1]}" if domains else title


def directions(config: Mapping[str, Any], environment: Mapping[str, Any]) -> dict[str, str]:
    """What `a2b` and `b2a` are called in the report: `summer to winter` and `winter to summer`."""
    a, b = _sides(config, _nested(environment))
    return {"a2b": f"{a} to {b}", "b2a": f"{b} to {a}"}


def column_titles(columns: Sequence[str], config: Mapping[str, Any], environment: Mapping[str, Any]) -> list[str]:
    """Columns of the sample grid by the domains' names, where they are paths between A and B.

    `A`, `A → B` and `A → B → A` become `summer`, `→ winter` and `back to summer`; other columns stay as they are.
    """
    names = dict(zip("AB", _sides(config, _nested(environment)), strict=True))
    titles = []
    for column in columns:
        path = column.split(" → ")
        start = ("", "→ ", "back to ")[min(len(path), 3) - 1]
        titles.append(start + names[path[-1]] if set(path) <= set(names) else column)
    return titles


def state(seen: int, planned: int | None, quiet_seconds: float | None) -> tuple[str, str]:
    """A word for the run's state and a sentence; `quiet_seconds` is the age of the log's last line."""
    if not seen:
        return "not started", "No images have been trained on yet."
    if planned is None:
        return "length unknown", "The configuration does not say how many images were planned."
    if seen >= planned:
        return "finished", "All planned images were seen."
    share = f"{100 * seen / planned:.0f} % of the planned images were seen"
    if quiet_seconds is not None and quiet_seconds < 120:
        return "in progress", f"{share}: the run was under way, or had just stopped, when this page was written."
    return "stopped early", f"{share}. The same command goes on from the last checkpoint."


def best_of(ticks: Iterable[Tick], key: str) -> Best | None:
    """The best finite value of `key` over the run; the earliest of equal ones."""
    found = [Best(tick[key], int(tick["images"])) for tick in ticks if math.isfinite(tick.get(key, math.nan))]
    if not found:
        return None
    return (max if higher_is_better(key) else min)(found, key=lambda best: best.value)


def health(ticks: Sequence[Tick], ways: Mapping[str, str] = DIRECTIONS, method: str = "cyclegan") -> list[Finding]:
    """What the last part of the run shows, most important first; empty when the log says too little.

    `ways` says what the two directions are called; advice is in the settings of `method`.
    """
    if not ticks:
        return []
    for tick in ticks:
        broken = [key for key, value in tick.items() if key.startswith(("g_", "d_")) and not math.isfinite(value)]
        if broken:
            where = f"{', '.join(broken)} stopped being a number at {int(tick['images']):,} images."
            way = "Go back to a checkpoint before it; a lower learning rate or fp32 precision usually avoids it."
            return [Finding("bad", "The training broke down", f"{where} {way}")]
    signs = [_adversaries(ticks), *findings(ticks, ways, method), _validation(ticks)]
    return sorted((sign for sign in signs if sign), key=lambda sign: sign.level != "bad")  # what is bad comes first


def _nested(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """What config.yaml and environment.json say of the data."""
    data = mapping.get("data")
    return data if isinstance(data, Mapping) else {}


def _domains(config: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, str] | None:
    """Names of what goes in and what comes out, in the direction trained; `found` are the sides the layout has.

    A method that trains both directions has A first.
    """
    direction = "a2b" if SUPERVISION.get(str(config.get("method"))) == "unpaired" else config.get("direction")
    if direction not in ("a2b", "b2a"):
        return None
    a, b = _sides(config, found)
    return (a, b) if direction == "a2b" else (b, a)


def _sides(config: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, str]:
    """Names of A and B; `found` are the sides the layout has."""
    named = _nested(config)
    known = dict(zip("ab", found.get("domains") or (found.get("a"), found.get("b")), strict=False))
    a, b = (PurePath(str(named.get(side) or known.get(side) or "")).name or side.upper() for side in "ab")
    return a, b


def _adversaries(ticks: Sequence[Tick]) -> Finding | None:
    """How generator and discriminator stand to each other; of several, the one that stands worst, else their mean."""
    first = ticks[-1]["images"] * (1 - LAST_PART)
    last = [tick for tick in ticks if tick["images"] >= first]
    names = sorted({key.removeprefix("p_real") for tick in last for key in tick if key.startswith("p_real")})
    stands = {
        name: (real, fake)
        for name in names
        if (real := _mean(last, f"p_real{name}")) is not None and (fake := _mean(last, f"p_fake{name}")) is not None
    }
    if not stands:
        return None
    since = int(last[0]["images"])
    mean = [sum(values) / len(stands) for values in zip(*stands.values(), strict=True)]
    signs = [_standing(f"D{name}", real, fake, since) for name, (real, fake) in stands.items()]
    worst = [sign for level in ("bad", "note") for sign in signs if sign.level == level]
    return worst[0] if worst else _standing("D", mean[0], mean[1], since)


def _standing(name: str, real: float, fake: float, since: int) -> Finding:
    """What the mean probabilities that discriminator `name` gives say, from `since` images on."""
    span = f"({name}(real) {real:.2f}, {name}(fake) {fake:.2f} on average from {since:,} images on)"
    if real > 0.95 and fake < 0.05:
        return Finding(
            "bad",
            "The discriminator overpowers the generator",
            f"The discriminator tells real from fake with ease {span}, so the generator learns little from it and "
            "lives off its other losses; pictures may stay smooth. What helps: more pictures, more augmentation, "
            "or a smaller discriminator (a new run with --set discriminator.width=32).",
        )
    if fake > real + 0.1 or fake > 0.65:
        return Finding(
            "note",
            "The generator fools the discriminator",
            f"Translations pass for real more often than they should {span}. If artefacts or repeating patterns "
            "show, a stronger discriminator helps (a new run with --set discriminator.width=96).",
        )
    if abs(real - 0.5) <= 0.15 and abs(fake - 0.5) <= 0.15:
        return Finding(
            "good",
            "Balanced",
            f"The discriminator can hardly tell translations from real pictures {span}; near 0.5 on both is where "
            "adversarial training wants to be. If the pictures look poor all the same, the discriminator is weak.",
        )
    return Finding(
        "good",
        "The discriminator leads, within the usual range",
        f"It tells most real pictures from translations {span}, and the generator still gets a useful signal.",
    )


def main_figure(ticks: Iterable[Tick]) -> str | None:
    """The validation figure that speaks for a run: the first of FIGURES that it has, else any."""
    found = {key for tick in ticks for key in tick if key.startswith("val_")}
    return next((key for key in (*FIGURES, *sorted(found)) if key in found), None)


def _validation(ticks: Sequence[Tick]) -> Finding | None:
    """Whether held-out pictures still get better."""
    key = main_figure(ticks)
    whole, ticks = ticks, _before_adversaries(ticks)
    what = "Validation" if len(ticks) == len(whole) else "Before the adversarial stage, validation"
    points = [tick for tick in ticks if key and math.isfinite(tick.get(key, math.nan))]
    if key is None or len(points) < 4:
        return None
    best = best_of(points, key)
    assert best is not None
    latest = sum(tick[key] for tick in points[-2:]) / 2  # one value alone is noisy
    loss = (best.value - latest if higher_is_better(key) else latest - best.value) / (abs(best.value) or 1.0)
    where, name = best.images / points[-1]["images"], FIGURES.get(key, key.removeprefix("val_").replace("_", " "))
    at = f"{best.value:.4g} at {best.images:,} images"
    if loss > 0.05 and where < 0.7:
        cause = (
            "the translator learns its training pictures by heart"
            if key == "val_l1"
            else "the generated pictures lie further from real ones than they did"
        )
        return Finding(
            "bad",
            "Held-out pictures get worse",
            f"{what} {name} was best earlier ({at}) and is {100 * loss:.0f} % worse since: {cause}. Export the "
            "best checkpoint (i2i export RUN --checkpoint best); next time, more pictures or more augmentation help.",
        )
    if where > 0.85:
        return Finding(
            "good",
            "Still getting better",
            f"{what} {name} is at its best near the end ({at}); longer would probably gain more.",
        )
    return Finding(
        "note",
        "Held-out error has levelled off",
        f"{what} {name} has stayed near its best ({at}); a longer run of the same kind will gain little in it, "
        "though sharpness may still change.",
    )


def _before_adversaries(ticks: Sequence[Tick]) -> Sequence[Tick]:
    """The stage before an adversarial one, where the log begins with it; else all.

    An adversarial stage trades nearness for sharpness, so that its error says little of what was learnt.
    """
    first = next((n for n, tick in enumerate(ticks) if "g_gan" in tick), None)
    return ticks[:first] if first else ticks


def _mean(ticks: Iterable[Tick], key: str) -> float | None:
    """Mean of the finite values of `key`, or None where there are none."""
    values = [value for tick in ticks if math.isfinite(value := tick.get(key, math.nan))]
    return sum(values) / len(values) if values else None
