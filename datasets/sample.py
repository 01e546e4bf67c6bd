"""The samples that `i2i data sample NAME OUT` makes: name -> write(out, count, size, seed, progress) -> out."""

from __future__ import annotations

from .facades import write_facades

SAMPLES = {"facades": write_facades}
