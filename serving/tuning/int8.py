"""8-bit integers for enlargers without normalisation: a quantised copy of the model, calibrated on the user's pictures.

Static, with quantise and dequantise nodes (QDQ), symmetric activations and weights by channel; the first and the last
convolution stay as they are, which cost little and matter most. Half of the pictures calibrate; the others, reduced
bicubically and enlarged again, say what it costs in PSNR.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from PIL import Image

from ...card import Card
from ...errors import PictureError
from ...images.decode import read_picture
from ...images.image import Picture
from ..inference.controls import NO_CONTROLS, resolve_controls
from ..inference.executors import IMAGE, Feeds, FloatArray
from ..inference.prepared import prepare_picture

GATE = 0.2
"""dB of PSNR that may be lost on pictures that were not calibrated with."""
CALIBRATING, HELD_OUT = 16, 8
"""Pictures at most."""
LEAST = 4
"""Pictures with which nothing can be said yet."""
SIDE = 128
"""Input pixels a side of what is cut out of a picture, at most."""
SMALLEST = 32
SECONDS = 30.0
"""What the calibrating pictures may take together, roughly; fewer are taken of a slow model."""
DEVICES = ("openvino", "cpu")
"""That compute in int8 what a file says is in it."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """A picture and what it was reduced to."""

    feeds: Feeds
    truth: FloatArray
    """(C', H, W) in [0, 1]."""


def why_not(card: Card, pictures: Sequence[Path]) -> str | None:
    """Why a model is not tried in int8, or None."""
    if card.scale == 1 or card.tiling != "local":
        return "int8: of use for enlargers without normalisation alone."
    if card.fixed_size is not None or {port.name for port in card.inputs} != {IMAGE}:
        return "int8: of use for models that take pictures of any size and nothing else."
    if len(pictures) < LEAST:
        return f"int8: it wants {LEAST} pictures like yours at least: i2i tune MODEL FOLDER."
    return None


def split(
    card: Card, pictures: Sequence[Path], side: int, run: Callable[[Feeds], FloatArray]
) -> tuple[list[Pair], list[Pair]]:
    """Pairs to calibrate with and others, held out, from the middle of the pictures; those that cannot be read or are
    too small are left out. `side` is that of the smaller picture at most; `run` runs the model, and is timed.
    """
    side = max(card.smallest, min(side, SIDE) // card.multiple * card.multiple)
    most, calibrating, held_out = CALIBRATING, list[Pair](), list[Pair]()
    for pair in _pairs(card, pictures, side):
        if not calibrating:
            most = max(LEAST, min(CALIBRATING, int(SECONDS / _seconds(run, pair))))
        is_next = len(held_out) < min(len(calibrating), HELD_OUT, most // 2)
        (held_out if is_next else calibrating).append(pair)
        if len(calibrating) == most:
            break
    return calibrating, held_out


def _seconds(run: Callable[[Feeds], FloatArray], pair: Pair) -> float:
    began = time.perf_counter()
    run(pair.feeds)
    return time.perf_counter() - began


def _pairs(card: Card, pictures: Sequence[Path], side: int) -> Iterator[Pair]:
    for path in pictures:
        with contextlib.suppress(PictureError):
            picture = read_picture(path)
            height, width, channels = picture.pixels.shape
            small_side = min(side, min(height, width) // card.scale // card.multiple * card.multiple)
            large = small_side * card.scale
            if small_side < max(SMALLEST, card.smallest) or picture.pixels.dtype != np.uint8 or channels not in (1, 3):
                continue
            top, left = (height - large) // 2, (width - large) // 2
            pixels = picture.pixels[top : top + large, left : left + large]
            small = np.asarray(Image.fromarray(pixels.squeeze()).resize([small_side] * 2, Image.Resampling.BICUBIC))
            fed, truth = (
                prepare_picture(Picture(each, None, picture.icc), card, {}).feeds[IMAGE]
                for each in (small.reshape(small_side, small_side, channels), pixels)
            )
            yield Pair({IMAGE: fed, **resolve_controls(card, NO_CONTROLS, fed.shape[2:])}, truth[0])


def quantised(model: bytes, pairs: Sequence[Pair]) -> bytes:
    """The model with its convolutions in int8 but for the first and the last; it keeps its card."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # the package has no types
        def __init__(self) -> None:
            self.rest = iter(pairs)

        def get_next(self) -> dict[str, Any] | None:
            return next((dict(pair.feeds) for pair in self.rest), None)

    graph = onnx.ModelProto.FromString(model)
    convolutions = [node for node in graph.graph.node if node.op_type == "Conv"]
    for number, node in enumerate(convolutions):
        node.name = node.name or f"convolution {number}"
    outer = [convolutions[0].name, convolutions[-1].name] if convolutions else []
    with tempfile.TemporaryDirectory() as folder, _quietly():
        path = Path(folder) / "int8.onnx"
        quantize_static(
            graph, path, Reader(), QuantFormat.QDQ, op_types_to_quantize=["Conv"], per_channel=True,
            activation_type=QuantType.QInt8, weight_type=QuantType.QInt8, nodes_to_exclude=outer,
            extra_options={"ActivationSymmetric": True, "WeightSymmetric": True},
        )  # fmt: skip
        made = onnx.load(path)
    del made.metadata_props[:]
    made.metadata_props.extend(graph.metadata_props)
    return bytes(made.SerializeToString())


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without the quantiser's advice to use another tool first, which models of i2i do not need."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def psnr(run: Callable[[Feeds], FloatArray], pairs: Sequence[Pair]) -> float:
    """Mean over the pairs, in dB, of what `run` makes of the reduced pictures, by all channels and pixels."""
    errors = [np.mean((run(pair.feeds)[0] - pair.truth) ** 2, dtype=np.float64) for pair in pairs]
    return float(np.mean(-10 * np.log10(np.maximum(errors, 1e-10))))
