"""The contest of generator and discriminator: losses by name, and every remedy for a training that goes wrong.

losses.py has the losses, penalties.py the gradient penalties, diff_augment.py what is done to pictures before D sees
them, image_pool.py past fakes; objective.py puts them around a discriminator, updates.py says whose turn it is, and
compatibility.py refuses settings that do not go together.
"""

from __future__ import annotations

from .compatibility import refuse_nonsense
from .diff_augment import CHANGES
from .losses import ADVERSARIAL
from .objective import Judge, Scalars, suffixed
from .updates import Turns

__all__ = ["ADVERSARIAL", "CHANGES", "Judge", "Scalars", "Turns", "refuse_nonsense", "suffixed"]
