"""A file or a folder of arrays opened for training, as a folder of pictures is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import ConfigError, DataError, require
from ...images.find import folders_in
from ..layouts.folders import SPLITS
from ..layouts.items import Single
from ..layouts.layout import Domain, Layout, counted, in_words
from ..streams.scan import Broken
from ..streams.source import PreparedData
from .files import ArrayFile, Kind, arrays_in, check_range, read_header
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
        files do not hold samples of one kind and size, or fewer than two.
        """
        splits, labels = _found(root, tuple(name for name in names if name is not None))
        files = {row.file: None for rows in splits.values() for row in rows}
        shapes = {(file.kind, file.shape): file for file in files}
        if len(shapes) > 1:
            one, other, *_ = shapes.values()
            said = f"{one.path} holds {one.kind} of shape {one.shape} and {other.path} {other.kind} of {other.shape}"
            raise DataError(f"{said}. Keep samples of one kind and size.")
        if len(splits.get("train", ())) < 2:
            raise DataError(f"{root} holds fewer than two samples to train on. Add more, in `train` or without splits.")
        ((self.kind, shape),) = shapes
        self.shape: tuple[int, ...] = (2, 1, 1) if self.kind == "points" else (1, *shape)
        """Of a sample, as it is trained on at its own size."""
        self.seed, self.files = seed, tuple(files)
        self.labels: tuple[str, ...] = labels if len(labels) > 1 else ()
        apart = splits.keys() & {"val", "test"}
        self.splits, more = (splits, "") if "val" in splits else _held_out(splits, holdout, seed, self.kind)
        self.held_out = [] if apart else [row.name for row in self.splits.get("val", ())]
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
        **of_pictures: Any,
    ) -> PreparedData:
        """Look into every file and make the samples, at `size` voxels a side; what concerns pictures alone is ignored.

        Raises DataError for files that cannot be read (unless `skip_broken`) and numbers out of range, ConfigError for
        augmentations and channels that these samples have not.
        """
        del of_pictures
        self._check(augment or (), channels or {})
        store, digests, broken = Store(cache_mb), dict[ArrayFile, str](), list[Broken]()
        for done, file in enumerate(self.files, 1):
            try:
                rows = file.rows()
                check_range(file, rows)
                with file.path.open("rb") as stream:
                    digests[file] = hashlib.file_digest(stream, "sha256").hexdigest()
                store.hold(file, rows)
            except DataError as error:
                if not skip_broken:
                    raise
                broken.append(Broken(Single(file.path.stem, file.path, 0), str(error)))
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
            ([row.name for row in shown.rows[:count]], [shown.sample(n) for n in range(count)]),
            tuple(Domain(name, self.shape[0], {}) for name in self.layout.names),
            {"image": self.shape[0]},
            _fingerprint(splits, digests),
            {split: len(rows) for split, rows in splits.items()},
            tuple(broken),
            [],
        )

    def _check(self, augment: Sequence[str], channels: Mapping[str, int]) -> None:
        if changes := [name for name in augment if name != "none"]:
            raise ConfigError(f"data.augment={changes[0]} changes pictures, and these are {self.kind}. Leave it out.")
        if channels.get("image", self.shape[0]) != self.shape[0]:
            raise ConfigError(
                f"data.channels.image is {channels['image']}, and {self.kind} have {self.shape[0]}. Leave it out."
            )


def _found(root: Path, wanted: tuple[str, ...]) -> tuple[dict[str, tuple[Row, ...]], tuple[str, ...]]:
    """The samples by split, and the names of the classes."""
    if root.is_file():
        return {"train": _rows([root], 0)}, ()
    folders = {SPLITS[folder.name.lower()]: folder for folder in folders_in(root) if folder.name.lower() in SPLITS}
    by_split = {
        split: {folder.name: paths for folder in folders_in(parent) if (paths := arrays_in(folder))}
        for split, parent in (folders or {"train": root}).items()
    }
    labels = wanted or tuple(next(iter(by_split.values()), ()))
    found: dict[str, tuple[Row, ...]] = {}
    for split, classes in by_split.items():
        parent = folders.get(split, root)
        own = arrays_in(parent)
        if own and classes:
            raise DataError(
                f"{parent} holds arrays and folders of arrays ({in_words(list(classes)[:4])}), so it is not clear "
                "whether the folders are classes; keep either."
            )
        for name in labels:
            require(f"class in {parent}", name, classes or (name,))
        if extra := [name for name in classes if name not in labels and not wanted]:
            raise DataError(f"{parent} holds {in_words(extra)}, which train lacks; {split} needs no other.")
        each = [_rows(classes[name], n) for n, name in enumerate(labels)] if classes else [_rows(own, 0)]
        found[split] = tuple(row for rows in each for row in rows)
    return {split: rows for split, rows in found.items() if rows}, labels if any(by_split.values()) else ()


def _rows(paths: Sequence[Path], label: int) -> tuple[Row, ...]:
    return tuple(Row(file, n, label) for file in map(read_header, paths) for n in range(file.count))


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
