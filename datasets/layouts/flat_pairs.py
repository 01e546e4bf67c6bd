"""Low- and high-resolution files in one folder, told apart by their names: `boat_LR.png` belongs to `boat_HR.png`.

The usual ways are known: `boat_LR`, `boat.LR`, `boatLR` and `boatLRx4` with `HR` in the same place, and `boat_x4` or
`boatx4` beside `boat` itself. Lower case does after a separator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from .matching import Matched, named_pictures

MARKED = re.compile(
    r"(?P<name>.+?)(?:[ _.-](?P<side>(?i:lr|hr))|(?<=[a-z0-9])(?P<upper>LR|HR))(?:[ _.-]?[xX]?(?P<scale>\d))?"
)
"""Names that say which side they are of, and perhaps at which scale."""
SCALED = re.compile(r"(?P<name>.+?)[ _.-]?[xX](?P<scale>\d)")
"""Names of low resolution beside the very name without it."""


def match_flat(folder: Path, scale: int) -> Matched | None:
    """The pictures below `folder` as pairs (low, high) for this scale; None where their names do not say so.

    Names with LR and HR say so as soon as two of them match; those with a scale alone when all of them do, for a
    photograph may be called `x2` as well. Low-resolution files of other scales are left aside.
    """
    pictures = named_pictures(folder)
    return _marked(pictures, scale) or (_scaled(pictures, scale) if scale > 1 else None)


def _marked(pictures: Mapping[str, Path], scale: int) -> Matched | None:
    sides: dict[str, dict[str, Path]] = {"lr": {}, "hr": {}}
    rest = {}
    for name, path in pictures.items():
        match = MARKED.fullmatch(name)
        if match is None:
            rest[name] = path
        elif match["scale"] in (None, str(scale)):
            sides[(match["side"] or match["upper"]).lower()].setdefault(match["name"], path)
    low, high = sides["lr"], {**rest, **sides["hr"]}
    found = _matched(low, high)
    return found if found.pairs and sides["hr"] else None


def _scaled(pictures: Mapping[str, Path], scale: int) -> Matched | None:
    low, high = {}, {}
    for name, path in pictures.items():
        match = SCALED.fullmatch(name)
        if match is None or match["name"] not in pictures:
            high[name] = path
        elif match["scale"] == str(scale):
            low[match["name"]] = path
    found = _matched(low, high)
    return None if found.is_incomplete or not found.pairs else found


def _matched(low: Mapping[str, Path], high: Mapping[str, Path]) -> Matched:
    return Matched(
        {name: (path, high[name]) for name, path in low.items() if name in high},
        {name: path for name, path in low.items() if name not in high},
        {name: path for name, path in high.items() if name not in low},
        (),
    )
