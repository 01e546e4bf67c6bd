"""A foreign network as something that can be asked: pictures of any size in, the picture that it gives out.

At this boundary pictures are float32 NCHW, in the file's own range and order of channels; its layout, its type and
its fixed batch are seen to here.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort

from ...probes import Floats, probe_picture

TYPES: dict[int, Any] = {
    onnx.TensorProto.FLOAT: np.float32,
    onnx.TensorProto.FLOAT16: np.float16,
    onnx.TensorProto.DOUBLE: np.float64,
    onnx.TensorProto.UINT8: np.uint8,
}
"""Elements that a picture may have at the boundary of a foreign file."""
LAYOUTS = ("NCHW", "NHWC")
CHANNELS = (3, 1)
"""Tried in this order where the file does not say."""
FIRST_SIZES = (
    (32, 64),
    (64, 128),
    (128, 256),
    (256, 512),
    (48, 48),
    (64, 64),
    (96, 96),
    (128, 128),
    (224, 224),
    (256, 256),
    (512, 512),
)
"""(height, width) at which a file that fixes no size is first run."""
SIDES = (32, 48, 64, 96, 128, 224, 256, 512)
"""Sides that most networks take, in pixels."""


@dataclasses.dataclass(frozen=True)
class Side:
    """The picture that goes in, or the one that comes out, as the foreign graph has it."""

    name: str
    type: int
    """A key of TYPES."""
    layout: str
    channels: int


@dataclasses.dataclass(frozen=True)
class Foreign:
    """A network that takes one picture and gives one."""

    model: onnx.ModelProto
    """With sides that are free where the graph allows it."""
    session: ort.InferenceSession
    into: Side
    out: Side
    chosen: str | None
    """What was passed over for `out` among several outputs, in words; None where there is one."""
    batch: int | None
    """What the graph insists on; None: any."""
    size: tuple[int, int] | None
    """Likewise, height and width."""
    works_at: tuple[int, int]
    """A height and width at which it is known to run."""

    def run(self, pictures: Floats) -> Floats | None:
        """(1, C, H, W) in the file's range -> (1, C', H', W') likewise; None where it does not run at this size."""
        answer = attempt(self.session, self.into, pictures, self.out.name, self.batch or 1)
        if answer is None or answer.ndim != 4:
            return None
        return np.ascontiguousarray(as_nchw(answer[:1].astype(np.float32), self.out.layout))


def attempt(
    session: ort.InferenceSession, into: Side, pictures: Floats, output: str, batch: int = 1
) -> npt.NDArray[Any] | None:
    """What the output gives, untouched; None when the runtime refuses."""
    values = pictures if into.layout == "NCHW" else pictures.transpose(0, 2, 3, 1)
    kind = TYPES[into.type]
    if kind is np.uint8:
        values = np.clip(np.rint(values), 0, 255)
    feed = np.ascontiguousarray(np.repeat(values, batch, axis=0) if batch > 1 else values).astype(kind)
    try:
        answer: npt.NDArray[Any] = session.run([output], {into.name: feed})[0]
    except Exception:  # ONNX Runtime's own classes; that a size is refused is what probing is for
        return None
    return answer if isinstance(answer, np.ndarray) else None


def as_nchw(array: npt.NDArray[Any], layout: str) -> npt.NDArray[Any]:
    """(N, C, H, W) of either layout."""
    return array if layout == "NCHW" else array.transpose(0, 3, 1, 2)


def open_quietly(model: onnx.ModelProto) -> ort.InferenceSession:
    """A session on the plain provider that prints nothing; raises ONNX Runtime's own classes."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(
        model.SerializeToString(),
        options,
        providers=["CPUExecutionProvider"],
        enable_fallback=0,  # to the same provider, with a banner on standard output
    )


def example_for(side: Side, size: tuple[int, int]) -> Floats:
    """(1, C, height, width) as the side takes it where its range is not known yet."""
    scale = 255 if TYPES[side.type] is np.uint8 else 1
    picture: Floats = probe_picture(side.channels, *size, 0) * np.float32(scale)
    return picture
