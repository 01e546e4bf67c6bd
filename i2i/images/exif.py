"""EXIF: what of it says something of the picture, and what says how a file is laid out, which is another file's."""

from __future__ import annotations

from PIL import Image

DESCRIBING = {270, 271, 272, 282, 283, 296, 305, 306, 315, 33432, 34665, 34853}
"""TIFF tags that say something of the picture: maker, resolution, date, author, rights, EXIF, GPS."""
DIRECTORIES = {34665, 34853}
"""Those of them that are directories themselves: EXIF's own and GPS."""
ORIENTATION = 0x0112


def exif_of(image: Image.Image) -> Image.Exif:
    """Without the orientation; of a TIFF, whose "EXIF" is the whole directory, what says something of the picture."""
    exif = image.getexif()
    exif.pop(ORIENTATION, None)
    return _described(exif) if image.format == "TIFF" else exif


def exif_for_tiff(exif: bytes) -> Image.Exif:
    """What of a file's EXIF may stand in the directory of a TIFF, whose own tags of layout it must not replace."""
    given = Image.Exif()
    given.load(exif)
    return _described(given)


def has_directories(exif: Image.Exif) -> bool:
    """Whether it has EXIF's own directory or GPS; those that were put in do not count as tags."""
    return any(exif.get_ifd(tag) for tag in DIRECTORIES)


def packed(exif: Image.Exif) -> bytes | None:
    """As files carry it; None where it says nothing."""
    return exif.tobytes() if len(exif) or has_directories(exif) else None


def _described(exif: Image.Exif) -> Image.Exif:
    said = Image.Exif()  # a new one: that of a BigTIFF has another layout, which no other file takes
    said.update({tag: exif[tag] for tag in set(exif) & DESCRIBING - DIRECTORIES})
    for tag in set(exif) & DIRECTORIES:
        said.get_ifd(tag).update(exif.get_ifd(tag))
    return said
