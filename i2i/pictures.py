"""Files into arrays: the one decoder that training, conversion and the server share (numpy and Pillow only).

How each kind of file is read is decided here, on purpose, and docs/pictures.md says the same in words:
EXIF orientation is applied; palettes become RGB; one-bit becomes grey; CMYK becomes sRGB (through its ICC profile
when it has one); alpha is kept apart; depth follows the file's type, never its values; animations are refused.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from .errors import PictureError, PictureTooLargeError, first_line

Array = npt.NDArray[Any]

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
"""The only decoders that a file may reach; others (PDF, EPS, FITS, …) have a history of holes."""

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})

_DESCRIBING = {270, 271, 272, 282, 283, 296, 305, 306, 315, 33432, 34665, 34853}
"""TIFF tags that say something of the picture: maker, resolution, date, author, rights, EXIF, GPS."""

MAX_PIXELS = 178_000_000
"""Largest picture read unless the caller says otherwise, in pixels."""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A decoded picture, upright."""

    pixels: Array
    """(H, W, C) uint8, uint16 or float32 in [0, 1]; C is 1 (grey), 3 (RGB) or the bands of a TIFF; no alpha."""
    alpha: Array | None = None
    """(H, W), of the same type as `pixels`."""
    icc: bytes | None = None
    exif: bytes | None = None
    """Without the orientation, which has been applied."""


@dataclasses.dataclass(frozen=True)
class Header:
    """What a file says of itself before it is decoded, upright."""

    width: int
    height: int
    channels: int
    """As `Picture.pixels` will have them: alpha does not count."""
    depth: int
    """Bits a channel: 8, 16 or 32."""


def is_picture(path: Path) -> bool:
    """Whether the name is that of a picture that we read; hidden files are not."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def find_pictures(root: Path) -> list[Path]:
    """Every picture below `root`, hidden folders left out, sorted by path."""
    below = (p for p in root.rglob("*") if is_picture(p) and p.is_file())
    return sorted(p for p in below if not any(part.startswith(".") for part in p.relative_to(root).parts))


def read_header(source: Path | bytes) -> Header:
    """Size and channels, read without decoding; raises PictureError when the file is no picture."""
    with _damage_said(source):
        if _is_measured(source):
            return _tiff_header(source)
        with _opened(source) as image:
            width, height = image.size
            # Pillow turns the size of a TIFF itself
            if image.format != "TIFF" and _orientation(image) in (5, 6, 7, 8):
                width, height = height, width
            if deep := _deep_png(source):
                return Header(width, height, 1 if deep == "grey with alpha" else 3, 16)
            grey = image.mode in ("1", "L", "LA", "I;16", "I;16B", "I;16L", "I", "F")
            return Header(width, height, 1 if grey else 3, 16 if image.mode.startswith("I;16") else 8)


def read_picture(source: Path | bytes, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode a file or its bytes; raises PictureError, or PictureTooLargeError before decoding."""
    with _damage_said(source):
        if _is_measured(source):
            header = _tiff_header(source)
            _check_size(source, header.width, header.height, max_pixels)
            return _read_tiff(source)
        with _opened(source) as image:
            _check_size(source, *image.size, max_pixels)
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":  # MPO: a photograph with its preview
                raise PictureError(f"{_name(source)} holds {frames} frames; i2i reads single pictures.")
            orientation = _orientation(image)
            picture = from_pil(image)
            deep = _deep_png(source) and "transparency" not in image.info
            return _at_full_depth(picture, source, orientation) if deep else picture


def _deep_png(source: Path | bytes) -> str:
    """Which kind of 16-bit PNG this is that Pillow would cut to 8 bits, or nothing when it is none."""
    head = _first_bytes(source, 26)
    if head[:8] != b"\x89PNG\r\n\x1a\n" or len(head) < 26 or head[24] != 16:
        return ""
    return {2: "RGB", 4: "grey with alpha", 6: "RGB with alpha"}.get(head[25], "")


def _at_full_depth(picture: Picture, source: Path | bytes, orientation: int) -> Picture:
    """The picture that Pillow has read from a 16-bit PNG, with all 16 bits."""
    array = imagecodecs.png_decode(source if isinstance(source, bytes) else source.read_bytes())
    array = _turned(array, orientation)
    alpha = array[..., -1] if array.shape[2] in (2, 4) else None
    pixels = array if alpha is None else array[..., :-1]
    return dataclasses.replace(picture, pixels=np.ascontiguousarray(pixels), alpha=alpha)


@contextlib.contextmanager
def _damage_said(source: Path | bytes) -> Iterator[None]:
    try:
        yield
    except PictureError:
        raise
    except MemoryError as error:  # a damaged header can ask for any size
        raise PictureError(f"{_name(source)} is damaged, or there is not enough memory for it.") from error
    except Exception as error:  # decoders raise anything: OSError, SyntaxError, struct.error, TypeError, ValueError …
        raise PictureError(f"{_name(source)} is damaged or cut short ({first_line(error)}).") from error


def with_channels(pixels: Array, channels: int) -> Array:
    """(H, W, C) as (H, W, channels): RGB to grey by Rec. 601 luma, grey to RGB by repetition, else refused.

    Raises PictureError where no such conversion means anything (five bands to RGB, say).
    """
    have = pixels.shape[2]
    if have == channels:
        return pixels
    if have == 1 and channels == 3:
        return np.repeat(pixels, 3, axis=2)
    if have == 3 and channels == 1:
        luma = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
        grey = luma if pixels.dtype == np.float32 else np.rint(luma)
        return grey.astype(pixels.dtype)[..., None]
    raise PictureError(f"The picture has {have} channels where {channels} are needed.")


def to_float(pixels: Array) -> npt.NDArray[np.float32]:
    """Any `Picture.pixels` as float32 in [0, 1]; the depth is the type's, never guessed from the values."""
    if pixels.dtype == np.float32:
        return pixels
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def to_uint8(pixels: Array) -> npt.NDArray[np.uint8]:
    """Any `Picture.pixels` as uint8, rounded to the nearest value."""
    if pixels.dtype == np.uint8:
        return pixels
    return np.rint(np.clip(to_float(pixels), 0, 1) * 255).astype(np.uint8)


def to_pil(pixels: Array) -> Image.Image:
    """(H, W, 1 or 3) as an 8-bit Pillow picture; of other counts the first three bands are shown."""
    shown = to_uint8(pixels)
    return Image.fromarray(shown[..., 0] if shown.shape[2] < 3 else shown[..., :3])


@contextlib.contextmanager
def _opened(source: Path | bytes) -> Iterator[Image.Image]:
    """The file as Pillow sees it, undecoded."""
    if (len(source) if isinstance(source, bytes) else _size(source)) == 0:
        raise PictureError(f"{_name(source)} is empty (0 bytes).")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit says it better
            image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS)
    except Image.DecompressionBombError as error:
        limit = f"the limit is {MAX_PIXELS / 1e6:.0f} megapixels"
        raise PictureTooLargeError(f"{_name(source)} is too large to be decoded; {limit}.") from error
    except UnidentifiedImageError as error:
        raise PictureError(f"{_name(source)} is not a JPEG, PNG, WebP, TIFF or BMP picture.") from error
    except Exception as error:  # a damaged header can raise nearly anything
        of_the_system = isinstance(error, OSError) and error.errno is not None
        what = "cannot be opened" if of_the_system else "is damaged or cut short"
        raise PictureError(f"{_name(source)} {what} ({first_line(error)}).") from error
    with image:
        yield image


def _orientation(image: Image.Image) -> int:
    """1 to 8, without decoding: Pillow would decode a PNG whole in search of an EXIF chunk at its end."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # damaged EXIF: decoding decides what the file is worth
        return 1


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise PictureError(f"{path} cannot be opened ({error.strerror}).") from error


def from_pil(image: Image.Image) -> Picture:
    """A Pillow picture as arrays, upright; may raise whatever Pillow's decoder raises."""
    icc, exif = image.info.get("icc_profile"), image.getexif()
    upright = ImageOps.exif_transpose(image)
    exif.pop(0x0112, None)
    if image.format == "TIFF":  # there the "EXIF" is the whole directory, with the layout of this very file
        for tag in set(exif) - _DESCRIBING:
            del exif[tag]
    if upright.mode == "CMYK":
        upright, icc = _cmyk_to_srgb(upright, icc), None
    elif upright.mode in ("P", "L", "RGB") and "transparency" in upright.info:  # one colour is see-through
        upright = upright.convert("LA" if upright.mode == "L" else "RGBA")
    elif upright.mode == "P":
        upright = upright.convert("RGB")
    elif upright.mode == "1":
        upright = upright.convert("L")
    elif upright.mode not in ("L", "LA", "RGB", "RGBA") and not upright.mode.startswith("I"):
        upright = upright.convert("RGB")  # YCbCr, LAB, HSV
    array = np.asarray(upright)
    if upright.mode.startswith("I"):  # Pillow's ways to hold 16-bit grey
        array = np.clip(array, 0, 65535).astype(np.uint16)
    if array.ndim == 2:
        array = array[..., None]
    alpha = array[..., -1] if upright.mode in ("LA", "RGBA") else None
    pixels = array if alpha is None else array[..., :-1]
    return Picture(np.ascontiguousarray(pixels), alpha, icc, exif.tobytes() if len(exif) else None)


def _cmyk_to_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    if icc:
        with contextlib.suppress(ImageCms.PyCMSError, OSError):  # a broken profile: the plain formula then
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
    return image.convert("RGB")


def _check_size(source: Path | bytes, width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise PictureTooLargeError(
            f"{_name(source)} has {width}x{height} = {width * height / 1e6:.0f} megapixels; "
            f"the limit is {max_pixels / 1e6:.0f}."
        )


def _is_measured(source: Path | bytes) -> bool:
    """Whether this is a TIFF that Pillow would cut to 8 bits or refuse: 16-bit colour, float, many bands."""
    if _first_bytes(source) not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return False
    page = _tiff_page(source)
    if not isinstance(page.bitspersample, int):
        raise PictureError(
            f"{_name(source)} has bands of different depths ({page.bitspersample}), which i2i cannot read."
        )
    grey, plain = page.photometric in (0, 1), page.photometric in (0, 1, 2)  # white is zero, black is zero, RGB
    bands = page.samplesperpixel
    many = bands > (2 if grey else 4) or (grey and bands == 2 and not _has_alpha(page, bands))
    return plain and (page.bitspersample > 8 or many)


def _has_alpha(page: tifffile.TiffPage, channels: int) -> bool:
    """Whether the last channel is alpha: it says so, or stands after RGB; other extra ones are bands."""
    said = bool(page.extrasamples) and page.extrasamples[-1] in (1, 2)
    return channels in (2, 4) and (said or (page.photometric == 2 and channels == 4))


def _first_bytes(source: Path | bytes, count: int = 4) -> bytes:
    if isinstance(source, bytes):
        return source[:count]
    try:
        with source.open("rb") as file:
            return file.read(count)
    except OSError:
        return b""  # _opened says why


def _tiff_header(source: Path | bytes) -> Header:
    page = _tiff_page(source)
    shape = page.shape if page.axes == "YX" else _last_channels(page.shape, page.axes)
    channels = 1 if len(shape) == 2 else shape[2]
    alpha = _has_alpha(page, channels)
    height, width = shape[:2]
    if page.tags.valueof(274, 1) in (5, 6, 7, 8):  # a quarter turn
        width, height = height, width
    return Header(width, height, channels - alpha, page.bitspersample)


def _tiff_page(source: Path | bytes) -> tifffile.TiffPage:
    try:
        with tifffile.TiffFile(io.BytesIO(source) if isinstance(source, bytes) else source) as tiff:
            return tiff.pages.first
    except Exception as error:
        raise PictureError(f"{_name(source)} is damaged or cut short ({first_line(error)}).") from error


def _last_channels(shape: tuple[int, ...], axes: str) -> tuple[int, ...]:
    """The shape with channels last, for planar files too."""
    return (*shape[1:], shape[0]) if axes.startswith("S") else shape


def _read_tiff(source: Path | bytes) -> Picture:
    with tifffile.TiffFile(io.BytesIO(source) if isinstance(source, bytes) else source) as tiff:
        if len(tiff.pages) > 1:
            raise PictureError(f"{_name(source)} holds {len(tiff.pages)} frames; i2i reads single pictures.")
        page = tiff.pages.first
        array = page.asarray()
        if array.ndim == 3 and page.axes.startswith("S"):
            array = np.moveaxis(array, 0, -1)
        if array.ndim == 2:
            array = array[..., None]
        array = _turned(array, int(page.tags.valueof(274, 1)))
        icc, has_alpha = page.tags.valueof(34675), _has_alpha(page, array.shape[2])
        inverted = page.photometric == 0
    if array.dtype not in (np.uint8, np.uint16):
        if array.dtype.kind != "f":
            raise PictureError(f"{_name(source)} has {array.dtype} values; 8 or 16 bits or floats are read.")
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
            raise PictureError(f"{_name(source)} has float values outside [0, 1]; scale it first.")
        array = array.astype(np.float32)
    if inverted:
        array = (1 if array.dtype == np.float32 else np.iinfo(array.dtype).max) - array
    pixels, alpha = (array[..., :-1], array[..., -1]) if has_alpha else (array, None)
    return Picture(np.ascontiguousarray(pixels), alpha, icc)


def _turned(array: Array, orientation: int) -> Array:
    """Upright, by the TIFF orientation tag (1 to 8)."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return array


def _name(source: Path | bytes) -> str:
    return "The picture" if isinstance(source, bytes) else str(source)
