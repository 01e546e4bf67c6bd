"""What `i2i evaluate A B` does for two folders of pictures: B's are the real ones, and no model is asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from ...datasets.layouts.items import Single
from ...datasets.streams.loading import decode
from ...errors import DataError, PictureError
from ...evaluation.contact_sheet import contact_sheet
from ...evaluation.embedding.cache import trim
from ...evaluation.evaluate import Evaluation, evaluate
from ...evaluation.features import Files
from ...evaluation.metrics import Metric, PairMetric
from ...files import write_atomically
from ...images.decode import read_header
from ...images.find import composed, find_pictures, has_pictures
from ...images.image import Array, Floats, to_float, with_channels
from ...training.run_directory import Run
from ..progress import Bars, Say, silent
from .copies import copies_of, write_copies
from .evaluate import Scores, large_enough
from .metrics import all_named, check_names, enough, need_no_truth, possible, ready, smallest_side
from .sheet import png

OF_PAIRS = ("psnr", "ssim", "l1", "lpips")
OF_SETS = ("frechet", "frechet_unbiased", "kernel", "classes", "precision", "recall", "density", "coverage", "mind",
           "mind_unbiased", "swd")  # fmt: skip
"""Metrics unless others are named."""


@dataclasses.dataclass(frozen=True)
class Folder:
    """The pictures of a folder by their path in it, without suffix."""

    root: Path
    pictures: dict[str, Path]

    @classmethod
    def of(cls, root: Path) -> Folder:
        """Raises DataError when there is no picture below it, or when two have one name."""
        found: dict[str, Path] = {}
        for path in find_pictures(root):
            name = composed(path.relative_to(root).with_suffix("").as_posix())
            if name in found:
                raise DataError(f"{found[name]} and {path} have one name. Rename one of them, or take it away.")
            found[name] = path
        if not found:
            raise DataError(f"{root} holds no pictures.")
        return cls(root, found)

    def read(self, name: str, channels: int) -> Floats:
        """(H, W, channels) in [0, 1]; raises PictureError."""
        path = self.pictures[name]
        pixels = decode(Single(name, path, 0))[0]
        try:
            return to_float(with_channels(pixels, channels))
        except PictureError as error:
            raise PictureError(f"{path}: {error}") from error


def is_of_pictures(path: Path) -> bool:
    """A folder of pictures, and neither a run nor one with a model in it."""
    run = Run(path).holds_any() or Run(path).checkpoints.exists()
    return path.is_dir() and not run and not any(path.glob("*.onnx")) and has_pictures(path)


def score_folders(
    a: Path,
    b: Path,
    named: tuple[str, ...] | None = None,
    files: Files = (),
    features: str | None = None,
    out: Path | None = None,
    say: Say = silent,
    training: str | None = None,
) -> Scores:
    """Score the pictures below `a` against those below `b`: by pairs where names match, and as sets always.

    `named` are keys of METRICS, or ALL, by default OF_PAIRS (where names match) and OF_SETS; `training` is the
    folder that copies are searched in; the rest as in `score`. Raises
    DataError for an empty folder, for pairs of two sizes, or when there are too few pictures for any figure.
    """
    check_names(named)
    mine, theirs = Folder.of(a), Folder.of(b)
    both = [name for name in mine.pictures if name in theirs.pictures]
    if named is not None and not both and not all_named(named) and not need_no_truth(named):
        raise DataError(f"No picture of {a} has the name of one of {b}, so there are no pairs for {', '.join(named)}.")
    channels = 3 if any(_colour(folder) for folder in (mine, theirs)) else 1
    usual = [*(OF_PAIRS if both else ()), *OF_SETS]
    if all_named(named):
        named, usual = None, [*possible("truth")]
    metrics = ready(named, usual, channels, files, say, features)
    metrics = {name: row for name, row in metrics.items() if _possible(row, bool(both))}
    copies = copies_of(training) if training else None
    if copies:
        metrics["copies"] = copies.metric()
    metrics, refused = enough(metrics, len(mine.pictures), len(theirs.pictures))
    broken: list[str] = []

    def pictures() -> Iterator[tuple[str, Array, Array | None]]:
        for name in mine.pictures:
            try:
                truth = theirs.read(name, channels) if name in theirs.pictures else None
                yield name, mine.read(name, channels), truth
            except PictureError as error:
                broken.append(str(error))

    def real() -> Iterator[Array]:
        for name in theirs.pictures:
            try:
                yield theirs.read(name, channels)
            except PictureError as error:
                if str(error) not in broken:
                    broken.append(str(error))

    with Bars() as bars:
        result = evaluate(
            lambda x: x,
            bars.counted(
                large_enough(pictures(), *smallest_side(metrics), broken), "Pictures", len(mine.pictures), "pictures"
            ),
            metrics,
            real=bars.counted(real(), "Real pictures", len(theirs.pictures), "pictures"),
            on_figure=bars.of_figures,
        )
    trim()
    result = dataclasses.replace(result, refused={**refused, **result.refused})
    if out is not None:
        write_atomically(out / "scores.csv", result.to_csv().encode("utf-8", "backslashreplace"))
        (out / "sheet.png").unlink(missing_ok=True)  # of an evaluation before
        if result.first:
            write_atomically(out / "sheet.png", _sheet(mine, theirs, result, channels))
    said = write_copies(copies, result, out / "copies.png") if copies and out and "copies" in result.sets else ""
    named_alike = f"{len(both):,} of {len(mine.pictures):,} pictures have one of their name among "
    note = f"{said} {named_alike}{len(theirs.pictures):,} real.".strip()
    return Scores(result, broken, "pictures", note, a.name or str(a))


def _possible(row: Metric, pairs: bool) -> bool:
    return not isinstance(row, PairMetric) or (pairs and row.against == "truth")


def _colour(folder: Folder) -> bool:
    """Whether any of the pictures whose header can be read is in colour; True where none can."""
    read = 0
    for path in folder.pictures.values():
        try:
            found = read_header(path).channels
        except PictureError:
            continue
        if found > 2:  # two are grey and alpha
            return True
        read += 1
    return not read


def _sheet(mine: Folder, theirs: Folder, result: Evaluation, channels: int) -> bytes:
    """The worst, the median and the best pairs."""
    rows = []
    for label, index in result.representative():
        row = result.rows[index]
        caption = f"{label}: {row.name}, {result.first} {row.values[str(result.first)]:.4g}"
        rows.append((caption, [mine.read(row.name, channels), theirs.read(row.name, channels)]))
    return png(contact_sheet(rows, (mine.root.name, theirs.root.name)))
