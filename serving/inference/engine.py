"""Runs one exported model: an array or a picture of any size in, its translation out.

A translation is `prepare` (pixels to feeds), the computation, and `finish` (the answer to pixels). Everything about
range, size and channels comes from the card inside the file. At the ONNX boundary pictures are float32 NCHW in [0, 1].
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import hashlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...card import Card
from ...errors import I2IError, ModelFileError, require
from ...hardware.system import available_threads
from ...images.from_pillow import from_pil
from ...images.image import Picture
from ..runtime.model_file import read_model
from ..runtime.profiles import profile_of
from ..runtime.resolve import resolve_model
from .batcher import EXACT, LARGEST_BATCH, Batcher, Pending
from .by_size import BySize
from .controls import NO_CONTROLS, resolve_controls
from .courteous import Courteous
from .ensemble import Ensemble
from .executors import IMAGE, TRANSLATION, Executor, FloatArray, OutOfMemoryError
from .memory import Memory, give_back
from .opened import MAPS, ModelFile
from .planes import Canvas
from .prepared import Prepared, finish_picture, from_array, prepare_picture, to_array, to_pil
from .tiles import Tile, refuse_tiles

Array = npt.NDArray[Any]
Kind = TypeVar("Kind", Image.Image, Array)

QUICK = 2.0
"""Seconds of a run that are spent when a model is opened to see what memory it takes: what is not seen is taken to need
two and a half times as much, and large pictures are refused."""
GONE = "What i2i tune found best is not to be had any more; tune again, or i2i tune MODEL --forget."


class Engine:
    """A loaded model. `engine(picture)` translates a Pillow picture or an array; `engine.run` works on batches.

    Safe to call from several threads. `prepare` and `finish` take no lock and run side by side; the batcher lets one
    computation run at a time, which is as fast (each uses every processor) and keeps the memory of one.
    """

    path: Path
    card: Card
    sha256: str
    """Of the model's file."""
    provider: str
    """`cuda`, `openvino` or `cpu`."""
    precision: str
    """`fp32`, `tf32` or `bf16`."""
    deep_precision: str
    """The same for pictures of more than 8 bits: `fp32`, unless another was asked for."""
    ensemble: bool
    """Whether pictures are the mean over flips and turns."""
    maps: str
    """What feature maps are held in while a picture is computed in segments: `fp32` or `bf16`."""
    reason: str
    """In words: what runs the model, in which precision, and why not something faster."""
    batcher: Batcher
    """What all computations of the model go through."""

    def __init__(
        self,
        path: str | Path,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        *,
        tile: Tile = "auto",
        ensemble: bool = False,
        memory: int | None = None,
        maps: str = "fp32",
    ) -> None:
        """Load an ONNX file that carries a card, or that of a run directory; `threads` is what there is unless given.

        `tile` is the inner side of tiles in input pixels, `off`, or `auto`: large pictures in tiles, where that gives
        the same (tiles.py). With `ensemble` pictures become the mean over eight flips and turns. The process takes at
        most `memory` bytes; three quarters of what is free unless given. `maps` is what the feature maps of pictures
        that are computed in segments are held in: `fp32`, or `bf16`, which is half the memory and less exact. What
        `i2i tune` found is taken where `device` and `precision` are `auto` (and its tiles where `tile` is).

        Raises ModelFileError on a file that is not such a model, ProviderError when a named device cannot be used,
        RequestError for tiles of a model that has to see whole pictures, UnknownNameError for other `maps`.
        """
        named = Path(path)
        self.path = resolve_model(named) if named.is_dir() else named
        raw, self.card = read_model(self.path)
        self.sha256 = hashlib.sha256(raw).hexdigest()
        self._check_ports()
        refuse_tiles(self.card, tile)
        self.tile = tile
        self._file = ModelFile(self.path, self.card, self.sha256, device, threads or available_threads())
        require("precision of feature maps", maps, MAPS)
        self.maps = maps
        self._memory = Memory(memory)
        profile = profile_of(self.sha256) if (device, precision) == ("auto", "auto") else None
        file = self._file if profile is None else self._file.of(profile)
        running = None if profile is None else file.open_as(profile, raw if file is self._file else None)
        gone = "" if profile is None or running is not None else f" {GONE}"
        if profile is None or running is None:
            profile, file, running = None, self._file, self._file.open(precision, raw)
        if profile is not None and tile == "auto" and self.card.tiling == "local":
            self.tile = profile.tile
        self.provider, self.precision, self.reason = running.provider, running.precision, running.reason + gone
        self.deep_precision = "fp32" if precision == "auto" else self.precision
        if self.deep_precision != self.precision:
            self.reason += f" Pictures of 16 bits and of floats in {self.deep_precision}."
        self.ensemble = ensemble
        self._executor = file.executor(running, self.tile, self._memory, self.maps)
        self._opened = [self._executor]
        another = dataclasses.replace(running, session=None)  # type: ignore[arg-type]  # nobody holds the first one

        def open_another() -> Executor:
            beside = dataclasses.replace(another, session=another.reopen(file.read()))
            executor = file.executor(beside, self.tile, self._memory, self.maps, self._executor.peak)
            self._opened.append(executor)
            return self._with_views(executor)

        self._open_another = open_another
        self._deep: Executor | None = None
        self._opening = threading.Lock()
        largest = LARGEST_BATCH if self.provider in EXACT else 1
        largest = largest if profile is None else min(largest, profile.batch)
        self.batcher = Batcher(self._with_views(self._executor), largest)

    def __repr__(self) -> str:
        return f"Engine({str(self.path)!r}, provider={self.provider!r}, precision={self.precision!r})"

    def prepare(self, picture: Picture, controls: Mapping[str, object] = NO_CONTROLS) -> Prepared:
        """What the model is fed for a decoded picture, `controls` being values by port name, as users give them.

        Raises PictureError on channels that mean nothing to the model, UnknownNameError on ports that it has not.
        """
        return prepare_picture(picture, self.card, resolve_controls(self.card, controls, picture.pixels.shape[:2]))

    def run(self, batch: FloatArray, /, **controls: object) -> FloatArray:
        """(N, C, H, W) in [0, 1], any size -> (N, C', H * scale, W * scale) in [0, 1]; C and C' are the card's.

        The picture is grown by reflection to a size that the network takes and cut back exactly. Where tiles give the
        same, large pictures go in tiles, and in smaller ones when memory does not suffice. Raises ValueError on an
        array of another shape or type, ProviderError when the answer holds values that are no numbers.
        """
        if batch.ndim != 4 or batch.shape[1] != self.card.input_channels or 0 in batch.shape:
            raise ValueError(f"A batch is (N, {self.card.input_channels}, H, W), not {batch.shape}.")
        if batch.dtype != np.float32:
            raise ValueError(f"A batch is float32 in [0, 1], not {batch.dtype}.")
        each = resolve_controls(self.card, controls, batch.shape[2:])
        further = {name: np.repeat(array, len(batch), axis=0) for name, array in each.items()}
        return self.batcher.run(self._executor, {IMAGE: batch, **further})

    @property
    def executor(self) -> Executor:
        """What computes pictures of 8 bits, one view at a time."""
        return self._executor

    def foretold(self, height: int, width: int) -> tuple[int, int]:
        """Bytes of memory that a run takes for a picture of that size: the quickest way's, and the most frugal one's.

        To be on the safe side: from the graph, by what providers were measured to take, until runs have shown it.
        """
        return self._executor.foretold(height, width)

    def measure(self, beside: Callable[[], int] = lambda: 0) -> int:
        """Compute a picture of 512 pixels a side, or of 256 where that would take long (QUICK), to see what memory a
        run takes; gives the bytes that the session may keep of it, or 0. After `let_short_ones_by`. `beside` tells how
        many bytes others hold, who may come meanwhile.
        """
        self._compute_a_small_one()  # again: the first of a session takes longer, and others were at work beside it
        quick = (side for side in (512, 256) if self.batcher.seconds(side * side) <= QUICK)
        side = next(quick, None) if isinstance(self._executor, BySize) else None
        if side is None:
            return 0
        grey = Picture(np.full((side, side, self.card.input_channels), 128, np.uint8))
        with contextlib.suppress(I2IError):
            small = max(128, self.card.smallest) ** 2
            self._executor.measure(self.prepare(grey).feeds, small, beside)  # type: ignore[union-attr]
        return self.foretold(side, side)[0]

    def submit(self, prepared: Prepared) -> Pending:
        """Have a prepared picture computed: `result()` of what is given waits for its answer, for `finish`.

        Raises ModelFileError or ProviderError when the precision that its depth asks for cannot be had.
        """
        deep = prepared.is_deep and self.deep_precision != self.precision
        return self.batcher.submit(prepared.feeds, self._deep_executor() if deep else None, prepared.canvas)

    def finish(self, prepared: Prepared, answer: FloatArray | Canvas) -> Picture:
        """The model's (C', H', W'), which may be changed in place, as a picture of the depth that was prepared."""
        return finish_picture(prepared, answer, self.card)

    def translate(self, picture: Picture, /, **controls: object) -> Picture:
        """A decoded picture translated, of the same depth; alpha, profile and metadata are carried over (prepared.py).

        `controls` set the other ports: `label="winter"`, `**{"latent.seed": 3}` (controls.py). Raises what `prepare`
        and `run` raise.
        """
        prepared = self.prepare(picture, controls)
        return self.finish(prepared, self.submit(prepared).result())

    def __call__(self, picture: Kind, /, **controls: object) -> Kind:
        """A Pillow picture -> a Pillow picture (upright), or an array -> an array of the same type.

        Arrays are (H, W) or (H, W, C), uint8, uint16 or float32 in [0, 1]; one channel more than grey or RGB is
        alpha and stays. Raises PictureError on what is neither.
        """
        if isinstance(picture, Image.Image):
            return to_pil(self.translate(from_pil(picture), **controls))
        whole = to_array(self.translate(from_array(np.asarray(picture), self.card.input_channels), **controls))
        return whole[..., 0] if picture.ndim == 2 and whole.shape[2] == 1 else whole

    def tell_batches(self, tell: Callable[[int], None]) -> None:
        """From now on `tell` is told how many pictures are computed together."""
        self.batcher.on_batch = tell

    def let_short_ones_by(self, may: Callable[[], bool] = lambda: True) -> None:
        """From now on a short picture of 8 bits does not wait for a long one, which is computed beside it, in another
        session that is opened with the first long one, if it `may` be. Computes a small picture, to know what is long.
        """

        def open_beside() -> Executor:
            if not may():
                raise OutOfMemoryError("There is no memory for a second session.")
            return Courteous(self._open_another)

        self.batcher.beside = open_beside
        self._compute_a_small_one()

    def let_go(self) -> None:
        """Give back what sessions keep from picture to picture; the next one opens them anew.

        Not while a picture is computed.
        """
        for executor in self._opened:
            executor.let_go()
        gc.collect()
        give_back()

    def _compute_a_small_one(self) -> None:
        side = max(128, self.card.smallest)
        with contextlib.suppress(I2IError):
            self.submit(self.prepare(Picture(np.zeros((side, side, self.card.input_channels), np.uint8)))).result()

    def _deep_executor(self) -> Executor:
        """What computes pictures of more than 8 bits; opened for the first of them, as most folders have none."""
        with self._opening:
            if self._deep is None:
                running = self._file.open(self.deep_precision)
                self._opened.append(self._file.executor(running, self.tile, self._memory, self.maps))
                self._deep = self._with_views(self._opened[-1])
            return self._deep

    def _with_views(self, executor: Executor) -> Executor:
        return Ensemble(executor, self.card) if self.ensemble else executor

    def _check_ports(self) -> None:
        """A translator has a picture in and a picture out, by the names that every i2i file has."""
        if self.card.image is None:
            raise ModelFileError(
                f"{self.path} translates nothing: it makes pictures from noise. i2i generate {self.path.name} OUT"
            )
        names = (self.card.image.name, self.card.outputs[0].name)
        if names != (IMAGE, TRANSLATION):
            raise ModelFileError(
                f"{self.path} is no translator: by its card it does not take {IMAGE!r} and give {TRANSLATION!r}."
            )
