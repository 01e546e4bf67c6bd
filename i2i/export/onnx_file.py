"""A generator as one self-contained ONNX file: graph, weights, card and golden probe, checked against torch.

The file takes `image` and gives `translation`, float32 NCHW in [0, 1] with N, H and W free; it maps to and from
the network's [-1, 1] itself and clips. The network is exported as it is served: no dropout, and every BatchNorm
over the picture at hand, as an affine InstanceNormalization.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from ..card import CARD_KEY, Card, Probe, digest, pack
from ..errors import ExportError
from ..files import write_atomically
from ..networks import Generator, for_inference

OPSET = 18
TOLERANCE = 1e-4
"""Largest difference from torch, in [0, 1], that an fp32 file may show."""
HALF_TOLERANCE = 40.0
"""Lowest PSNR against torch, in dB, that an fp16 file may show."""
FP32_OPS = ["InstanceNormalization", "Resize", "Tanh", "Clip"]
"""What stays in fp32 in an fp16 file: sums over a picture and the last steps lose too much in half precision."""

Floats = npt.NDArray[np.float32]


class _Boundary(nn.Module):
    """The generator with [0, 1] on both sides."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, image: Tensor) -> Tensor:
        y: Tensor = self.generator(image * 2 - 1)
        return ((y + 1) / 2).clamp(0, 1)


def export_onnx(generator: Generator, path: Path, card: Card, precision: str = "fp32") -> Card:
    """Write `generator` to `path` and give the card as written; `generator` stays as it was.

    The size rule, the scale, the tiling class, parity and probe of `card` are filled in from the network. The check
    runs at sizes other than the traced one, alone and as four pictures, for a shape baked in by tracing shows only
    there.
    Raises ExportError when the file and torch disagree (then nothing is written), StorageError on a full disk.
    """
    served = _Boundary(copy.deepcopy(for_inference(generator)).cpu().float()).eval()
    card = dataclasses.replace(card, **dataclasses.asdict(generator.geometry))
    multiple, smallest = card.multiple, card.smallest
    side = -(-max(smallest, 32) // multiple) * multiple
    model = _trace(served, card.input_channels, side, multiple)
    if precision == "fp16":
        model = _to_half(model)
    parity = _parity(served, model, card.input_channels, side, multiple, precision)
    card = dataclasses.replace(card, parity=parity, probe=_probe(served, card.input_channels, side))
    entry = model.metadata_props.add()
    entry.key, entry.value = CARD_KEY, card.to_json()
    write_atomically(path, model.SerializeToString())
    return card


def _trace(served: nn.Module, channels: int, side: int, multiple: int) -> onnx.ModelProto:
    n, h, w = (torch.export.Dim(name, min=1) for name in ("n", "h", "w"))
    height, width = (multiple * h, multiple * w) if multiple > 1 else (h, w)
    example = torch.rand(2, channels, 2 * side, 3 * side)
    with _quiet():
        program = torch.onnx.export(
            served,
            (example,),
            dynamo=True,
            dynamic_shapes=({0: n, 2: height, 3: width},),
            input_names=["image"],
            output_names=["translation"],
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise ExportError("torch's exporter gave no graph for this network.")
    return program.model_proto


def _to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with _quiet():
        half = convert_float_to_float16(model, keep_io_types=True, op_block_list=FP32_OPS)
    # Where nodes share a weight, the converter writes its cast once for each of them, all under one name.
    once = list({(node.name, *node.output): node for node in half.graph.node}.values())
    del half.graph.node[:]
    half.graph.node.extend(once)
    return half


def _parity(
    served: nn.Module, model: onnx.ModelProto, channels: int, side: int, multiple: int, precision: str
) -> dict[str, float]:
    """Largest difference by shape; raises ExportError when the file is not the network."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found = {}
    for n, height, width in ((1, side, side + multiple), (4, side, side)):
        pictures = np.concatenate([probe_picture(channels, height, width, seed) for seed in range(n)])
        truth, given = _run(served, pictures), session.run(None, {"image": pictures})[0]
        shape = f"{n}x{height}x{width}"
        if given.shape != truth.shape:
            raise ExportError(f"The exported graph gives {given.shape} where torch gives {truth.shape} at {shape}.")
        worst = float(np.abs(given - truth).max())
        psnr = -10 * np.log10(max(float(np.mean((given - truth) ** 2)), 1e-20))
        if not (psnr >= HALF_TOLERANCE if precision == "fp16" else worst <= TOLERANCE):
            raise ExportError(
                f"The exported graph differs from torch by {worst:.2g} ({psnr:.0f} dB) at {shape}; the limit is "
                + (f"{HALF_TOLERANCE:.0f} dB for fp16. " if precision == "fp16" else f"{TOLERANCE:.0e}. ")
                + "Nothing was written."
            )
        found[shape] = worst
    return found


def _probe(served: nn.Module, channels: int, side: int) -> Probe:
    """Input in 8 bits, output in 16: fine enough to tell a wrong provider from a rounding one."""
    given = np.rint(probe_picture(channels, side, side, seed=0) * 255).astype("<u1")
    gives = np.rint(_run(served, given.astype(np.float32) / np.float32(255)) * 65535).astype("<u2")
    shapes: dict[str, Any] = {"input_shape": given.shape, "output_shape": gives.shape}
    return Probe(
        input_bits=8,
        input=pack(given.tobytes()),
        output_bits=16,
        output=pack(gives.tobytes()),
        digest=digest(gives.tobytes()),
        **shapes,
    )


def probe_picture(channels: int, height: int, width: int, seed: int) -> Floats:
    """(1, channels, height, width) in [0, 1]: flat areas, edges, slopes and a little noise, as pictures have."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    bands = []
    for _ in range(channels):
        fx, fy, phase = rng.uniform(0.02, 0.2), rng.uniform(0.02, 0.2), rng.uniform(0, 6.28)
        band = 0.5 + 0.3 * np.sin(fx * x + fy * y + phase) + 0.1 * (x / width - y / height)
        top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
        band[top : top + height // 3, left : left + width // 3] = rng.uniform()
        bands.append(band + rng.normal(0, 0.02, band.shape))
    picture: Floats = np.clip(np.stack(bands), 0, 1).astype(np.float32)[None]
    return picture


@torch.no_grad()
def _run(module: nn.Module, pictures: Floats) -> Floats:
    return cast(Floats, module(torch.from_numpy(pictures)).numpy())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's chatter, which is about its own future and not about the user's model."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
