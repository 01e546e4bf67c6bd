"""Adversarial training: losses by name, penalties, augmentation and other stabilisers.

losses.py has the losses, penalties.py the gradient penalties, diff_augment.py and pipe.py the augmentation of what D
sees, image_pool.py past fakes; objective.py puts them around a discriminator, updates.py is the schedule of updates,
and compatibility.py refuses settings that exclude each other.
"""

from __future__ import annotations

from .compatibility import check_compatible
from .diff_augment import AUGMENTATIONS, DIFF_AUGMENTATIONS
from .losses import ADVERSARIAL
from .objective import AdversarialObjective, Scalars, suffixed
from .updates import UpdateSchedule

__all__ = [
    "ADVERSARIAL",
    "AUGMENTATIONS",
    "DIFF_AUGMENTATIONS",
    "AdversarialObjective",
    "Scalars",
    "UpdateSchedule",
    "check_compatible",
    "suffixed",
]
