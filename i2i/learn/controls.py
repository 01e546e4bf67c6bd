"""What can be set on the page: one row a setting, by its name with dots as `i2i train --set` has it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from ..adversarial import ADVERSARIAL, DIFF_AUGMENTATIONS
from ..errors import ConfigError, did_you_mean, require
from .data import DATA

Kind = Literal["choice", "number", "whole", "widths", "names", "flag"]


class Control(NamedTuple):
    """A row of CONTROLS."""

    group: str
    """Under which heading it stands: data, generator, discriminator, objective, training."""
    label: str
    kind: Kind
    usual: Any
    help: str
    choices: tuple[Any, ...] = ()
    """What is offered; of numbers these are suggestions."""
    low: float = 0
    high: float = math.inf
    anew: bool = False
    """Whether another value begins a new training; any other is taken while it runs."""
    titles: tuple[str, ...] = ()
    """What the choices are called, where it is not their names."""


WIDEST, DEEPEST = 256, 4
"""Units of a layer and hidden layers, at most."""

RATES = (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1)
_OPTIMIZERS, _CALLED = ("adam", "rmsprop", "sgd"), ("Adam", "RMSprop", "SGD")
_MOMENTUM = "Adam's beta 1, or SGD's momentum; 0 is none."
_WIDTHS = ((), (16,), (64,), (64, 64), (128, 128), (256, 256), (128, 128, 128))

CONTROLS: dict[str, Control] = {
    "data": Control(
        "data", "Shape", "choice", "ring", "What the real samples look like.", tuple(DATA), anew=True,
        titles=tuple(row.title for row in DATA.values()),
    ),
    "count": Control(
        "data", "Samples", "whole", 3500, "Training samples; few of them are learnt by heart.", (24, 50, 500, 3500), 16,
        3600,
    ),
    "data.augment": Control(
        "data", "Turned", "names", (), "Quarter turns of every training picture.", ("rotate90",),
    ),
    "conditional": Control(
        "data", "By class", "choice", False, "G is told which part or kind to make, and D sees it, too.", (False, True),
        anew=True, titles=("no", "yes"),
    ),
    "generator.name": Control(
        "generator", "Networks", "choice", "mlp", "Dense layers, or convolutions (of pictures, and slower).",
        ("mlp", "dcgan"), anew=True, titles=("dense", "convolutional"),
    ),
    "generator.up": Control(
        "generator", "Up-sampling", "choice", "resize", "How convolutional networks double a map.",
        ("resize", "shuffle", "transposed"), anew=True,
    ),
    "generator.widths": Control(
        "generator", "Layers of G", "widths", (64, 64), "Units of each hidden layer.", _WIDTHS, anew=True
    ),
    "generator.latent": Control(
        "generator", "Latent numbers", "whole", 8, "How many random numbers a sample is made of.", (1, 2, 8, 32), 1, 64,
        anew=True,
    ),
    "generator.prior": Control(
        "generator", "Drawn from", "choice", "normal", "The distribution of the latent numbers.", ("normal", "uniform"),
        anew=True,
    ),
    "discriminator.widths": Control(
        "discriminator", "Layers of D", "widths", (64, 64), "Units of each hidden layer.", _WIDTHS, anew=True
    ),
    "gan.loss": Control(
        "objective", "Loss", "choice", "non_saturating", "What both networks lower.", tuple(ADVERSARIAL)
    ),
    "gan.r1": Control(
        "objective", "R1", "number", 0.1, "Weight of the penalty on D's gradient at real samples.", (0, 0.1, 1, 5), 0,
        100,
    ),
    "gan.r2": Control("objective", "R2", "number", 0.0, "The same at generated samples.", (0, 0.1, 1, 5), 0, 100),
    "gan.gradient_penalty": Control(
        "objective", "Gradient penalty", "number", 0.0, "Pulls the length of D's gradient to 1 (WGAN-GP).", (0, 1, 10),
        0, 100,
    ),
    "gan.weight_clipping": Control(
        "objective", "Weight clipping", "number", 0.0, "Bound of every weight of D (WGAN).", (0, 0.01, 0.1), 0, 1
    ),
    "gan.label_smoothing": Control(
        "objective", "Label smoothing", "number", 0.0, "How far the target of real samples lies below 1.",
        (0, 0.1, 0.3), 0, 0.9,
    ),
    "gan.instance_noise": Control(
        "objective", "Noise on D's input", "number", 0.0, "Falls to 0 at the end of the run.", (0, 0.1, 0.3), 0, 2
    ),
    "gan.feature_matching": Control(
        "objective", "Feature matching", "number", 0.0, "G matches the means of D's features.", (0, 1, 10), 0, 100
    ),
    "gan.augment": Control(
        "objective", "Augment what D sees", "names", (), "Of pictures: colour, translation, cutout.",
        tuple(DIFF_AUGMENTATIONS),
    ),
    "optimizer.name": Control(
        "training", "Optimizer of G", "choice", "adam", "How gradients become steps.", _OPTIMIZERS, anew=True,
        titles=_CALLED,
    ),
    "optimizer.name_d": Control(
        "training", "Optimizer of D", "choice", "adam", "How gradients become steps.", _OPTIMIZERS, anew=True,
        titles=_CALLED,
    ),
    "optimizer.lr": Control("training", "Rate of G", "number", 1e-3, "The learning rate.", RATES, 1e-10, 1),
    "optimizer.lr_d": Control("training", "Rate of D", "number", 1e-3, "The learning rate.", RATES, 1e-10, 1),
    "optimizer.beta1": Control("training", "Momentum of G", "number", 0.0, _MOMENTUM, (0, 0.5, 0.9), 0, 0.99),
    "optimizer.beta1_d": Control("training", "Momentum of D", "number", 0.0, _MOMENTUM, (0, 0.5, 0.9), 0, 0.99),
    "optimizer.clip": Control(
        "training", "Longest gradient", "number", 0.0, "Longer ones are shortened to it; 0: none.", (0, 1), 0, 100
    ),
    "gan.d_steps": Control("training", "D's updates a turn", "whole", 1, "With G's at 1.", (1, 2, 5, 10), 1, 20),
    "gan.g_steps": Control("training", "G's updates a turn", "whole", 1, "With D's at 1.", (1, 2, 5), 1, 20),
    "batch": Control("training", "Batch", "whole", 64, "Samples of a step.", (8, 32, 64, 128), 2, 256, anew=True),
    "steps": Control("training", "Length", "whole", 1500, "Steps of the run.", (500, 1500, 3000, 7200), 50, 20_000),
    "seed": Control(
        "training", "Seed", "whole", 0, "Of the start, the order and the noise.", (0, 1, 2), 0, 10_000,
        anew=True,
    ),
}  # fmt: skip
"""By name, in the order of the page."""

Settings = dict[str, Any]
"""Values by the names of CONTROLS, complete."""


def usual() -> Settings:
    """What the page begins with."""
    return {name: row.usual for name, row in CONTROLS.items()}


def checked(given: Mapping[str, Any]) -> Settings:
    """The settings with what is not given at its usual value.

    Raises ConfigError for names and values that the page does not have.
    """
    for name in given:
        if name not in CONTROLS:
            raise ConfigError(f"There is no setting called {name!r}.{did_you_mean(str(name), list(CONTROLS))}")
    return {name: _value(name, row, given.get(name, row.usual)) for name, row in CONTROLS.items()}


def _value(name: str, row: Control, value: Any) -> Any:
    if row.kind in ("number", "whole"):
        kinds = (int,) if row.kind == "whole" else (int, float)
        value = row.low if value is None and row.low == 0 else value  # clip=null
        if isinstance(value, bool) or not isinstance(value, kinds) or not row.low <= value <= row.high:
            what = "a whole number" if row.kind == "whole" else "a number"
            raise ConfigError(
                f"{row.label} ({name}) is {what} from {row.low:g} to {row.high:g}, and not {value!r:.40}."
            )
        return value
    if row.kind == "choice":
        if isinstance(value, bool) and value in row.choices:
            return value
        offered = {str(one): one for one in row.choices}
        require(row.label.lower(), str(value), offered)
        return offered[str(value)]  # "False" is False
    if not isinstance(value, list | tuple):
        raise ConfigError(f"{row.label} ({name}) is a list, and not {value!r:.40}.")
    if row.kind == "widths":
        if len(value) > DEEPEST or not all(isinstance(n, int) and 1 <= n <= WIDEST for n in value):
            raise ConfigError(f"{row.label} are at most {DEEPEST} numbers from 1 to {WIDEST}, as in 64, 64.")
        return tuple(value)
    for one in value:
        require(row.label.lower(), str(one), dict.fromkeys(row.choices))
    if len(set(value)) < len(value):
        raise ConfigError(f"{row.label} ({name}) has each name at most once.")
    return tuple(value)


def changes_anew(before: Settings, after: Settings) -> list[str]:
    """Names of the settings that differ and of which a new training is made."""
    return [name for name, row in CONTROLS.items() if row.anew and before[name] != after[name]]


def page_rows() -> list[dict[str, Any]]:
    """The rows as the page draws them."""
    return [
        {
            **{"name": name, "group": row.group, "label": row.label, "kind": row.kind, "usual": row.usual},
            **{"help": row.help, "choices": list(row.choices), "titles": list(row.titles), "anew": row.anew},
        }
        for name, row in CONTROLS.items()
    ]
