"""Low-resolution and damaged pictures made of sharp ones while training, as Real-ESRGAN does (Wang et al., 2021)."""

from __future__ import annotations

from .config import DEGRADATIONS, DegradationConfig
from .pipeline import Degradation

__all__ = ["DEGRADATIONS", "Degradation", "DegradationConfig"]
