"""What the numbers of a run say, in plain words: the report's headline, its facts and its health line.

Numbers come from `config.yaml` and `log.jsonl` (docs/run-directory.md): `images` counts training images seen,
`p_real` and `p_fake` are the mean probabilities that the discriminator gives real and translated pictures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

Tick = dict[str, float]
"""One line of log.jsonl: numbers by name; `images` is always there."""

METHOD_TITLES = {"pix2pix": "Pix2Pix", "cyclegan": "CycleGAN", "discogan": "DiscoGAN", "srgan": "SRGAN"}

HIGHER_IS_BETTER = ("psnr", "ssim")
"""Metrics that grow as pictures get better, `ms_ssim` and the like included; of all others less is better."""

LAST_PART = 0.2
"""The share of a run, at its end, that the health line speaks about."""


class Best(NamedTuple):
    """The best value of a validation metric and where in the run it was reached."""

    value: float
    images: int


class Sign(NamedTuple):
    """One sentence of the health line; `level` is `good`, `note` or `bad`."""

    level: str
    title: str
    text: str


def headline(config: Mapping[str, Any], environment: Mapping[str, Any]) -> str:
    """`Pix2Pix on facades: labels → photo`, as far as the run directory tells."""
    method = str(config.get("method") or "Training run")
    title = METHOD_TITLES.get(method, method)
    folder = PurePath(str(_nested(config).get("path") or "")).name
    title += f" on {folder}" if folder else ""
    domains = _domains(config, _nested(environment))
    return f"{title}: {domains[0]} → {domains[1]}" if domains else title


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
    return (max if is_better_higher(key) else min)(found, key=lambda best: best.value)


def is_better_higher(key: str) -> bool:
    """Whether a larger value of this validation metric is the better one."""
    return any(name in key for name in HIGHER_IS_BETTER)


def health(ticks: Sequence[Tick]) -> list[Sign]:
    """What the last part of the run shows, most important first; empty when the log says too little."""
    if not ticks:
        return []
    for tick in ticks:
        broken = [key for key, value in tick.items() if key.startswith(("g_", "d_")) and not math.isfinite(value)]
        if broken:
            where = f"{', '.join(broken)} stopped being a number at {int(tick['images']):,} images."
            way = "Go back to a checkpoint before it; a lower learning rate or fp32 precision usually avoids it."
            return [Sign("bad", "The training broke down", f"{where} {way}")]
    return [sign for sign in (_adversaries(ticks), _validation(ticks)) if sign]


def _nested(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """What config.yaml and environment.json say of the data."""
    data = mapping.get("data")
    return data if isinstance(data, Mapping) else {}


def _domains(config: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, str] | None:
    """Names of what goes in and what comes out, in the direction trained; `found` are the sides the layout has."""
    if config.get("direction") not in ("a2b", "b2a"):
        return None
    named = _nested(config)
    a, b = (PurePath(str(named.get(side) or found.get(side) or "")).name or side.upper() for side in "ab")
    return (a, b) if config["direction"] == "a2b" else (b, a)


def _adversaries(ticks: Sequence[Tick]) -> Sign | None:
    """How generator and discriminator stand to each other."""
    first = ticks[-1]["images"] * (1 - LAST_PART)
    last = [tick for tick in ticks if tick["images"] >= first]
    real, fake = _mean(last, "p_real"), _mean(last, "p_fake")
    if real is None or fake is None:
        return None
    span = f"(D(real) {real:.2f}, D(fake) {fake:.2f} on average from {int(last[0]['images']):,} images on)"
    if real > 0.95 and fake < 0.05:
        return Sign(
            "bad",
            "The discriminator wins",
            f"The discriminator tells real from fake with ease {span}, so the generator learns little from it and "
            "lives off its other losses; pictures may stay smooth. What helps: more pictures, more augmentation, "
            "or a smaller discriminator (a new run with --set discriminator.width=32).",
        )
    if fake > real + 0.1 or fake > 0.65:
        return Sign(
            "note",
            "The generator fools the discriminator",
            f"Translations pass for real more often than they should {span}. If artefacts or repeating patterns "
            "show, a stronger discriminator helps (a new run with --set discriminator.layers=4).",
        )
    if abs(real - 0.5) <= 0.15 and abs(fake - 0.5) <= 0.15:
        return Sign(
            "good",
            "Balanced",
            f"The discriminator can hardly tell translations from real pictures {span}; near 0.5 on both is where "
            "adversarial training wants to be. If the pictures look poor all the same, the discriminator is weak.",
        )
    return Sign(
        "good",
        "The discriminator leads, within the usual range",
        f"It tells most real pictures from translations {span}, and the generator still gets a useful signal.",
    )


def _validation(ticks: Sequence[Tick]) -> Sign | None:
    """Whether held-out pictures still get better."""
    points = [tick for tick in ticks if math.isfinite(tick.get("val_l1", math.nan))]
    best = best_of(points, "val_l1")
    if best is None or len(points) < 4:
        return None
    latest = sum(tick["val_l1"] for tick in points[-2:]) / 2  # one value alone is noisy
    rise, where = latest / best.value - 1 if best.value > 0 else 0.0, best.images / points[-1]["images"]
    if rise > 0.05 and where < 0.7:
        return Sign(
            "bad",
            "Held-out pictures get worse",
            f"Validation L1 was best at {best.images:,} images ({best.value:.4g}) and has risen by "
            f"{100 * rise:.0f} % since: the translator learns its training pictures by heart. Export the best "
            "checkpoint (i2i export RUN --checkpoint best); next time, more pictures or more augmentation help.",
        )
    if where > 0.85:
        return Sign(
            "good",
            "Still getting better",
            f"Validation L1 is at its best near the end ({best.value:.4g} at {best.images:,} images); a longer "
            "run would probably gain more.",
        )
    return Sign(
        "note",
        "Held-out error has levelled off",
        f"Validation L1 has stayed near its best ({best.value:.4g} at {best.images:,} images); a longer run of "
        "the same kind will gain little in L1, though sharpness may still change.",
    )


def _mean(ticks: Iterable[Tick], prefix: str) -> float | None:
    """Mean over ticks of every scalar that starts with `prefix`: `p_real` and `p_real_a` alike."""
    values = [v for tick in ticks for key, v in tick.items() if key.startswith(prefix) and math.isfinite(v)]
    return sum(values) / len(values) if values else None
