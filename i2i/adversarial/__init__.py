"""The contest of generator and discriminator: losses by name, and every remedy for a training that goes wrong.

losses.py has the losses, penalties.py the gradient penalties, diff_augment.py what is done to pictures before D sees
them, image_pool.py past fakes; objective.py puts them around a discriminator, updates.py says whose turn it is, and
compatibility.py refuses settings that do not go together.
"""

from __future__ import annotations

from .compatibility import check_compatible
from .diff_augment import DIFF_AUGMENTATIONS
from .losses import ADVERSARIAL
from .objective import AdversarialObjective, Scalars, suffixed
from .updates import UpdateSchedule

__all__ = [
    "ADVERSARIAL",
    "DIFF_AUGMENTATIONS",
    "AdversarialObjective",
    "Scalars",
    "UpdateSchedule",
    "check_compatible",
    "suffixed",
]
