"""How each failure is provoked on the page: a row of settings, by the name that the doctor gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..diagnostics.doctor import DETECTORS

PLAIN: Mapping[str, Any] = {"gan.r1": 0.0, "optimizer.beta1": 0.5, "optimizer.beta1_d": 0.5}
"""Without what calms the page's usual training."""


class Provocation(NamedTuple):
    """A row of FAILURES."""

    button: str
    settings: Mapping[str, Any]
    """What differs from the usual settings of the page."""
    text: str
    """What is done to provoke it, and what to look at."""
    back: bool = False
    """Whether the remedy begins from a moment before the failure: networks that are ruined are not cured by a rate."""
    besides: Mapping[str, Any] = {}
    """What the remedy here has besides the doctor's: more samples, which no setting of a run brings."""

    def title(self, name: str) -> str:
        """As the doctor says it."""
        return DETECTORS[name].title


FAILURES: dict[str, Provocation] = {
    "collapse": Provocation(
        "Mode collapse",
        {**PLAIN, "data": "digits8", "optimizer.lr": 3e-3, "optimizer.lr_d": 3e-4, "discriminator.widths": [16, 16]},
        "G is ten times as fast as a small D: it finds one picture that D believes, and paints that for every latent.",
    ),
    "hopping": Provocation(
        "Mode hopping",
        {**PLAIN, "optimizer.lr": 1e-2, "optimizer.lr_d": 1e-3},
        "G runs to one mode, D learns that this one is false, G runs to the next: all are visited, never all at once.",
    ),
    "vanishing": Provocation(
        "Vanishing gradient",
        {
            **PLAIN,
            **{"data": "digits8", "gan.loss": "minimax", "discriminator.widths": [256, 256]},
            **{"optimizer.lr": 1e-4, "optimizer.lr_d": 1e-2},
        },
        "The saturating loss log(1 - D) is flat where D is sure, and here D is a hundred times as fast as G.",
        back=True,
    ),
    "exploding": Provocation(
        "Exploding gradients",
        {**PLAIN, "data": "digits8", "optimizer.lr": 0.1, "optimizer.lr_d": 0.1},
        "Rates a hundred times too high: weights run away, and losses leap.",
        back=True,
    ),
    "overpowering": Provocation(
        "Overpowering D",
        {**PLAIN, "data": "digits8", "gan.d_steps": 10, "discriminator.widths": [256, 256]},
        "Ten updates of a wide D for one of G: D wins each time, and G learns little from it.",
    ),
    "weak": Provocation(
        "Weak D",
        {"optimizer.lr_d": 1e-5},
        "D hardly moves: it says one half to everything, and G goes wherever that leads.",
        back=True,
    ),
    "nonconvergence": Provocation(
        "Going in circles",
        {
            **PLAIN,
            **{"data": "blob", "optimizer.lr": 2e-2, "optimizer.lr_d": 2e-2, "steps": 7200},
            **{"generator.widths": [], "discriminator.widths": []},
        },
        "Two linear networks, the Dirac-GAN in the plane: each step is right, and they orbit the answer for ever.",
    ),
    "overfitting": Provocation(
        "Overfitting D",
        {**PLAIN, "data": "digits8", "count": 50, "discriminator.widths": [256, 256]},
        "Fifty pictures and a wide D: it knows them by heart, and takes any other real picture for a generated one.",
    ),
    "memorisation": Provocation(
        "Copying",
        {
            **PLAIN,
            **{"data": "digits8", "count": 24, "discriminator.widths": [256, 256], "generator.widths": [128, 128]},
        },
        "Two dozen pictures, shown for long: what comes out are those two dozen.",
        besides={"count": 3500},
    ),
    "leak": Provocation(
        "Leaking augmentation",
        {"data": "digits8", "data.augment": ["rotate90"]},
        "Every training picture is turned by chance, so that G learns to paint turned ones, which real ones are not.",
    ),
    "checkerboard": Provocation(
        "Checkerboard",
        {
            **{"data": "faces32", "count": 500, "generator.name": "dcgan", "generator.up": "transposed"},
            **{"generator.latent": 16, "optimizer.lr": 5e-3, "steps": 300},
        },
        "Transposed convolutions of a fast G reach neighbouring pixels through different weights: their grid shows.",
    ),
}
"""By the doctor's names; the others are of translators, or have no setting that cures them."""
