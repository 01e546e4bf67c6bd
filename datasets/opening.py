"""From a folder to samples in one call: find the layout, hold pairs out, look at every file, keep what fits."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from .cache import PairCache
from .layouts import Layout, find_layout, hold_out
from .paired import PairedPictures, fit_for
from .scan import Scan, scan


@dataclasses.dataclass(frozen=True)
class PairedData:
    """A folder of pairs, ready to train on."""

    layout: Layout
    scan: Scan
    train: PairedPictures
    val: PairedPictures | None
    """The held-out pairs, unchanged by chance; None when nothing is held out."""


def open_paired(
    root: Path,
    *,
    size: int,
    seed: int = 0,
    a: str | None = None,
    b: str | None = None,
    swap: bool = False,
    channels: tuple[int | None, int | None] = (None, None),
    augment: Sequence[str] = ("jitter", "flip"),
    interpolation: str = "bicubic",
    squash: bool = False,
    cache_mb: float = 2048,
    skip_broken: bool = False,
    holdout: float = 0.05,
    progress: Callable[[int, int], None] | None = None,
) -> PairedData:
    """The folder's pairs as samples of `size` pixels a side.

    `channels` are those to read sides A and B of the folder with, where not what is found; `swap` trains
    from B to A. `progress(done, total)` is called as files are looked at. Raises DataError for a folder that cannot
    be trained on and UnknownNameError for an augmentation or interpolation, before any file is read.
    """
    cache = PairCache(fit_for(size, augment, interpolation, squash), cache_mb)
    layout = hold_out(find_layout(root, a, b), holdout, seed)
    seen = scan(layout, size=size, skip_broken=skip_broken, channels=channels, cache=cache, progress=progress)
    of_a, of_b = seen.channels
    of_samples = (of_b, of_a) if swap else (of_a, of_b)
    train = PairedPictures(
        seen.splits["train"], size=size, seed=seed, channels=of_samples, augment=augment,
        interpolation=interpolation, squash=squash, swap=swap, cache=cache,
    )  # fmt: skip
    if not seen.splits.get("val"):
        return PairedData(layout, seen, train, None)
    val = PairedPictures(
        seen.splits["val"], size=size, seed=seed, channels=of_samples, augment=("none",),
        interpolation=interpolation, squash=squash, swap=swap, cache_mb=0,
    )  # fmt: skip
    return PairedData(layout, seen, train, val)
