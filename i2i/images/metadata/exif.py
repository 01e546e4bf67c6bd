"""EXIF: what of it says something of the picture, and what says how a file is laid out, which is another file's."""

from __future__ import annotations

from PIL import Image

DESCRIBING = {270, 271, 272, 282, 283, 296, 305, 306, 315, 33432, 34665, 34853}
"""TIFF tags that say something of the picture: maker, resolution, date, author, rights, EXIF, GPS."""
DIRECTORIES = {34665, 34853}
"""Those of them that are directories themselves: EXIF's own and GPS."""
ORIENTATION = 0x0112


def exif_of(image: Image.Image) -> bytes | None:
    """Without the orientation; of a TIFF, whose "EXIF" is the whole directory, what says something of the picture.

    None where it is too damaged to be written again: that is no reason to lose the picture.
    """
    try:
        exif = image.getexif()
        exif.pop(ORIENTATION, None)
        if image.format == "TIFF":
            return _described(exif)[0]
        return exif.tobytes() if len(exif) else None
    except Exception:  # struct.error, KeyError, TypeError: values of other types than their tags have
        return None


def exif_for_tiff(exif: bytes | None) -> tuple[bytes | None, bool]:
    """What of it may stand in the directory of a TIFF, whose own tags of layout it must not replace.

    And whether there are directories in it.
    """
    given = Image.Exif()
    given.load(exif or b"")
    return _described(given)


def _described(exif: Image.Exif) -> tuple[bytes | None, bool]:
    said = Image.Exif()  # a new one: that of a BigTIFF has another layout, which no other file takes
    said.update({tag: exif[tag] for tag in set(exif) & DESCRIBING - DIRECTORIES})
    # One that is empty or damaged is left out, as asking a new Exif for it would put it in.
    directories = {tag: found for tag in set(exif) & DIRECTORIES if (found := exif.get_ifd(tag))}
    for tag, found in directories.items():
        said.get_ifd(tag).update(found)
    return said.tobytes() if len(said) or directories else None, bool(directories)
