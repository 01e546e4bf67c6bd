"""The adopted file against the foreign one: the same pictures by both ways, the second laid out by hand."""

from __future__ import annotations

import numpy as np

from ...errors import ExportError
from ...probes import Floats, probe_picture
from ..runtime.sessions import Session
from .bridge import Bridge
from .foreign import Foreign

LIMIT = 1 / 255
"""Largest difference allowed, in [0, 1]."""


def parity(foreign: Foreign, bridge: Bridge, session: Session, sizes: list[tuple[int, int]]) -> dict[str, float]:
    """The largest difference in [0, 1] by size (`NxHxW`); raises ExportError when it is over LIMIT."""
    found = {}
    for seed, (height, width) in enumerate(sizes):
        picture = probe_picture(foreign.into.channels, height, width, seed)
        truth = _by_hand(foreign, bridge, picture)
        given = picture
        if bridge.order == "y" and foreign.into.channels == 1:  # of a grey picture, every channel is the luma
            given = np.repeat(picture, 3, axis=1)
        (answer,) = session.run(["translation"], {"image": given})
        if truth is None or answer.shape[2:] != truth.shape[2:]:
            raise ExportError(f"The adopted graph gives {answer.shape} where the foreign one gives no such picture.")
        worst = float(np.abs(answer - truth).max())
        if not worst <= LIMIT:
            raise ExportError(
                f"The adopted graph differs from the foreign one by {worst:.2g} at {width}x{height} pixels (allowed: "
                f"{LIMIT:.1g}). Nothing was written."
            )
        found[f"1x{height}x{width}"] = worst
    return found


def _by_hand(foreign: Foreign, bridge: Bridge, picture: Floats) -> Floats | None:
    """(1, C, H, W) in [0, 1] -> (1, C', H', W') in [0, 1] by the foreign file itself."""
    p, extra = bridge.pad, bridge.extra
    values = np.pad(picture, ((0, 0), (0, 0), (p, p), (p, p)), mode="reflect")
    if bridge.order == "bgr" and values.shape[1] == 3:
        values = values[:, ::-1]
    values = (values * (bridge.into[1] - bridge.into[0]) + bridge.into[0]).astype(np.float32)
    answer = foreign.run(np.ascontiguousarray(values))
    if answer is None:
        return None
    answer = (answer - bridge.out[0]) / (bridge.out[1] - bridge.out[0])
    if bridge.order == "bgr" and answer.shape[1] == 3:
        answer = answer[:, ::-1]
    start = extra // 2
    height, width = (side - extra for side in answer.shape[2:])
    return np.clip(answer[:, :, start : start + height, start : start + width], 0, 1).astype(np.float32)
