"""Runs one exported model: an array or a picture of any size in, its translation out.

Everything about range, size and channels comes from the card inside the file. At the ONNX boundary pictures are
float32 NCHW in [0, 1].
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...card import Card
from ...errors import ModelFileError, PictureError, ProviderError, first_line
from ...hardware.system import available_threads
from ...images.convert import from_pil
from ...images.image import Picture, to_float, with_channels
from ..runtime.model_file import read_model
from ..runtime.providers import open_session
from .alpha import bleed_alpha
from .ensemble import ensembled
from .tiles import Tile, grid, halved, refuse_tiles, side_for

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]
Kind = TypeVar("Kind", Image.Image, Array)


class Engine:
    """A loaded model. `engine(picture)` translates a Pillow picture or an array; `engine.run` works on batches.

    Safe to call from several threads: a lock lets one computation run at a time, which is as fast (each uses every
    processor) and keeps the memory of one.
    """

    path: Path
    card: Card
    provider: str
    """`cuda`, `openvino` or `cpu`."""
    precision: str
    """`fp32`, `tf32` or `bf16`."""
    ensemble: bool
    """Whether pictures are the mean over flips and turns."""
    reason: str
    """One sentence: what runs the model, and why not something faster."""

    def __init__(
        self,
        path: str | Path,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        *,
        tile: Tile = "auto",
        ensemble: bool = False,
    ) -> None:
        """Load an ONNX file that carries a card; `threads` is the container's share unless given.

        `tile` is the inner side of tiles in input pixels, `off`, or `auto`: large pictures in tiles, where that gives
        the same (tiles.py). With `ensemble` pictures become the mean of what eight flips and turns of them give.

        Raises ModelFileError on a file that is not such a model, ProviderError when a named device cannot be used,
        RequestError for tiles of a model that has to see whole pictures.
        """
        self.path = Path(path)
        raw, self.card = read_model(self.path)
        refuse_tiles(self.card, tile)
        self.tile = tile
        try:
            running = open_session(raw, self.card, device, precision, threads or available_threads())
        except ModelFileError as error:
            raise ModelFileError(f"{self.path}: {error}") from error
        self.provider, self.precision, self.reason = running.provider, running.precision, running.reason
        self._session = running.session
        self._lock = threading.Lock()
        self.ensemble = ensemble
        self._answer = ensembled(self.run) if ensemble else self.run
        self._check_boundary()

    def __repr__(self) -> str:
        return f"Engine({str(self.path)!r}, provider={self.provider!r}, precision={self.precision!r})"

    def run(self, batch: FloatArray) -> FloatArray:
        """(N, C, H, W) in [0, 1], any size -> (N, C', H * scale, W * scale) in [0, 1]; C and C' are the card's.

        The picture is grown by reflection to a size that the network takes and cut back exactly. Where tiles give the
        same, large pictures go in tiles, and in smaller ones when memory does not suffice. Raises ValueError on an
        array of another shape or type, ProviderError when the answer holds values that are no numbers.
        """
        card = self.card
        if batch.ndim != 4 or batch.shape[1] != card.input_channels or 0 in batch.shape:
            raise ValueError(f"A batch is (N, {card.input_channels}, H, W), not {batch.shape}.")
        if batch.dtype != np.float32:
            raise ValueError(f"A batch is float32 in [0, 1], not {batch.dtype}.")
        height, width = batch.shape[2:]
        side = side_for(card, height, width, self.tile)
        while True:
            try:
                return self._whole(batch) if side is None else self._tiled(batch, side)
            except _MemoryError:
                side = halved(card, height, width, side, self.tile)
                if side is None:
                    raise

    def _tiled(self, batch: FloatArray, side: int) -> FloatArray:
        """The same in tiles of an inner side of about `side` input pixels."""
        card = self.card
        height, width = batch.shape[2:]
        out = np.empty((len(batch), card.output_channels, height * card.scale, width * card.scale), np.float32)
        for down, right in grid(height, width, side, card):
            part = self._whole(batch[:, :, down.outer, right.outer])
            out[:, :, down.place(card.scale), right.place(card.scale)] = part[
                :, :, down.kept(card.scale), right.kept(card.scale)
            ]
        return out

    def _whole(self, batch: FloatArray) -> FloatArray:
        card = self.card
        height, width = batch.shape[2:]
        grown = pad(batch, card.multiple, card.smallest)
        with self._lock:
            out = self._computed(np.ascontiguousarray(grown))
        expected = (len(batch), card.output_channels, *(side * card.scale for side in grown.shape[2:]))
        if out.shape != expected:
            raise ModelFileError(f"The model gave the shape {out.shape} where its card promises {expected}.")
        out = out[:, :, : height * card.scale, : width * card.scale]
        if not np.isfinite(out).all():
            raise ProviderError(
                f"The model gave values that are no numbers on {self.provider} in {self.precision}. "
                "Try --precision fp32, or --device cpu."
            )
        out = out.astype(np.float32, copy=False)
        return np.clip(out, 0, 1, out=out)  # in place, as an enlarged picture is large

    def _computed(self, batch: FloatArray) -> FloatArray:
        try:
            out: FloatArray = self._session.run(["translation"], {"image": batch})[0]
        except Exception as error:  # ONNX Runtime's own classes, which have no base but Exception
            said = first_line(error)
            height, width = batch.shape[2:]
            if "alloc" in said.lower() or isinstance(error, MemoryError):
                raise _MemoryError(f"There is not enough memory for a picture of {width}x{height} pixels.") from error
            raise ProviderError(f"The model failed on a picture of {width}x{height} pixels ({said}).") from error
        return out

    def translate(self, picture: Picture) -> Picture:
        """A decoded picture translated, of the same depth; alpha, profile and EXIF are carried over.

        Grey is repeated for an RGB model and RGB becomes luma for a grey one; raises PictureError on other counts
        of channels. What is enlarged or restored stays grey. A colour profile is dropped when grey became colour or the
        reverse: it describes neither. What alpha hides takes the visible colours around it first (bleed.py).
        """
        pixels = with_channels(picture.pixels, self.card.input_channels)
        planes = np.ascontiguousarray(to_float(pixels).transpose(2, 0, 1))
        if picture.alpha is not None:
            planes = bleed_alpha(planes, picture.alpha)
        out = self._answer(planes[None])[0].transpose(1, 2, 0)
        if self.card.keeps_content and picture.pixels.shape[2] == 1:
            out = with_channels(out, 1)
        alpha = picture.alpha if picture.alpha is None else _grown(picture.alpha, self.card.scale)
        icc = picture.icc if out.shape[2] == picture.pixels.shape[2] else None
        return Picture(_like(out, picture.pixels.dtype), alpha, icc, picture.exif)

    def __call__(self, picture: Kind) -> Kind:
        """A Pillow picture -> a Pillow picture (upright), or an array -> an array of the same type.

        Arrays are (H, W) or (H, W, C), uint8, uint16 or float32 in [0, 1]; one channel more than grey or RGB is
        alpha and stays. Raises PictureError on what is neither.
        """
        if isinstance(picture, Image.Image):
            return _to_pil(self.translate(from_pil(picture)))
        pixels, alpha = self._split(np.asarray(picture))
        done = self.translate(Picture(pixels, alpha))
        whole = done.pixels if done.alpha is None else np.dstack([done.pixels, done.alpha])
        return whole[..., 0] if picture.ndim == 2 and whole.shape[2] == 1 else whole

    def _split(self, array: Array) -> tuple[Array, Array | None]:
        """(H, W, C) and alpha or None."""
        if array.dtype not in (np.uint8, np.uint16, np.float32) or array.ndim not in (2, 3) or 0 in array.shape:
            raise PictureError(
                f"An array of shape {array.shape} and type {array.dtype} is no picture: "
                "give (H, W) or (H, W, C) of uint8, uint16 or float32 in [0, 1]."
            )
        whole = array[..., None] if array.ndim == 2 else array
        if whole.shape[2] in (2, 4) and whole.shape[2] != self.card.input_channels:
            return whole[..., :-1], whole[..., -1]
        return whole, None

    def _check_boundary(self) -> None:
        """The graph must have the inputs and outputs that every i2i file has."""
        names = [value.name for value in (*self._session.get_inputs(), *self._session.get_outputs())]
        if names != ["image", "translation"]:
            raise ModelFileError(
                f"{self.path} takes and gives {names}; i2i files take 'image' and give 'translation'. "
                f"Bring a foreign file into that form with `i2i adopt {self.path.name} OUT.onnx`."
            )


class _MemoryError(ProviderError):
    """Told apart, since smaller tiles may help."""


def pad(batch: FloatArray, multiple: int, smallest: int) -> FloatArray:
    """(N, C, H, W) grown at the right and bottom to multiples of `multiple`, at least `smallest`.

    By reflection, which can give at most size - 1 pixels, then by repeating the edge (the rule of spandrel).
    """
    grow = [(0, 0), (0, 0), *((0, padded_side(side, multiple, smallest) - side) for side in batch.shape[2:])]
    mirrored = [(0, min(more, side - 1)) for (_, more), side in zip(grow, batch.shape, strict=True)]
    repeated = [(0, more - part) for (_, more), (_, part) in zip(grow, mirrored, strict=True)]
    if any(more for _, more in mirrored):
        batch = np.pad(batch, mirrored, mode="reflect")
    if any(more for _, more in repeated):
        batch = np.pad(batch, repeated, mode="edge")
    return batch


def padded_side(side: int, multiple: int, smallest: int) -> int:
    """The least multiple of `multiple` that is no smaller than `side` and `smallest`."""
    return -(-max(side, smallest) // multiple) * multiple


def _like(values: FloatArray, dtype: np.dtype[Any]) -> Array:
    """[0, 1] as `dtype`: rounded to the nearest integer, in `values` itself; float32 stays as it is."""
    if dtype == np.float32:
        return np.ascontiguousarray(values)
    values *= np.float32(np.iinfo(dtype).max)  # in place, as an enlarged picture is large
    return np.rint(values, out=values).astype(dtype)


def _grown(alpha: Array, scale: int) -> Array:
    """(H, W) -> (H * scale, W * scale), bicubic."""
    if scale == 1:
        return alpha
    size = (alpha.shape[1] * scale, alpha.shape[0] * scale)
    resized = Image.fromarray(to_float(alpha), mode="F").resize(size, Image.Resampling.BICUBIC)
    return _like(np.clip(np.asarray(resized), 0, 1), alpha.dtype)


def _to_pil(picture: Picture) -> Image.Image:
    """As Pillow holds it: L, LA, RGB, RGBA or, for 16-bit grey, I;16. Raises PictureError on more bands."""
    pixels, alpha = picture.pixels, picture.alpha
    if pixels.shape[2] not in (1, 3):
        raise PictureError(f"Pillow holds no picture of {pixels.shape[2]} bands; give the engine an array instead.")
    whole = pixels if alpha is None else np.dstack([pixels, alpha])
    if whole.dtype != np.uint8 and whole.shape[2] > 1:  # Pillow has no deep colour
        whole = np.rint(to_float(whole) * 255).astype(np.uint8)
    return Image.fromarray(whole[..., 0] if whole.shape[2] == 1 else whole)
