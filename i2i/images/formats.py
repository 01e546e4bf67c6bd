"""The kinds of picture files, a row each: names, what a file can hold, who reads and who writes it.

Everything else is made of this table: which files of a folder are pictures, which decoders a file may reach, what
`--format` takes, and the sentences that list formats. Help texts read it, so neither numpy nor Pillow is imported
before a row's reader or writer is called.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UnknownNameError
from ..text import listed

if TYPE_CHECKING:
    from .image import Opened, Picture, Timing
    from .structure.counted import Counted

Reader = Callable[[Path | bytes], "Opened | None"]
"""Opens a file that Pillow would cut or refuse; gives None where Pillow reads it whole."""
Writer = Callable[["Picture", int], bytes]
"""From a picture and a quality (1 to 100) to the bytes of a file."""

Look = Callable[["Counted"], None]
"""Raises PictureError where a file would cost its decoder more than its pixels do (structure)."""

FrameWriter = Callable[["Sequence[Picture]", "Timing", int], bytes]
"""From frames, their timing and a quality to the bytes of a file."""


def late(module: str, name: str, *first: Any) -> Callable[..., Any]:
    """The function `name` of a module of this package, with `first` before its arguments; imported when called."""

    def call(*arguments: Any) -> Any:
        return getattr(importlib.import_module(module, __package__), name)(*first, *arguments)

    return call


@dataclasses.dataclass(frozen=True)
class Format:
    """One kind of picture file."""

    title: str
    """What sentences call it."""
    suffixes: tuple[str, ...]
    """File names that have this format; the first is used for new ones."""
    pillow: str | None
    """Pillow's name of the decoder that a file of this kind may reach; None where the reader does without."""
    mime: str
    writer: Writer | None
    """None where files of this kind are read alone."""
    reader: Reader | None = None
    """For the files of this kind that Pillow would cut to 8 bits or refuse."""
    begins: bytes = b""
    """What such a file begins with, as a regular expression; without one, what no other row claims goes to `reader`."""
    depths: tuple[int, ...] = (8,)
    """Bits a channel that a written file holds; 32 are floats."""
    alpha: bool = True
    """Whether a written file holds alpha."""
    bands: bool = False
    """Whether it holds other counts of channels than grey and RGB."""
    frames: bool = False
    """Whether a file may be an animation or a book of pages; one picture is read of those of one frame alone."""
    frame_writer: FrameWriter | None = None
    """From several pictures of one size (of any, in pages) to a file; None where `writer` cannot hold several."""
    lossy: bool = False
    """Whether `--quality` matters."""
    kept_as: str = "png"
    """What `--format keep` writes where there is no writer; a key of FORMATS."""
    quick: Writer | None = None
    """Writes the same in less time and more room, for what is sent at once; None where `writer` is as quick."""
    look: Look | None = None
    """Counts what stands in such a file beside its pixels; without one, no list in it has a length that it says."""
    public: bool = False
    """Whether a server takes it from strangers."""
    metadata: tuple[str, ...] = ()
    """What a written file holds beside the pixels: fields of `Picture`, or `comment` for one text of that name. The
    resolution stands in EXIF where this names `exif` and no `dpi`. What it does not name is left out, and that is said;
    the row's writer gets a picture that has nothing else."""


FORMATS: dict[str, Format] = {
    "jpg": Format("JPEG", (".jpg", ".jpeg", ".jfif", ".jpe"), "JPEG", "image/jpeg", late(".encode", "jpeg"),
                  late(".codecs.deep_jpeg", "open_deep"), rb"\xff\xd8\xff", alpha=False, lossy=True,
                  look=late(".structure.jpeg", "look"), public=True,
                  metadata=("icc", "exif", "xmp", "iptc", "dpi", "comment")),
    "mpo": Format("MPO", (".mpo",), "JPEG", "image/mpo", None, begins=rb"\xff\xd8\xff", kept_as="jpg", public=True),
    "png": Format("PNG", (".png",), "PNG", "image/png", late(".codecs.png", "write"), late(".codecs.png", "open_deep"),
                  rb"\x89PNG\r\n\x1a\n", depths=(8, 16), frames=True, quick=late(".codecs.png", "write_quickly"),
                  frame_writer=late(".frames", "animation", "PNG"),
                  look=late(".structure.png", "look"), public=True,
                  metadata=("icc", "colour_chunks", "exif", "xmp", "iptc", "dpi", "texts")),
    "webp": Format("WebP", (".webp",), "WEBP", "image/webp", late(".encode", "webp"), None, rb"RIFF.{4}WEBP",
                   frames=True, frame_writer=late(".frames", "animation", "WEBP"), lossy=True,
                   look=late(".structure.riff", "look"), public=True,
                  metadata=("icc", "exif", "xmp")),
    "tiff": Format("TIFF", (".tiff", ".tif"), "TIFF", "image/tiff", late(".codecs.tiff", "write"),
                   late(".codecs.tiff", "open_tiff"), rb"(II|MM)(\0[*+]|[*+]\0)",
                   depths=(8, 16, 32), bands=True, frames=True,
                   frame_writer=late(".codecs.tiff", "write_pages"),
                   look=late(".structure.tiff", "look"), public=True,
                  metadata=("icc", "exif", "xmp", "iptc", "dpi")),
    "bmp": Format("BMP", (".bmp",), "BMP", "image/bmp", late(".encode", "eight_bits", "BMP"), None, rb"BM",
                  look=late(".structure.bmp", "look"), public=True,
                  metadata=("dpi",)),
    "gif": Format("GIF", (".gif",), "GIF", "image/gif", None, begins=rb"GIF8[79]a", frames=True,
                  look=late(".structure.gif", "look"), public=True),
    "avif": Format("AVIF", (".avif",), "AVIF", "image/avif", late(".codecs.avif", "write"),
                   late(".codecs.avif", "open_deep"), rb".{4}ftyp(.{4})*?avi[fs]", frames=True,
                   frame_writer=late(".frames", "animation", "AVIF"), lossy=True,
                   look=late(".structure.boxes", "look"), public=True,
                  metadata=("icc", "exif", "xmp")),
    "jxl": Format("JPEG XL", (".jxl",), None, "image/jxl", late(".codecs.jxl", "write"),
                  late(".codecs.jxl", "open_jxl"), rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n",
                  depths=(8, 16, 32), lossy=True, metadata=("exif", "xmp")),
    "ppm": Format("PPM", (".ppm", ".pgm", ".pbm", ".pnm"), None, "image/x-portable-anymap", None,
                  late(".codecs.netpbm", "open_netpbm"), rb"P[1-6][\s#]"),
    "heic": Format("HEIC", (".heic", ".heif", ".hif"), None, "image/heic", None, late(".codecs.heic", "open_heic"),
                   rb".{4}ftyp(.{4})*?(hei[cxms]|hev[cxms])", look=late(".structure.boxes", "look"), public=True),
    "exr": Format("OpenEXR", (".exr",), None, "image/x-exr", None, late(".codecs.exr", "open_exr"),
                  rb"\x76\x2f\x31\x01", kept_as="tiff"),
    "tga": Format("TGA", (".tga",), "TGA", "image/x-tga", late(".encode", "eight_bits", "TGA"),
                  late(".codecs.tga", "open_tga")),
}  # fmt: skip
"""By the word that `--format` takes. A format that Pillow reads and writes in 8 bits is a row like that of BMP."""

HEAD = 64
"""Bytes of a file by which its rows are found."""


@functools.cache
def _beginning(begins: bytes) -> re.Pattern[bytes]:
    return re.compile(begins, re.DOTALL)


def claimed(head: bytes) -> list[Format]:
    """The rows whose files begin as this one does (its first HEAD bytes), or else those that say of no beginning."""
    found = [row for row in FORMATS.values() if row.begins and _beginning(row.begins).match(head)]
    return found or [row for row in FORMATS.values() if not row.begins]


def suffixes() -> tuple[str, ...]:
    """Every suffix that is the name of a picture, in alphabetical order."""
    return tuple(sorted(suffix for row in FORMATS.values() for suffix in row.suffixes))


def written() -> tuple[str, ...]:
    """The keys of FORMATS that can be written."""
    return tuple(name for name, row in FORMATS.items() if row.writer)


def format_titles(last: str = "or", public: bool = False) -> str:
    """`JPEG, MPO, PNG, … or TGA`; with `public` those that a server takes."""
    return listed(*(row.title for row in FORMATS.values() if row.public or not public), last=last)


def public_names() -> tuple[str, ...]:
    """The keys of FORMATS that a server takes."""
    return tuple(name for name, row in FORMATS.items() if row.public)


def lossy_titles() -> str:
    """`JPEG, WebP, AVIF and JPEG XL`."""
    return listed(*(row.title for row in FORMATS.values() if row.lossy), last="and")


def flag_for_frames(are_pages: bool) -> str:
    """`--format tiff`, or the ones for animations: the way out where a format holds one picture alone."""
    fit = [name for name, row in FORMATS.items() if row.frame_writer and (row.bands or not are_pages)]
    return f"--format {listed(*fit)}"


def flag_for_bands() -> str:
    """`--format tiff`: the way out where a picture has other bands than grey or RGB."""
    return f"--format {listed(*(name for name, row in FORMATS.items() if row.bands and row.writer))}"


def format_of(suffix: str) -> str:
    """The name in FORMATS of a suffix such as `.JPEG`; raises UnknownNameError on others."""
    for name, row in FORMATS.items():
        if suffix.lower() in row.suffixes:
            return name
    raise UnknownNameError("picture format", suffix, suffixes())
