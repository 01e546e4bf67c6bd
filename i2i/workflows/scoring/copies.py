"""`i2i evaluate --copies-of`: where the training pictures come from, and the sheet of suspected copies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...datasets.layouts.items import Single
from ...datasets.streams.loading import decode
from ...errors import DataError, PictureError
from ...evaluation.contact_sheet import contact_sheet
from ...evaluation.copies.metric import Copies
from ...evaluation.copies.search import Originals
from ...evaluation.evaluate import Evaluation
from ...files import write_atomically
from ...images.find import find_pictures
from ...images.image import Array
from ..progress import Bars
from .pairs import EvaluationSet
from .sheet import png

TRAIN = "train"
"""The word for the training pictures of the data that is scored."""
MOST_SHOWN = 12
"""Pairs on the sheet."""


def copies_of(wanted: str, found: EvaluationSet | None = None) -> Copies:
    """What outputs are searched in: the pictures below a folder, or `train`, those that `found` was split from.

    Raises DataError when there are none.
    """
    if wanted == TRAIN and found is not None:
        originals = Originals(_of_training(found))
    else:
        paths = find_pictures(Path(wanted)) if Path(wanted).is_dir() else []
        with Bars() as bars:
            read = bars.counted(_below(Path(wanted), paths), "Training pictures", len(paths), "pictures")
            originals = Originals(read)
    if not originals.names:
        raise DataError(f"--copies-of {wanted} names no training pictures. Name the folder that they lie in.")
    return Copies(originals)


def write_copies(copies: Copies, result: Evaluation, path: Path) -> str:
    """The sheet of the likeliest pairs, and what there is to say of them; no sheet where there is no suspect."""
    rows = []
    for suspect in copies.suspects[:MOST_SHOWN]:
        caption = f"{result.rows[suspect.output].name}: {suspect.original}, similarity {suspect.similarity:.2f}"
        rows.append((caption, suspect.pictures))
    if not rows:
        path.unlink(missing_ok=True)  # of an evaluation before
    else:
        write_atomically(path, png(contact_sheet(rows, ("output", "training picture"))))
    said = f"Copies: {len(copies.suspects):,} of {len(result.rows):,} outputs are suspected, beyond a similarity of "
    said += f"{copies.limit:.2f}." + (f" Look at {path}: output and training picture side by side." if rows else "")
    if copies.duplicates:
        said += f" {copies.duplicates:,} held-out pictures are in the training set themselves and did not count."
    return said


def _of_training(found: EvaluationSet) -> Iterator[tuple[str, Array]]:
    if found.unpaired:
        yield from ((f"training picture {n}", picture) for n, picture in enumerate(found.of_domain(1)))
    else:
        yield from ((f"training pair {n}", y) for n, (_, y) in enumerate(found.learned()))


def _below(root: Path, paths: list[Path]) -> Iterator[tuple[str, Array]]:
    for path in paths:
        try:
            yield path.relative_to(root).as_posix(), decode(Single(path.stem, path, 0))[0]
        except PictureError:
            continue
