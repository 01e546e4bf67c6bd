"""Trained networks that metrics measure with: which files they need, and how they are loaded. Light until one is."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from .metrics import PerceptualDistance

Files = Sequence[Path | None]
"""Of weights, in the order of the network's `variables`; None is what the environment or a package brings."""


@dataclasses.dataclass(frozen=True)
class Features:
    """One network."""

    load: Callable[[Files], tuple[PerceptualDistance, str]]
    """From its files: the network, and words before the metric's definition where it is not quite the published one."""
    variables: tuple[str, ...]
    """Environment variables that name its files."""
    smallest: int
    """Pixels a side of a picture, at least."""

    def asked_for(self, files: Files) -> bool:
        """Whether the user named a file of it, so that to do without would be wrong."""
        return any(files) or any(variable in os.environ for variable in self.variables)


def _load_lpips(files: Files) -> tuple[PerceptualDistance, str]:
    from .lpips import load_lpips

    network = load_lpips(*files)
    unlike = "like LPIPS, but on SqueezeNet's weights of another release: "
    return network, "" if network.name == "LPIPS" else unlike


FEATURES: dict[str, Features] = {"lpips": Features(_load_lpips, ("I2I_SQUEEZENET", "I2I_LPIPS"), smallest=17)}
"""By the word in a metric's row."""
