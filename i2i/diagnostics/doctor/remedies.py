"""What cures a failure, in the settings of the run that has it: text for `--set`, one assignment a part."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...settings import flat, parse_assignments

Settings = Mapping[str, Any]
"""Settings of a run by their names with dots."""

MIXING = ("batch_as_instance", "batch_running", True)
"""Norms by which the pictures of a batch influence each other, so that R1 has no meaning."""

OF_DATA, OF_D = ("rotate90", "vertical_flip", "flip"), ("rotate90", "rotate", "flip", "bgc")
"""Augmentations that turn or mirror pictures: of `data.augment`, and of `gan.augment`, where `bgc` is all of them."""

SELDOM = 0.5
"""Probability of D's augmentations at which G does not learn them: they then have an inverse (Karras et al., 2020,
section 2.2, where it takes less than about 0.8)."""

LEAST_RATE = 1e-6
"""No remedy makes a learning rate smaller than this, however often it is applied."""

Remedy = Callable[[Settings], list[str]]
"""The assignments that cure, as `gan.r1=1`."""


def changing(assignments: Sequence[str], settings: Settings) -> list[str]:
    """Those that are not the settings of the run already; of a setting that is not known, each."""
    asked = [(one, flat(parse_assignments([one]), keep_empty=True)) for one in assignments]
    return [one for one, given in asked if any(_differs(settings, key, value) for key, value in given.items())]


def _differs(settings: Settings, key: str, value: Any) -> bool:
    if key not in settings:
        return True
    there, asked = (list(x) if isinstance(x, tuple) else x for x in (settings[key], value))
    return bool(there != asked)


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


def _slower(rate: float, times: float) -> float:
    return max(rate / times, min(rate, LEAST_RATE))


def slower_generator(settings: Settings) -> list[str]:
    """G no faster than D: both at the geometric mean of their rates, or G at half of D's where it was not faster.

    And R1 without momentum, which lets both come to rest.
    """
    g, d = _rates(settings)
    g, d = (float(f"{math.sqrt(g * d):.2g}"),) * 2 if g > d else (_slower(g, 2), d)
    return [f"{_rate_of_generator(settings)}={g:g}", f"optimizer.lr_d={d:g}", *_momentum(settings), *_r1(settings)]


def steeper(settings: Settings) -> list[str]:
    """A loss whose gradient does not vanish, and D no faster than G."""
    g, d = _rates(settings)
    steeper_loss = ["gan.loss=non_saturating"] if settings.get("gan.loss") == "minimax" else []
    slower = [f"optimizer.lr_d={g:g}"] if d > g else []
    found = [*steeper_loss, *slower, *_even_turns(settings), *_r1(settings)]
    return found or [f"optimizer.lr_d={_slower(d, 2):g}"]


def calmer(settings: Settings) -> list[str]:
    """Rates of the papers, and a longest step."""
    g, d = _rates(settings)
    usual = _slower(min(g, d, 2e-3), 10)
    apart = d != g or settings.get("optimizer.lr_d") is not None
    rates = [f"{_rate_of_generator(settings)}={usual:g}", *([f"optimizer.lr_d={usual:g}"] if apart else [])]
    if settings.get("method") == "srgan":  # its pixel stage may be what ran away
        rates.append(f"optimizer.lr={_slower(min(_number(settings, 'optimizer.lr', 2e-4), 2e-3), 10):g}")
    return [*rates, "optimizer.clip=1"]


def weaker_discriminator(settings: Settings) -> list[str]:
    """As many turns of G as of D, D slower and its gradient at real pictures bounded."""
    g, d = _rates(settings)
    return [*_even_turns(settings), f"optimizer.lr_d={_slower(min(g, d), 2):g}", *_r1(settings, 5)]


def faster_discriminator(settings: Settings) -> list[str]:
    """D as fast as G."""
    g, d = _rates(settings)
    return [f"optimizer.lr_d={g if d < g else 2 * d:g}"]


def damped(settings: Settings) -> list[str]:
    """Without momentum, and with R1: what makes the orbits of a GAN come to rest; with both, at half the rates."""
    return [*_momentum(settings), *_r1(settings)] or _half_rates(settings)


def more_variety(settings: Settings) -> list[str]:
    """What D sees is augmented, where it sees pictures, and its gradient bounded; with both, D is slower."""
    has_none = settings.get("discriminator.name") == "voxels" or settings.get("size") == 1  # volumes, points
    never = settings.get("gan.augment") or has_none
    augment = [] if never else ["gan.augment=[colour,translation,cutout]"]
    _, d = _rates(settings)
    return [*augment, *_r1(settings, 5)] or [f"optimizer.lr_d={_slower(d, 2):g}"]


def without_turns(settings: Settings) -> list[str]:
    """The augmentations of the data that do not turn pictures, and D's so seldom that they can be undone."""
    given = [str(one) for one in settings.get("data.augment") or ()]
    kept = [one for one in given if one not in OF_DATA]
    of_data = [f"data.augment=[{','.join(kept)}]"] if kept != given else []
    return [*of_data, *_seldom_turned(settings)]


def _seldom_turned(settings: Settings) -> list[str]:
    """Where D's augmentations turn pictures: at SELDOM, or half as often as before; `gan.ada` may go beyond that."""
    if not set(OF_D) & {str(one) for one in settings.get("gan.augment") or ()}:
        return []
    adaptive = bool(settings.get("gan.ada"))
    before = 1.0 if adaptive else _number(settings, "gan.augment_p", 1)
    return [*(["gan.ada=false"] if adaptive else []), f"gan.augment_p={min(SELDOM, before / 2):g}"]


def smooth_enlargement(settings: Settings) -> list[str]:
    """An up-sampling without a grid, where there is a choice; srgan, which shuffles pixels, has a loss against it."""
    if settings.get("method") == "gan" and "generator.up" not in settings:
        return []  # its other networks enlarge otherwise, or make points, 28 pixels or volumes, without such a figure
    if "generator.up" in settings or str(settings.get("generator.name", "auto")).startswith(("auto", "unet", "resnet")):
        return ["generator.up=resize" if settings.get("generator.up") != "resize" else "generator.up=bilinear"]
    if settings.get("method") == "srgan":
        return [f"lambda_checkerboard={4 * max(25.0, _number(settings, 'lambda_checkerboard', 25)):g}"]
    own = [key for key in settings if key.startswith("generator.") and key not in ("generator.name", "generator.width")]
    return ["generator.name=resnet6", *(f"{key}=null" for key in own), "generator.up=resize"]


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
        return ["gan.instance_noise=0.1"] if _number(settings, "gan.instance_noise", 0) < 0.1 else []
    bounded = _number(settings, "gan.gradient_penalty", 0) > 0  # beside which R1 is refused
    return [] if bounded or _number(settings, "gan.r1", 0) >= gamma else [f"gan.r1={gamma:g}"]


def _half_rates(settings: Settings) -> list[str]:
    g, d = _rates(settings)
    return [f"{_rate_of_generator(settings)}={_slower(g, 2):g}", f"optimizer.lr_d={_slower(d, 2):g}"]


def _momentum(settings: Settings) -> list[str]:
    """Of each network that has any: RMSprop has none."""
    name = settings.get("optimizer.name")
    of_d = settings.get("optimizer.name_d") or name
    both = {name, of_d} != {"rmsprop"} and _number(settings, "optimizer.beta1", 0.5) > 0
    own = of_d != "rmsprop" and _number(settings, "optimizer.beta1_d", 0) > 0
    return [*(["optimizer.beta1=0"] if both else []), *(["optimizer.beta1_d=0"] if own else [])]


def _even_turns(settings: Settings) -> list[str]:
    return ["gan.d_steps=1"] if _number(settings, "gan.d_steps", 1) > 1 else []
