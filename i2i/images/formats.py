"""The kinds of picture files, a row each: names, what a file can hold, who reads and who writes it.

Everything else is made of this table: which files of a folder are pictures, which decoders a file may reach, what
`--format` takes, and the sentences that list formats. Help texts read it, so neither numpy nor Pillow is imported
before a row's reader or writer is called.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UnknownNameError
from ..text import listed

if TYPE_CHECKING:
    from .image import Opened, Picture

Reader = Callable[[Path | bytes], "Opened | None"]
"""Opens a file that Pillow would cut or refuse; gives None where Pillow reads it whole."""
Writer = Callable[["Picture", int], bytes]
"""From a picture and a quality (1 to 100) to the bytes of a file."""


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
    pillow: str
    """Pillow's name of the decoder that a file of this kind may reach."""
    mime: str
    writer: Writer | None
    """None where files of this kind are read alone."""
    reader: Reader | None = None
    """For the files of this kind that Pillow would cut to 8 bits or refuse."""
    depths: tuple[int, ...] = (8,)
    """Bits a channel that a written file holds; 32 are floats."""
    alpha: bool = True
    """Whether a written file holds alpha."""
    bands: bool = False
    """Whether it holds other counts of channels than grey and RGB."""
    frames: bool = False
    """Whether a file may be an animation or a book of pages; i2i reads those of one frame alone."""
    lossy: bool = False
    """Whether `--quality` matters."""


FORMATS: dict[str, Format] = {
    "jpg": Format("JPEG", (".jpg", ".jpeg", ".jfif", ".jpe"), "JPEG", "image/jpeg", late(".encode", "jpeg"),
                  alpha=False, lossy=True),
    "png": Format("PNG", (".png",), "PNG", "image/png", late(".codecs.png", "write"), late(".codecs.png", "open_deep"),
                  depths=(8, 16), frames=True),
    "webp": Format("WebP", (".webp",), "WEBP", "image/webp", late(".encode", "webp"), frames=True, lossy=True),
    "tiff": Format("TIFF", (".tiff", ".tif"), "TIFF", "image/tiff", late(".codecs.tiff", "write"),
                   late(".codecs.tiff", "open_tiff"), depths=(8, 16, 32), bands=True, frames=True),
    "bmp": Format("BMP", (".bmp",), "BMP", "image/bmp", late(".encode", "eight_bits", "BMP")),
}  # fmt: skip
"""By the word that `--format` takes. A format that Pillow reads and writes in 8 bits is a row like that of BMP."""


def suffixes() -> tuple[str, ...]:
    """Every suffix that is the name of a picture, in alphabetical order."""
    return tuple(sorted(suffix for row in FORMATS.values() for suffix in row.suffixes))


def written() -> tuple[str, ...]:
    """The keys of FORMATS that can be written."""
    return tuple(name for name, row in FORMATS.items() if row.writer)


def format_titles(last: str = "or") -> str:
    """`JPEG, PNG, WebP, TIFF or BMP`."""
    return listed(*(row.title for row in FORMATS.values()), last=last)


def lossy_titles() -> str:
    """`JPEG and WebP`."""
    return listed(*(row.title for row in FORMATS.values() if row.lossy), last="and")


def flag_for_bands() -> str:
    """`--format tiff`: the way out where a picture has other bands than grey or RGB."""
    return f"--format {listed(*(name for name, row in FORMATS.items() if row.bands and row.writer))}"


def format_of(suffix: str) -> str:
    """The name in FORMATS of a suffix such as `.JPEG`; raises UnknownNameError on others."""
    for name, row in FORMATS.items():
        if suffix.lower() in row.suffixes:
            return name
    raise UnknownNameError("picture format", suffix, suffixes())
