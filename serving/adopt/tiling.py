"""Whether an adopted file may be cut into tiles: what its nodes say, which is measured before it is believed."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import onnx

from ...card import Card
from ...probes import Floats, probe_picture
from ..inference.executors import IMAGE, Tiled, Whole
from ..inference.fixed import takes_tiles
from ..inference.tiles import halo
from ..runtime.locality import locality
from ..runtime.sessions import Session
from .finding import DECLARED, PROBED, Finding

EXACT = 1e-4
"""Largest difference in [0, 1] between tiles and the whole."""
FAR = "a change of one pixel reaches across the picture"
STEPS = (1, 2, 4, 8, 16, 32, 64)
"""Steps in pixels by which pieces of a picture are tried to be moved."""
STRIP = 32
"""Pixels: the narrow side of the strips that are run whole and in tiles, and what a tile has beside its halo."""
FEW, MANY = 128, 512
"""Sides of the pictures that are run to see how far a change reaches."""


def find_tiling(model: onnx.ModelProto, session: Session, card: Card) -> tuple[Card, Finding]:
    """The card with `tiling`, `receptive_field` and, where tiles must begin on a coarser grid, `multiple`."""
    told = locality(model.graph)
    whole = dataclasses.replace(card, tiling="global")
    if told.reducing is not None:
        why = f"it has {told.reducing}, which looks at the whole picture"
        return whole, Finding("tiles", "global", DECLARED, why)
    if card.fixed_size is not None:
        return _of_one_size(session, whole, told.receptive_field)
    local = dataclasses.replace(card, tiling="local", multiple=math.lcm(card.multiple, told.stride))
    reach = _reach(session, local, told.receptive_field)
    if reach is None or (told.receptive_field is not None and 2 * reach + 1 > told.receptive_field):
        return whole, Finding("tiles", "global", PROBED, FAR)
    local = dataclasses.replace(local, receptive_field=told.receptive_field or _with_margin(reach))
    worst = _tiles_against_whole(session, local)
    if worst > EXACT:
        return whole, Finding("tiles", "global", PROBED, f"tiles differ from the whole by {worst:.1e}")
    return local, _found(local, reach, f"tiles equal to {worst:.0e}")


def _with_margin(reach: int) -> int:
    """The receptive field where nodes do not tell it: weak influences may stay unseen."""
    return 2 * math.ceil(1.25 * reach + 2) + 1


def _found(card: Card, reach: int, equal: str) -> Finding:
    return Finding("tiles", "local", PROBED, f"sees {card.receptive_field} pixels ({2 * reach + 1} measured), {equal}")


def _of_one_size(session: Session, whole: Card, field: int | None) -> tuple[Card, Finding]:
    """Likewise of a network of one size: two pieces of a picture must agree where they overlap."""
    assert whole.fixed_size is not None
    height, width = whole.fixed_size
    local = dataclasses.replace(whole, tiling="local")
    cell = min(16, height // 4, width // 4)
    low = min(height, width) // 2
    reach = max(_spread(session, local, whole.fixed_size, low, cell, seed) for seed in range(2))
    room = min(low, height - low - cell, width - low - cell)
    if reach >= room:
        return whole, Finding("tiles", "global", PROBED, FAR)
    local = dataclasses.replace(local, receptive_field=field or _with_margin(reach))
    for step in STEPS:
        local = dataclasses.replace(local, multiple=step, smallest=step)
        if height % step or width % step or not takes_tiles(local):
            continue
        if _shifted(session, local, step) <= EXACT:
            return local, _found(local, reach, f"pieces equal at steps of {step}")
    return whole, Finding("tiles", "global", PROBED, "pieces of a picture differ where they overlap")


def _shifted(session: Session, card: Card, step: int) -> float:
    """Largest difference between two pieces of a picture, a step from one another, away from their borders."""
    assert card.fixed_size is not None
    height, width = card.fixed_size
    picture = probe_picture(card.input_channels, height + step, width + step, 7)
    first, second = (
        session.run(None, {IMAGE: np.ascontiguousarray(picture[:, :, at : at + height, at : at + width])})[0]
        for at in (0, step)
    )
    by, rim = step * card.scale, halo(card) * card.scale
    ours, theirs = first[:, :, by:, by:], second[:, :, : -by or None, : -by or None]
    inner = slice(rim, -rim or None)
    return float(np.abs(ours - theirs)[:, :, inner, inner].max())


def _reach(session: Session, card: Card, field: int | None) -> int | None:
    """Input pixels on either side that a change of one grid cell of pixels reaches; None: as far as was looked."""
    # Where the nodes tell how far it sees, a small picture is enough to find them out.
    for side in (FEW,) if field is not None else (FEW, MANY):
        cells = -(-max(side, card.smallest) // card.multiple)
        low = cells // 2 * card.multiple
        far = [_spread(session, card, (cells * card.multiple,) * 2, low, card.multiple, seed) for seed in range(2)]
        room = min(low, cells * card.multiple - low - card.multiple)
        if max(far) < room or field is not None:
            return max(far)
    return None


def _spread(session: Session, card: Card, size: tuple[int, int], low: int, side: int, seed: int) -> int:
    """Input pixels from the cell of `side` at (low, low) to the farthest output pixel that changes with it."""
    before = probe_picture(card.input_channels, *size, seed)
    after = before.copy()
    cell = slice(low, low + side)
    after[:, :, cell, cell] = np.random.default_rng(seed).integers(0, 2, after[:, :, cell, cell].shape)
    first, second = (session.run(None, {IMAGE: each})[0] for each in (before, after))
    changed = np.argwhere((first != second).any((0, 1)))
    if not len(changed):
        return 0
    nearest, farthest = changed.min() // card.scale, changed.max() // card.scale
    return int(max(low - nearest, farthest - (low + side - 1), 0))


def _tiles_against_whole(session: Session, card: Card) -> float:
    """Largest difference between a picture in tiles and whole, in [0, 1]."""
    narrow = max(STRIP, card.smallest)
    # The second tile, with its halo, begins at an odd multiple: off any coarser grid that was not found out.
    half = halo(card) + card.multiple * (narrow // card.multiple | 1)
    tiled = Tiled(Whole(session, card, "cpu in fp32"), card, half)
    worst = 0.0
    for size in ((narrow, 2 * half), (2 * half, narrow)):  # strips of two tiles, as whole pictures may be dear
        picture: Floats = probe_picture(card.input_channels, *size, 5)
        whole = Whole(session, card, "cpu in fp32").run({IMAGE: picture})
        worst = max(worst, float(np.abs(whole - tiled.run({IMAGE: picture})).max()))
    return worst
