"""What validates: a folder's own split, or a part of `train` that is chosen by name."""

from __future__ import annotations

import dataclasses
import hashlib

from ...errors import DataError
from .items import T
from .layout import Layout

MOST_HELD_OUT = 16


def hold_out(layout: Layout[T], fraction: float = 0.05, seed: int = 0) -> Layout[T]:
    """The layout with a `val` split: its own, else `test`, else a part of `train` chosen by hash of (seed, name).

    At least 1 and at most 16 are held out, of each domain where they are unpaired, and none when `fraction` is 0 or
    one has but two.
    Raises DataError when fewer than two are there to train on.
    """
    train = layout.splits.get("train", ())
    groups = [train]
    if layout.drawn_apart:
        groups = [tuple(item for item in train if place in item.domains) for place in range(len(layout.names))]
    for group, name in zip(groups, layout.names, strict=False):
        if len(group) < 2:
            _refuse_too_few(layout, name if len(groups) > 1 else None, len(group))
    if layout.splits.get("val"):
        return layout
    said = layout.description.removesuffix(".")
    if layout.splits.get("test"):
        splits = {**layout.splits, "val": layout.splits["test"]}
        return dataclasses.replace(layout, splits=splits, description=f"{said}; test serves as val.")
    if fraction == 0 or min(map(len, groups)) < 3:  # two are needed to train on
        return layout
    if layout.kind == "single" and len(layout.names) > 1:  # of each class that has enough
        classes = [tuple(item for item in train if place in item.domains) for place in range(len(layout.names))]
        groups = [one for one in classes if len(one) >= 3] or groups
    chosen = [_chosen(group, fraction, seed) for group in groups]
    held = {item for group in chosen for item in group}
    splits = {
        "train": tuple(item for item in train if item not in held),
        "val": tuple(item for item in train if item in held),
    }
    counts = " and ".join(dict.fromkeys(str(len(group)) for group in chosen))
    of_each = " of each domain" if len(groups) > 1 else ""
    return dataclasses.replace(
        layout, splits=splits, description=f"{said}; {counts} of train{of_each} held out as val."
    )


def _chosen(group: tuple[T, ...], fraction: float, seed: int) -> list[T]:
    """What is held out of a group; the same names in both domains where they have the same."""
    count = min(max(1, round(fraction * len(group))), MOST_HELD_OUT)
    return sorted(
        group, key=lambda item: hashlib.sha256(f"{seed}:{item.name}".encode("utf-8", "surrogateescape")).digest()
    )[:count]


def _refuse_too_few(layout: Layout[T], name: str | None, count: int) -> None:
    paired = name is None and layout.kind in ("side by side", "two folders", "one folder")
    thing = "pair" if paired else "picture"
    where = "" if name is None else f" in {name!r}"
    raise DataError(
        f"{layout.root} holds {f'one {thing}' if count else f'no {thing}s'} to train on{where}; at least two are "
        f"needed, in `train` or in a folder without splits."
    )
