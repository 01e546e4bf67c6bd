"""What cures a failure, in the settings of the run that has it: text for `--set`, one assignment a part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Settings = Mapping[str, Any]
"""Settings of a run by their names with dots."""

MIXING = ("batch_as_instance", "batch_running")
"""Norms by which the pictures of a batch influence each other, so that R1 has no meaning."""

Remedy = Callable[[Settings], list[str]]
"""The assignments that cure, as `gan.r1=1`; those that change nothing in this run are left out."""


def fixed(*assignments: str) -> Remedy:
    """The same in each run."""
    return lambda _: list(assignments)


def _number(settings: Settings, key: str, otherwise: float) -> float:
    value = settings.get(key)
    return float(value) if isinstance(value, int | float) else otherwise


def _rate_of_generator(settings: Settings) -> str:
    """The setting that G's rate beside a discriminator is: srgan has one for its adversarial stage."""
    return "gan_lr" if settings.get("method") == "srgan" else "optimizer.lr"


def _rates(settings: Settings) -> tuple[float, float]:
    name = _rate_of_generator(settings)
    rate = _number(settings, name, 1e-4 if name == "gan_lr" else 2e-4)
    return rate, _number(settings, "optimizer.lr_d", rate)


def slower_generator(settings: Settings) -> list[str]:
    """G no faster than D, at half its rate where it is not; and R1, which lets both come to rest."""
    g, d = _rates(settings)
    slower = [f"{_rate_of_generator(settings)}={d if g > d else g / 2:g}"]
    if settings.get("optimizer.lr_d") is None:  # else D would follow G's rate
        slower.append(f"optimizer.lr_d={d:g}")
    return [*slower, *_momentum(settings), *_r1(settings)]


def steeper(settings: Settings) -> list[str]:
    """A loss whose gradient does not vanish, and D no faster than G."""
    g, d = _rates(settings)
    steeper_loss = ["gan.loss=non_saturating"] if settings.get("gan.loss") == "minimax" else []
    slower = [f"optimizer.lr_d={g:g}"] if d > g else []
    return [*steeper_loss, *slower, *_even_turns(settings), *_r1(settings)]


def calmer(settings: Settings) -> list[str]:
    """Rates of the papers, and a longest step."""
    g, d = _rates(settings)
    usual = min(g, d, 2e-3) / 10
    rates = [f"{_rate_of_generator(settings)}={usual:g}", *([f"optimizer.lr_d={usual:g}"] if d != g else [])]
    if settings.get("method") == "srgan":  # its pixel stage may be what ran away
        rates.append(f"optimizer.lr={min(_number(settings, 'optimizer.lr', 2e-4), 2e-3) / 10:g}")
    return [*rates, "optimizer.clip=1"]


def weaker_discriminator(settings: Settings) -> list[str]:
    """As many turns of G as of D, D slower and its gradient at real pictures bounded."""
    g, d = _rates(settings)
    return [*_even_turns(settings), f"optimizer.lr_d={min(g, d) / 2:g}", *_r1(settings, 5)]


def faster_discriminator(settings: Settings) -> list[str]:
    """D as fast as G."""
    g, d = _rates(settings)
    return [f"optimizer.lr_d={g if d < g else 2 * d:g}"]


def damped(settings: Settings) -> list[str]:
    """Without momentum, and with R1: what makes the orbits of a GAN come to rest."""
    return [*_momentum(settings), *_r1(settings)]


def more_variety(settings: Settings) -> list[str]:
    """What D sees is augmented, and its gradient bounded."""
    augment = [] if settings.get("gan.augment") else ["gan.augment=[colour,translation,cutout]"]
    return [*augment, *_r1(settings, 5)]


def without_turns(settings: Settings) -> list[str]:
    """The augmentations of the data that do not turn pictures, and of D's that can be undone on the average."""
    kept = [str(one) for one in settings.get("data.augment") or () if one not in ("rotate90", "vertical_flip", "flip")]
    return [f"data.augment=[{','.join(kept)}]"]


def smooth_enlargement(settings: Settings) -> list[str]:
    """An up-sampling without a grid."""
    other = ["generator.name=resnet6"] if str(settings.get("generator.name")).startswith("disco") else []
    return [*other, "generator.up=resize"]


def no_identity(settings: Settings) -> list[str]:
    """Less of what pulls towards the input."""
    if settings.get("method") == "discogan":
        return ["rate=0.3"]
    weight = _number(settings, "lambda_cycle", 10)
    return ["lambda_identity=0", *([f"lambda_cycle={min(weight, 10) / 2:g}"])]


def less_cycle(settings: Settings) -> list[str]:
    """The cycle weighs less, so that less must be carried over."""
    if settings.get("method") == "discogan":
        return ["rate=0.3"]
    return [f"lambda_cycle={min(_number(settings, 'lambda_cycle', 10), 10) / 2:g}"]


def upright(settings: Settings) -> list[str]:
    """More of the identity loss; without one, other initial weights."""
    if settings.get("method") == "discogan":
        return [f"seed={int(_number(settings, 'seed', 0)) + 1}"]
    return ["lambda_identity=1"]


def _r1(settings: Settings, gamma: float = 1) -> list[str]:
    if settings.get("discriminator.norm") in MIXING:  # no gradient at a picture by itself
        return ["gan.instance_noise=0.1"]
    has = _number(settings, "gan.r1", 0) or _number(settings, "gan.gradient_penalty", 0)
    return [] if has >= gamma else [f"gan.r1={gamma:g}"]


def _momentum(settings: Settings) -> list[str]:
    return ["optimizer.beta1=0"] if _number(settings, "optimizer.beta1", 0.5) > 0 else []


def _even_turns(settings: Settings) -> list[str]:
    return ["gan.d_steps=1"] if _number(settings, "gan.d_steps", 1) > 1 else []
