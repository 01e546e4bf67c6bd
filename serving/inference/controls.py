"""Values for the ports that a model has beside its picture."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy.typing as npt

from ...card import Card
from ...errors import UnknownNameError

NO_CONTROLS: Mapping[str, object] = MappingProxyType({})
"""What every port beside the picture has by itself: its default."""


def resolve_controls(card: Card, given: Mapping[str, object]) -> dict[str, npt.NDArray[Any]]:
    """An array, with the batch axis, for each port but the picture; raises UnknownNameError on other names."""
    for name in given:
        raise UnknownNameError(f"control of {card.name}", name, [])
    return {}
