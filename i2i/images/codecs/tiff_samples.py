"""What a TIFF declares of its samples, and samples into pixels by that: depth, colours, extra bands, alpha.

(TIFF 6.0, Adobe 1992; its Lab is that of D50. Values are never looked at to find out what they mean.)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..colour.inks import cmyk_to_srgb, lab_to_srgb
from ..image import Array, Picture, divided, full_scale

if TYPE_CHECKING:
    import tifffile  # loaded for TIFFs alone, as it takes long

ASSOCIATED, UNASSOCIATED = 1, 2
"""Values of ExtraSamples that are alpha: the colours are multiplied by it, or not."""


MOST_SAMPLES = 1024
"""A pixel; a damaged file may say 65535, and cameras of many bands have some hundreds."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a page says of its samples."""

    photometric: int
    samples: int
    """A pixel."""
    bits: int
    """Of one sample."""
    format: int
    """1 unsigned, 2 signed, 3 floats; 4, 5 and 6 are undefined or complex."""
    extras: tuple[int, ...]
    """What each sample beside the colours is (ExtraSamples)."""
    planar: bool
    compression: int
    inks: int
    """1 where the inks are cyan, magenta, yellow and black."""

    @property
    def alpha(self) -> int | None:
        """The place of the alpha among the samples."""
        colours = self.samples - len(self.extras)
        return next((colours + n for n, extra in enumerate(self.extras) if extra in (ASSOCIATED, UNASSOCIATED)), None)

    @property
    def is_associated(self) -> bool:
        """Whether the colours were multiplied by that alpha."""
        return next((extra for extra in self.extras if extra in (ASSOCIATED, UNASSOCIATED)), None) == ASSOCIATED

    @property
    def channels(self) -> int:
        """As `Picture.pixels` has them."""
        colour = COLOURS[self.photometric]
        return self.samples - (self.alpha is not None) - colour.samples + colour.becomes

    @property
    def depth(self) -> int:
        """Bits of a channel of the `Picture`: 8, 16 or 32."""
        return 32 if self.format == 3 else 8 if self.bits <= 8 or self.photometric == 3 else 16


@dataclasses.dataclass(frozen=True)
class Colour:
    """A PhotometricInterpretation that is read."""

    samples: int
    """Of a colour."""
    becomes: int
    """Channels that they become: 1 (grey) or 3 (RGB)."""
    convert: Callable[[Array, tifffile.TiffPage], Array]
    """(H, W, samples) of the picture's type -> (H, W, becomes) of the same."""
    formats: tuple[int, ...] = (1, 3)
    """Sample formats that are read."""
    depths: tuple[int, ...] = tuple(range(1, 17))
    """Bits of a sample that are read; those of floats are all."""


def declared(page: tifffile.TiffPage) -> Kind:
    """What the tags say. A fourth sample beside RGB of which nothing is said is alpha, as everywhere; else a band.

    Where nothing is said of the colours, three samples are RGB and fewer are grey, as libtiff takes it.
    """
    photometric, samples = int(page.photometric), int(page.samplesperpixel)
    if not says_colours(page):
        photometric = 2 if samples >= 3 else 1
    said = page.tags.valueof(338, ())
    extras = tuple(int(extra) for extra in (said if isinstance(said, tuple) else (said,)))
    beside = max(0, samples - COLOURS[photometric].samples) if photometric in COLOURS else len(extras)
    if photometric == 2 and beside == 1 and not extras:
        extras = (UNASSOCIATED,)
    extras = (extras + (0,) * beside)[:beside]
    form = page.tags.valueof(339, 1)
    form = form[0] if isinstance(form, tuple) else form
    planar = int(page.planarconfig) == 2 and samples > 1
    inks = int(page.tags.valueof(332, 1))
    return Kind(photometric, samples, page.bitspersample, int(form), extras, planar, int(page.compression), inks)


def says_colours(page: tifffile.TiffPage) -> bool:
    """Whether it has a PhotometricInterpretation, as every file should."""
    return 262 in page.tags


def has_shallow_map(page: tifffile.TiffPage) -> bool:
    """Whether a palette's colours are of 8 bits, where TIFF has 16: some writers did so (libtiff, `checkcmap`)."""
    return page.colormap is not None and page.colormap.max() < 256


def unread(kind: Kind) -> str | None:
    """What kind of TIFF this is, where it is none that is read; None where it is."""
    import tifffile

    if kind.photometric not in COLOURS:
        return UNREAD.get(kind.photometric, f"photometric interpretation {kind.photometric}")
    colour = COLOURS[kind.photometric]
    if kind.format not in colour.formats:
        return f"{SAMPLE_FORMATS.get(kind.format, 'undefined')} values of {kind.bits} bits"
    if kind.format != 3 and kind.bits not in colour.depths:
        return f"integers of {kind.bits} bits"
    if kind.samples > MOST_SAMPLES:
        return f"{kind.samples} samples a pixel"
    if kind.photometric == 5 and kind.inks != 1:
        return "inks that are not cyan, magenta, yellow and black"
    if kind.samples < colour.samples:
        return f"{kind.samples} samples a pixel, where its colours are {colour.samples}"
    try:
        tifffile.TIFF.DECOMPRESSORS[kind.compression]
    except KeyError:
        return f"compression {_name(tifffile.COMPRESSION, kind.compression)}"
    return None


def to_picture(samples: Array, kind: Kind, page: tifffile.TiffPage) -> Picture:
    """(H, W, samples), as tifffile gives them, upright or not, as a picture; floats must lie in [0, 1]."""
    colour = COLOURS[kind.photometric]
    whole = _widened(samples, kind)
    alpha = None if kind.alpha is None else np.ascontiguousarray(whole[..., kind.alpha])
    colours = whole[..., : colour.samples]
    if alpha is not None and kind.is_associated:
        colours = divided(colours, alpha)
    others = [n for n in range(colour.samples, kind.samples) if n != kind.alpha]
    pixels = colour.convert(colours, page)
    if others:
        pixels = np.concatenate([pixels, whole[..., others]], axis=2)
    kept = page.tags.valueof(34675) if colour.convert in (_as_it_is, _inverted) else None
    return Picture(np.ascontiguousarray(pixels), alpha, kept)


def _widened(samples: Array, kind: Kind) -> Array:
    """Of the type that a `Picture` has, full scale: 4095 of 12 bits is 65535."""
    if kind.format == 3:
        return samples.astype(np.float32)
    wanted = np.uint8 if kind.bits <= 8 else np.uint16
    if kind.bits in (8, 16):
        return samples.view(wanted) if samples.dtype.itemsize * 8 == kind.bits else samples.astype(wanted)
    if kind.photometric == 3:  # indices have no scale
        return samples.astype(wanted)
    return full_scale(samples, (1 << kind.bits) - 1)


def _as_it_is(colours: Array, _page: tifffile.TiffPage) -> Array:
    return colours


def _inverted(colours: Array, _page: tifffile.TiffPage) -> Array:
    white = np.float32(1) if colours.dtype == np.float32 else np.iinfo(colours.dtype).max
    return np.asarray(white - colours)


def _from_palette(indices: Array, page: tifffile.TiffPage) -> Array:
    colours = page.colormap if has_shallow_map(page) else page.colormap >> 8
    return np.asarray(colours.astype(np.uint8).T[indices[..., 0]])


def _from_cmyk(inks: Array, page: tifffile.TiffPage) -> Array:
    return cmyk_to_srgb(inks, page.tags.valueof(34675))


def _from_cielab(lab: Array, _page: tifffile.TiffPage) -> Array:
    """Of TIFF itself: a and b are signed."""
    full = np.iinfo(lab.dtype).max
    signed = lab[..., 1:].view(np.int8 if full == 255 else np.int16)
    ab = signed.astype(np.float32) / (1 if full == 255 else 256)
    return lab_to_srgb(np.dstack([lab[..., 0] * np.float32(100 / full), ab]), lab.dtype)


def _from_icclab(lab: Array, _page: tifffile.TiffPage) -> Array:
    """As ICC profiles of version 2 encode it: a and b begin at -128, and L of 16 bits ends at 0xFF00."""
    shallow = lab.dtype == np.uint8
    lightness = lab[..., 0] * np.float32(100 / (255 if shallow else 0xFF00))
    ab = lab[..., 1:] / np.float32(1 if shallow else 256) - 128
    return lab_to_srgb(np.dstack([lightness, ab]), lab.dtype)


COLOURS: dict[int, Colour] = {
    0: Colour(1, 1, _inverted),
    1: Colour(1, 1, _as_it_is),
    2: Colour(3, 3, _as_it_is),
    3: Colour(1, 3, _from_palette, formats=(1,)),
    5: Colour(4, 3, _from_cmyk),
    8: Colour(3, 3, _from_cielab, formats=(1, 2), depths=(8, 16)),
    9: Colour(3, 3, _from_icclab, formats=(1,), depths=(8, 16)),
}
"""The photometric interpretations that are read: white is zero, black is zero, RGB, palette, CMYK, CIELab, ICCLab."""

UNREAD = {
    4: "a transparency mask",
    6: "YCbCr that is not compressed as JPEG",
    10: "ITU Lab",
    32803: "raw camera values (CFA)",
    32844: "LogL luminances",
    32845: "LogLuv luminances",
    34892: "raw camera values (linear)",
    51177: "depths",
    52527: "a semantic mask",
}
"""What sentences call the others."""

SAMPLE_FORMATS = {1: "unsigned", 2: "signed", 3: "float", 4: "undefined", 5: "complex", 6: "complex"}
"""What sentences call a SampleFormat."""


def _name(names: type, number: int) -> str:
    try:
        return str(names(number).name).replace("_", " ")
    except ValueError:
        return str(number)
