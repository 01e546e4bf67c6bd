"""The contest of generator and discriminator: losses by name, and every remedy for a training that goes wrong.

losses.py has the losses, penalties.py the slopes, augment.py what is done to pictures before D sees them, pool.py past
fakes; judge.py puts them around a discriminator, and sense.py refuses what does not go together.
"""

from __future__ import annotations

from .augment import CHANGES
from .judge import Judge, Scalars, Turns, suffixed
from .losses import ADVERSARIAL
from .sense import refuse_nonsense

__all__ = ["ADVERSARIAL", "CHANGES", "Judge", "Scalars", "Turns", "refuse_nonsense", "suffixed"]
