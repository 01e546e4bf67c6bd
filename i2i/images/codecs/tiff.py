"""TIFF; by Pillow the plain kinds of 8 bits, by tifffile all that Pillow would cut, scale wrongly or refuse."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ...errors import PictureError, first_line
from ..encode import interleaved
from ..from_pillow import from_pil
from ..image import Array, Header, Opened, Picture, Timing
from ..metadata.tiff import (
    append_directories,
    directories_for_tiff,
    metadata_of_tiff,
    orientation_of_page,
    tags_for_tiff,
)
from ..orientation import upright
from ..source import first_bytes, opened, several_frames, source_name
from .other_kinds import BEGINNING, other_kind
from .tiff_samples import ASSOCIATED, UNASSOCIATED, Kind, declared, has_shallow_map, says_colours, to_picture, unread

if TYPE_CHECKING:
    import tifffile  # loaded for TIFFs alone, as it takes long

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""Of TIFF and BigTIFF, in either byte order."""

PLAIN = {
    (photometric, bits, extras)
    for photometric, depths, kinds in (
        (0, (1, 2, 4, 8), ((),)),
        (1, (1, 2, 4, 8), ((),)),
        (1, (8,), ((UNASSOCIATED,),)),
        (2, (8,), ((), (UNASSOCIATED,), (ASSOCIATED,))),
        (3, (1, 2, 4, 8), ((),)),
        (5, (8,), ((),)),
        (6, (8,), ((),)),
    )
    for bits in depths
    for extras in kinds
}
"""(photometric, bits, extra samples) that Pillow reads rightly, with the metadata, where samples are interleaved."""

BY_LIBTIFF = {1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34925, 50000}
"""Compressions that Pillow's libtiff reads: none, CCITT, LZW, JPEG, Deflate, PackBits, LZMA, Zstandard."""


FARTHEST = 1000
"""Pages that are looked at in search of one that is no thumbnail."""


@dataclasses.dataclass(frozen=True)
class Page:
    """The one page of a file that is its picture."""

    page: tifffile.TiffPage
    index: int
    """Among the file's pages."""
    count: int
    """Of pages; more than one is a book, unless the others are thumbnails and masks of this one."""
    single: bool
    raw: str | None
    """What the file is where it is a raw camera's, of which such pages are thumbnails."""


def open_tiff(source: Path | bytes) -> Opened | None:
    """A TIFF; None for any other file. Raises PictureError on kinds that are not read, and on damaged ones."""
    if first_bytes(source) not in SIGNATURES:
        return None
    return _opened(source, _main_page(source))


def _opened(source: Path | bytes, main: Page) -> Opened:
    if main.raw is not None:
        raise PictureError(f"{source_name(source)} is {main.raw}, which i2i does not read; save it as PNG or TIFF.")
    if not isinstance(main.page.bitspersample, int):
        raise PictureError(
            f"{source_name(source)} has bands of different depths ({main.page.bitspersample}), which i2i cannot read."
        )
    kind = declared(main.page)
    plain = _is_plain(kind) and says_colours(main.page) and not has_shallow_map(main.page)
    why = None if plain else unread(kind)
    if why is not None:
        way_out = "save it as grey or RGB of 8 or 16 bits"
        raise PictureError(f"{source_name(source)} is a TIFF of {why}, which i2i does not read; {way_out}.")
    return Opened(_header(main.page, kind), lambda: _decoded(source, main, kind, plain))


def _main_page(source: Path | bytes) -> Page:
    """The first page that is no thumbnail and no mask (NewSubfileType), or the first of all."""
    import tifffile

    try:
        with _file(source) as file, tifffile.TiffFile(file) as tiff:
            count, found = len(tiff.pages), []
            for index in range(min(count, FARTHEST)):
                page = tiff.pages[index]
                if not _is_beside(page):
                    found.append((page, index))
                if len(found) > 1:
                    break
            page, index = found[0] if found else (tiff.pages.first, 0)
            _ = page.colormap  # kept by the page, which cannot read it once the file is closed
            return Page(page, index, count, len(found) < 2, _raw(source, tiff.pages.first))
    except Exception as error:
        raise PictureError(f"{source_name(source)} is damaged or cut short ({first_line(error)}).") from error


def _is_beside(page: tifffile.TiffPage) -> bool:
    """Whether it is a thumbnail or a mask of another."""
    return bool(page.is_reduced or page.is_mask or page.tags.valueof(255) == 2)


def open_pages(source: Path | bytes) -> list[Opened]:
    """Each page that is no thumbnail and no mask; raises PictureError as `open_tiff` does."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(source) if isinstance(source, bytes) else source) as tiff:
        found = [(n, page) for n in range(len(tiff.pages)) if not _is_beside(page := tiff.pages[n])]
        return [_opened(source, Page(page, n, len(found), True, _raw(source, page))) for n, page in found]


def _raw(source: Path | bytes, first: tifffile.TiffPage) -> str | None:
    """What raw camera file this is, by its signature, its version of DNG or the values in its sub-directories."""
    if 50706 in first.tags:
        return "a raw picture of a camera (DNG)"
    if any(page.photometric in (32803, 34892) for page in (first.pages or ())[:8] if 330 in first.tags):
        return "a raw picture of a camera"
    return other_kind(first_bytes(source, BEGINNING))


def _is_plain(kind: Kind) -> bool:
    by_pillow = kind.compression in BY_LIBTIFF and (kind.photometric, kind.bits, kind.extras) in PLAIN
    layout = not kind.planar or (kind.photometric, kind.samples) == (2, 3)
    raw_ycbcr = kind.photometric == 6 and kind.compression == 1
    return by_pillow and kind.format == 1 and kind.inks == 1 and layout and not raw_ycbcr


def _header(page: tifffile.TiffPage, kind: Kind) -> Header:
    """Size, channels and depth, upright."""
    width, height = page.imagewidth, page.imagelength
    if orientation_of_page(page) in (5, 6, 7, 8):  # a quarter turn
        width, height = height, width
    return Header(width, height, 3 if kind.photometric == 6 else kind.channels, kind.depth)


def _decoded(source: Path | bytes, main: Page, kind: Kind, plain: bool) -> Picture:
    import tifffile

    if not main.single:
        raise several_frames(source, main.count)
    with _file(source) as file, tifffile.TiffFile(file) as tiff:
        page = tiff.pages[main.index]
        orientation = orientation_of_page(page)
        beside = metadata_of_tiff(file, page, orientation)
        _check_jpegs(source, file, page)
    if not plain:
        return dataclasses.replace(_by_tifffile(source, main, kind), **beside)
    with opened(source) as image:
        image.seek(main.index)
        image.getexif()[274] = orientation  # where there is no such tag, Pillow would take what XMP says
        return dataclasses.replace(from_pil(image), **beside)


def _check_jpegs(source: Path | bytes, file: IO[bytes], page: tifffile.TiffPage) -> None:
    """Raises PictureError where a part that is a JPEG lacks its end: decoders would fill it with grey."""
    if int(page.compression) != 7:
        return
    for place, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        file.seek(max(place, place + count - 64))
        if count and b"\xff\xd9" not in file.read(
            min(count, 64)
        ):  # entropy-coded data has none, but padding may follow
            raise PictureError(f"{source_name(source)} is damaged or cut short (a part of its pixels has no end).")


def _file(source: Path | bytes) -> IO[bytes]:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _by_tifffile(source: Path | bytes, main: Page, kind: Kind) -> Picture:
    """The page as it is; raises PictureError for floats outside [0, 1]."""
    import tifffile

    with _file(source) as file, tifffile.TiffFile(file) as tiff:
        page = tiff.pages[main.index]
        if not (any(page.dataoffsets) and any(page.databytecounts)):  # tifffile would give zeros
            raise PictureError(f"{source_name(source)} is damaged: it says of no pixel where it is.")
        if any(place and not count for place, count in zip(page.dataoffsets, page.databytecounts, strict=False)):
            raise PictureError(f"{source_name(source)} is damaged: a part of its pixels has no bytes.")
        samples = page.asarray()
        orientation = orientation_of_page(page)
        picture = to_picture(_interleaved(samples, page, source), kind, page)
    if kind.format == 3 and not _in_range(picture):
        raise PictureError(f"{source_name(source)} has float values outside [0, 1]; scale it first.")
    turned = None if picture.alpha is None else np.ascontiguousarray(upright(picture.alpha, orientation))
    pixels = np.ascontiguousarray(upright(picture.pixels, orientation))
    return dataclasses.replace(picture, pixels=pixels, alpha=turned)


def _interleaved(samples: Array, page: tifffile.TiffPage, source: Path | bytes) -> Array:
    """(H, W, samples), whatever the layout; raises PictureError for volumes."""
    if page.axes.startswith("S"):
        samples = np.moveaxis(samples, 0, -1)
    if samples.ndim == 2:
        samples = samples[..., None]
    if samples.ndim != 3:
        raise PictureError(f"{source_name(source)} is a TIFF of {samples.ndim} dimensions ({page.axes}); i2i reads 2.")
    return samples


def _in_range(picture: Picture) -> bool:
    arrays = [picture.pixels] if picture.alpha is None else [picture.pixels, picture.alpha]
    return all(bool(np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1) for array in arrays)


def write(picture: Picture, _quality: int) -> bytes:
    """Any depth and any count of bands, with all metadata."""
    import tifffile

    whole = interleaved(picture)
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, byteorder="<") as tiff:
        _add(tiff, whole, picture)
    append_directories(buffer, directories_for_tiff(picture.exif))
    return buffer.getvalue()


def write_pages(pictures: Sequence[Picture], _timing: Timing, _quality: int) -> bytes:
    """A page each, of any depth and any size, with its profile and metadata; EXIF's own directory is the first's."""
    import tifffile

    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, byteorder="<") as tiff:
        for picture in pictures:
            _add(tiff, interleaved(picture), picture)
    append_directories(buffer, directories_for_tiff(pictures[0].exif))
    return buffer.getvalue()


def _add(tiff: tifffile.TiffWriter, whole: Array, picture: Picture) -> None:
    colours = 3 if picture.pixels.shape[2] == 3 else 1
    options: dict[str, Any] = {"photometric": "rgb" if colours == 3 else "minisblack"}
    if whole.ndim == 3:
        extra = whole.shape[2] - colours
        kinds = ["unspecified"] * extra if picture.alpha is None else ["unspecified"] * (extra - 1) + ["unassalpha"]
        options |= {"planarconfig": "contig", "extrasamples": kinds}
    if picture.dpi:
        options |= {"resolution": picture.dpi, "resolutionunit": "inch"}
    tiff.write(
        whole, compression="zlib", iccprofile=picture.icc, metadata=None, software=False,
        extratags=tags_for_tiff(picture), **options,
    )  # fmt: skip
