"""Degradation: inputs made of high-resolution truths while training, as Real-ESRGAN does (Wang et al., 2021)."""

from __future__ import annotations

from .config import DEGRADATIONS, DegradationConfig
from .pipeline import SHARPENED, Degradation

__all__ = ["DEGRADATIONS", "SHARPENED", "Degradation", "DegradationConfig"]
