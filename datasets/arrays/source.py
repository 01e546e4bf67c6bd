"""A file or a folder of arrays opened for training, as a folder of pictures is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import ConfigError, DataError
from ..layouts.items import Single
from ..layouts.layout import Domain, Layout, counted
from ..streams.scan import Broken
from ..streams.source import PreparedData
from .arrange import arranged
from .files import ArrayFile, Kind, check_range
from .samples import ArraySamples, Row, Store

MOST_VALIDATED: dict[Kind, int] = {"points": 256, "volumes": 16}
"""Samples that are scored at each grid, and that are held out at most."""


class ArraySource:
    """Points (N, 2), or volumes of one size, below splits or not, and in a folder for each class or not.

    Samples keep the order of the files by name, and in each file its own.
    """

    unit = "files"

    def __init__(self, root: Path, *names: str | None, holdout: float = 0.05, seed: int = 0) -> None:
        """Looks at the files' headers; `names` choose classes and give their order.

        A share `holdout` validates where there is no split for it, none where that is 0. Raises DataError where the
        files do not hold samples of one kind and size, or fewer than two; `read` refuses a file without samples.
        """
        splits, labels, self._without_samples = arranged(root, [name for name in names if name is not None])
        files = {row.file: None for rows in splits.values() for row in rows}
        shapes = {(file.kind, file.shape): file for file in files}
        if len(shapes) > 1:
            one, other, *_ = shapes.values()
            said = f"{one.path} holds {one.kind} of shape {one.shape} and {other.path} {other.kind} of {other.shape}"
            raise DataError(f"{said}. Keep samples of one kind and size.")
        if len(splits.get("train", ())) < 2:
            for broken in self._without_samples:
                raise DataError(broken.reason)
            raise DataError(f"{root} holds fewer than two samples to train on. Add more, in `train` or without splits.")
        ((self.kind, shape),) = shapes
        self.shape: tuple[int, ...] = (2, 1, 1) if self.kind == "points" else (1, *shape)
        """Of a sample, as it is trained on at its own size."""
        self.seed, self.files = seed, tuple(files)
        self.labels: tuple[str, ...] = labels if len(labels) > 1 else ()
        apart = splits.keys() & {"val", "test"}
        self.splits, more = (splits, "") if "val" in splits else _held_out(splits, holdout, seed, self.kind)
        self.held_out = [] if apart else self._names(self.splits.get("val", ()))
        sides = "" if self.kind == "points" else f" of {shape[0]} voxels a side"
        said = f" of {len(labels)} classes" if self.labels else ""
        self.layout: Layout[Any] = Layout(
            root,
            "single",
            self.labels or (root.resolve().stem,),
            {},
            f"{self.kind.capitalize()}{sides}{said} in {counted(splits)}{more}.",
        )

    @property
    def count(self) -> int:
        """Samples of an epoch."""
        return len(self.splits["train"])

    @property
    def total(self) -> int:
        """Files that are looked into."""
        return len(self.files)

    def read(
        self,
        *,
        size: int | tuple[int, int],
        seed: int = 0,
        augment: Sequence[str] | None = None,
        cache_mb: float = 2048,
        channels: Mapping[str, int] | None = None,
        skip_broken: bool = False,
        progress: Callable[[int, int], None] | None = None,
        interpolation: str = "",
        stretch: bool = False,
        swap: bool = False,
    ) -> PreparedData:
        """Look into every file and make the samples, at `size` voxels a side; the last three are of pictures alone.

        Raises DataError for files that cannot be read (unless `skip_broken`), numbers out of range, and files that
        would be unpacked again for each sample; ConfigError for augmentations and channels that these samples have not.
        """
        del interpolation, stretch, swap
        self._check(augment or (), channels or {})
        broken = list(self._without_samples)
        if broken and not skip_broken:
            raise DataError(broken[0].reason)
        store, digests = Store(cache_mb), dict[ArrayFile, str]()
        packed_first = sorted(self.files, key=lambda file: file.member is None)  # others may stay on the disk
        for done, file in enumerate(packed_first, 1):
            try:
                rows = file.rows()
                check_range(file, rows)
                with file.path.open("rb") as stream:
                    digests[file] = hashlib.file_digest(stream, "sha256").hexdigest()
            except DataError as error:
                if not skip_broken:
                    raise
                broken.append(Broken(Single(file.path.stem, file.path, 0), str(error)))
            else:
                store.hold(file, rows)
            if progress:
                progress(done, len(self.files))
        splits = {split: tuple(row for row in rows if row.file in digests) for split, rows in self.splits.items()}
        if len(splits["train"]) < 2:
            raise DataError(f"Fewer than two samples of {self.layout.root} can be read; nothing is left to train on.")
        side = size if isinstance(size, int) else size[0]
        with_labels = bool(self.labels)
        shown = ArraySamples(splits.get("val") or splits["train"], store, side, seed, classes=with_labels)
        count = min(len(shown), MOST_VALIDATED[self.kind])
        return PreparedData(
            ArraySamples(splits["train"], store, side, seed, classes=with_labels),
            (self._names(shown.rows[:count]), [shown.sample(n) for n in range(count)]),
            tuple(Domain(name, self.shape[0], {}) for name in self.layout.names),
            {"image": self.shape[0]},
            _fingerprint(splits, digests),
            {split: len(rows) for split, rows in splits.items()},
            tuple(broken),
            [],
        )

    def _names(self, rows: Sequence[Row]) -> list[str]:
        """The samples' names, below their classes."""
        return [f"{self.labels[row.label]}/{row.name}" if self.labels else row.name for row in rows]

    def _check(self, augment: Sequence[str], channels: Mapping[str, int]) -> None:
        if changes := [name for name in augment if name != "none"]:
            raise ConfigError(f"data.augment={changes[0]} changes pictures, and these are {self.kind}. Leave it out.")
        if channels.get("image", self.shape[0]) != self.shape[0]:
            raise ConfigError(
                f"data.channels.image is {channels['image']}, and {self.kind} have {self.shape[0]}. Leave it out."
            )


def _held_out(
    splits: dict[str, tuple[Row, ...]], share: float, seed: int, kind: Kind
) -> tuple[dict[str, tuple[Row, ...]], str]:
    """With a split `val`: `test`, or a part of `train`, chosen by a hash of seed and name; and what to say."""
    if "test" in splits:
        return {**splits, "val": splits["test"]}, "; test serves as val"
    train = splits["train"]
    if share == 0 or len(train) < 3:
        return splits, ""
    count = min(max(1, round(share * len(train))), MOST_VALIDATED[kind], len(train) - 2)
    by_hash = sorted(train, key=lambda row: hashlib.sha256(f"{seed}:{row.label}/{row.name}".encode()).digest())
    held = set(by_hash[:count])
    return {
        "train": tuple(row for row in train if row not in held),
        "val": tuple(row for row in train if row in held),
    }, f"; {count} of train held out as val"


def _fingerprint(splits: Mapping[str, tuple[Row, ...]], digests: Mapping[ArrayFile, str]) -> str:
    """SHA-256 over splits, files' contents and numbers of samples, in hex."""
    whole = hashlib.sha256()
    for split, rows in sorted(splits.items()):
        for row in rows:
            whole.update(f"{split}\0{row.label}\0{digests[row.file]}\0{row.number}\n".encode())
    return whole.hexdigest()
