"""A large picture under a limit of memory against the same network in double precision, whole:
`python -m benchmarks.experiments.double_precision MODEL`.

The reference shares nothing with serving: the graph's nodes one after the other on whole maps of float64, convolutions
as sums of matrix products, statistics by numpy.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from PIL import Image

from ..command import end_with
from ..memory import ROOT, peak
from .large_pictures import picture

Doubles = npt.NDArray[np.float64]


def in_doubles(model: onnx.ModelProto, feeds: Mapping[str, npt.NDArray[Any]]) -> Doubles:
    """The first output of the graph in float64; maps that nobody reads any more are let go."""
    values: dict[str, Any] = {each.name: _double(numpy_helper.to_array(each)) for each in model.graph.initializer}
    values |= {name: _double(array) for name, array in feeds.items()} | {"": None}
    last = {name: k for k, node in enumerate(model.graph.node) for name in node.input}
    for k, node in enumerate(model.graph.node):
        given = [values[name] for name in node.input]
        compute = OPERATIONS.get(node.op_type)
        if compute is not None:
            values[node.output[0]] = compute(_attributes(node), *given)
        else:
            fed = {name: value for name, value in zip(node.input, given, strict=True) if name}
            values |= dict(zip(node.output, map(_double, ReferenceEvaluator(node).run(None, fed)), strict=True))
        for name in set(node.input) - {""}:
            if last[name] <= k:
                del values[name]
    answer: Doubles = values[model.graph.output[0].name]
    return answer


def _double(array: Any) -> Any:
    return array.astype(np.float64) if array.dtype == np.float32 else array


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}


def _convolution(said: dict[str, Any], image: Doubles, weight: Doubles, bias: Doubles | None = None) -> Doubles:
    """One group, one picture: a matrix product for each place of the kernel."""
    top, left, bottom, right = said.get("pads", [0, 0, 0, 0])
    (down, across), (high, wide) = said.get("strides", [1, 1]), said.get("dilations", [1, 1])
    assert said.get("group", 1) == 1
    padded = np.pad(image[0], [(0, 0), (top, bottom), (left, right)])
    rows = (padded.shape[1] - high * (weight.shape[2] - 1) - 1) // down + 1
    columns = (padded.shape[2] - wide * (weight.shape[3] - 1) - 1) // across + 1
    out = np.zeros((weight.shape[0], rows * columns))
    for i, j in np.ndindex(weight.shape[2:]):
        seen = padded[:, i * high :: down, j * wide :: across][:, :rows, :columns]
        out += weight[:, :, i, j] @ seen.reshape(len(seen), -1)
    if bias is not None:
        out += bias[:, None]
    return out.reshape(1, -1, rows, columns)


def _transposed(said: dict[str, Any], image: Doubles, weight: Doubles, bias: Doubles | None = None) -> Doubles:
    """Each value spread by the kernel; cut by the padding at the end."""
    top, left, bottom, right = said.get("pads", [0, 0, 0, 0])
    down, across = said.get("strides", [1, 1])
    more = said.get("output_padding", [0, 0])
    _, channels, height, width = image.shape
    rows, columns = (height - 1) * down + weight.shape[2] + more[0], (width - 1) * across + weight.shape[3] + more[1]
    out, flat = np.zeros((weight.shape[1], rows, columns)), image[0].reshape(channels, -1)
    for i, j in np.ndindex(weight.shape[2:]):
        place = out[:, i : i + (height - 1) * down + 1 : down, j : j + (width - 1) * across + 1 : across]
        place += (weight[:, :, i, j].T @ flat).reshape(-1, height, width)
    out = out[:, top : rows - bottom, left : columns - right]
    return (out if bias is None else out + bias[:, None, None])[None]


def _normalised(said: dict[str, Any], image: Doubles, scale: Doubles, bias: Doubles) -> Doubles:
    mean = image.mean(axis=(2, 3), keepdims=True)
    deviation = np.sqrt(image.var(axis=(2, 3), keepdims=True) + said.get("epsilon", 1e-5))
    return (image - mean) / deviation * scale[:, None, None] + bias[:, None, None]


def _repeated(said: dict[str, Any], image: Doubles, *sizes: Any) -> Doubles:
    """Enlarging to whole multiples by repeating; other kinds of Resize are not known here."""
    assert said.get("mode", b"nearest") == b"nearest"
    given = sizes[-1]
    factors = given[2:] // np.array(image.shape[2:]) if given.dtype == np.int64 else given[2:].astype(np.int64)
    return image.repeat(factors[0], axis=2).repeat(factors[1], axis=3)


OPERATIONS: dict[str, Callable[..., Doubles]] = {
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "InstanceNormalization": _normalised,
    "Resize": _repeated,
    "Upsample": _repeated,
}
"""Those that `onnx.reference` has no memory or time for."""


def _image(megapixels: float) -> npt.NDArray[np.float32]:
    made = picture(megapixels)
    height, width = (side // 32 * 32 for side in made.shape[:2])  # so that nothing is grown
    return np.ascontiguousarray(made[:height, :width].transpose(2, 0, 1)[None] / np.float32(255))


def limited(model: Path, megapixels: float, memory: str | None, device: str, target: Path) -> dict[str, object]:
    """The picture in this process as i2i computes it, saved; what ran it and what it took."""
    from i2i.serving import Engine
    from i2i.serving.inference.memory import parse_memory

    engine = Engine(model, device=device, precision="fp32", memory=parse_memory(memory))
    began = time.monotonic()
    np.save(target, engine.run(_image(megapixels)))
    return {"provider": engine.provider, "seconds": time.monotonic() - began, "peak_mb": peak()}


def main() -> int:
    """Status 1 when any value differs by a level of 255."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiments.double_precision", description=__doc__)
    parser.add_argument("model", type=Path, help="ONNX file with a card, of convolutions and InstanceNorm")
    parser.add_argument("--megapixels", type=float, default=4, metavar="N")
    parser.add_argument("--memory", metavar="SIZE", default="1GB", help="as of i2i convert")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--difference", type=Path, help="write the difference to this PNG, its largest white")
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here:
        print(json.dumps(limited(asked.model, asked.megapixels, asked.memory, asked.device, asked.here)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "answer.npy"
        command = [sys.executable, "-m", "benchmarks.experiments.double_precision", *sys.argv[1:], "--here", str(made)]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        found, answer = json.loads(done.stdout.splitlines()[-1]), np.load(made)
    print(f"{found['provider']}: {found['seconds']:.1f} s, {found['peak_mb']:.0f} MB", flush=True)
    truth = np.clip(in_doubles(onnx.load(asked.model), {"image": _image(asked.megapixels)}), 0, 1)
    off = np.abs(answer - truth)[0].transpose(1, 2, 0) * 255
    print(f"at most {off.max():.4f} of 255, {off.mean():.6f} in the mean, over {truth.shape[2:]}")
    if asked.difference is not None:
        Image.fromarray(np.uint8(off / max(off.max(), 1e-12) * 255)).save(asked.difference)
    return int(off.max() > 1)


if __name__ == "__main__":
    end_with(main)
