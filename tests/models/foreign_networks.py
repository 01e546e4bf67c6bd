"""Small networks as other programs leave them: any layout, type, range, order of channels, border and size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RANGES = {"0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0), "0..255": (0.0, 255.0)}
GAIN = np.array([0.98, 0.9, 0.8])
"""Of red, green and blue: what goes in in another order comes out otherwise."""
BIAS = (1 - GAIN) / 2
"""Grey stays grey: contrast is lost around the middle, so that another range than theirs gives another picture."""
KINDS = {"float": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "uint8": TensorProto.UINT8,
         "double": TensorProto.DOUBLE}  # fmt: skip


def kernel(channels: int) -> np.ndarray:
    """(C, C, 3, 3): a slight blur, brighter in the middle, of each channel by itself."""
    blur = np.array([[0, 1, 0], [1, 12, 1], [0, 1, 0]]) / 16
    weight = np.zeros((channels, channels, 3, 3))
    for channel, gain in enumerate(GAIN[:channels]):
        weight[channel, channel] = gain * blur
    return weight


def truth(picture: np.ndarray, scale: int = 1) -> np.ndarray:
    """(1, C, H, W) in [0, 1], by hand: what every network below gives for it away from the border."""
    weight, out = kernel(picture.shape[1]), np.zeros_like(picture, np.float64)
    padded = np.pad(picture, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
    for down in range(3):
        for right in range(3):
            part = padded[:, :, down : down + picture.shape[2], right : right + picture.shape[3]]
            out += part * weight[:, :, down, right].sum(1)[None, :, None, None]
    return np.clip(np.kron(out + BIAS[: picture.shape[1]][None, :, None, None], np.ones((1, 1, scale, scale))), 0, 1)


def network(
    *,
    channels: int = 3,
    range_in: str = "0..1",
    range_out: str | None = None,
    order: str = "rgb",
    layout: str = "NCHW",
    kind: str = "float",
    border: int = 0,
    scale: int = 1,
    size: tuple[Any, Any] = ("h", "w"),
    batch: int | str = "n",
    multiple: int = 1,
    fixed_by_constants: bool = False,
) -> onnx.ModelProto:
    """What ends at -1..1 is clipped to that; `border` pixels are cut at each side; with `multiple`, sides that are none are refused by the graph."""
    (low, high), (bottom, top) = RANGES[range_in], RANGES[range_out or range_in]
    weight = kernel(channels)
    weight = weight[::-1, ::-1] if order == "bgr" else weight
    total, level = weight.sum((1, 2, 3)), BIAS[:channels][:: -1 if order == "bgr" else 1]
    # y * (top - bottom) + bottom of the convolution of (x - low) / (high - low): folded into weight and bias.
    out = top - bottom
    folded = weight * out / (high - low)
    bias = (level - low * total / (high - low)) * out + bottom
    nodes: list[onnx.NodeProto] = []
    constants = [numpy_helper.from_array(np.ascontiguousarray(folded, np.float32), "w"),
                 numpy_helper.from_array(bias.astype(np.float32), "b")]  # fmt: skip
    name = "data"

    def add(op: str, *more: str, **attributes: Any) -> None:
        nonlocal name
        nodes.append(helper.make_node(op, [name, *more], [f"t{len(nodes)}"], **attributes))
        name = nodes[-1].output[0]

    def constant(values: Any, dtype: type = np.int64) -> str:
        constants.append(numpy_helper.from_array(np.asarray(values, dtype), f"k{len(constants)}"))
        return constants[-1].name

    if layout == "NHWC":
        add("Transpose", perm=[0, 3, 1, 2])
    if kind != "float":
        add("Cast", to=TensorProto.FLOAT)
    if border == 0:  # reflected as `truth` does it
        add("Pad", constant([0, 0, 1, 1, 0, 0, 1, 1]), mode="reflect")
    add("Conv", "w", "b")
    for _ in range(border - 1):
        add("Slice", constant([1, 1]), constant([-1, -1]), constant([2, 3]))
    if multiple > 1:
        add("SpaceToDepth", blocksize=multiple)
        add("DepthToSpace", blocksize=multiple)
    if fixed_by_constants:
        add(
            "Reshape",
            constant([batch if isinstance(batch, int) else -1, channels, *(side - 2 * border for side in size)]),
        )
    if scale > 1:
        add("Resize", "", constant([1, 1, scale, scale], np.float32), mode="nearest",
            coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip
    if (bottom, top) == RANGES["-1..1"]:
        add("Clip", constant(-1, np.float32), constant(1, np.float32))
    if kind == "uint8":
        add("Round")
        add("Clip", constant(0, np.float32), constant(255, np.float32))
    if kind != "float":
        add("Cast", to=KINDS[kind])
    if layout == "NHWC":
        add("Transpose", perm=[0, 2, 3, 1])
    nodes[-1].output[0] = "answer"
    sides = (batch, channels, *size) if layout == "NCHW" else (batch, *size, channels)
    graph = helper.make_graph(
        nodes, "foreign",
        [helper.make_tensor_value_info("data", KINDS[kind], sides)],
        [helper.make_tensor_value_info("answer", KINDS[kind], None)],
        constants,
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def saved(path: Path, model: onnx.ModelProto) -> Path:
    path.write_bytes(model.SerializeToString())
    return path
