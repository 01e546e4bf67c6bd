"""What proves an exported file: example inputs, the parity gate against torch, and the golden probe of the card.

Everything is by port name. Parity and probe use labels, latents and noises other than the defaults, so that a graph
which ignores one of them is found out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import onnxruntime

from ..card import Card
from ..errors import ExportError
from ..ports import PICTURES, Packed, Port, Probe, digest, pack

TOLERANCE = 1e-4
"""Largest difference from torch, in [0, 1], that an fp32 file may show."""
HALF_TOLERANCE = 40.0
"""Lowest PSNR against torch, in dB, that an fp16 file may show."""

Array = npt.NDArray[np.float32] | npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Arrays = dict[str, Array]
Run = Callable[[Arrays], Arrays]


def parity(run: Run, model: bytes, card: Card, side: int, precision: str) -> dict[str, dict[str, float]]:
    """For each output, the largest difference from `run` by shape; raises ExportError when it is too large."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    found: dict[str, dict[str, float]] = {port.name: {} for port in card.outputs}
    for n, height, width in ((1, side, side + card.multiple), (4, side, side)):
        given = example(card, n, height, width)
        truths, shape = run(given), f"{n}x{height}x{width}"
        for name, answer in zip(found, session.run([*found], given), strict=True):
            found[name][shape] = _checked(answer, truths[name], shape, precision)
    return found


def _checked(answer: Array, truth: Array, shape: str, precision: str) -> float:
    """The largest difference; raises ExportError when it is over the limit of the precision."""
    if answer.shape != truth.shape:
        raise ExportError(f"The exported graph gives {answer.shape} where torch gives {truth.shape} at {shape}.")
    worst = float(np.abs(answer - truth).max())
    psnr = -10 * np.log10(max(float(np.mean((answer - truth) ** 2)), 1e-20))
    if not (psnr >= HALF_TOLERANCE if precision == "fp16" else worst <= TOLERANCE):
        raise ExportError(
            f"The exported graph differs from torch by {worst:.2g} ({psnr:.0f} dB) at {shape}; the limit is "
            + (f"{HALF_TOLERANCE:.0f} dB for fp16. " if precision == "fp16" else f"{TOLERANCE:.0e}. ")
            + "Nothing was written."
        )
    return worst


def golden_probe(run: Run, card: Card, side: int) -> Probe:
    """Pictures in 8 bits, their translations in 16: fine enough to tell a wrong provider from a rounding one."""
    given = example(card, 1, side, side)
    inputs = {port.name: _packed(port, given[port.name], 8) for port in card.inputs}
    for port in card.inputs:
        if port.kind in PICTURES:  # what the graph gets is what was stored
            given[port.name] = np.rint(given[port.name] * 255).astype(np.float32) / np.float32(255)
    answers = run(given)
    outputs = {port.name: _packed(port, answers[port.name], 16) for port in card.outputs}
    raw = b"".join(_raw(port, answers[port.name], 16) for port in card.outputs)
    return Probe(inputs=inputs, outputs=outputs, digest=digest(raw))


def _packed(port: Port, array: Array, bits: int) -> Packed:
    kind = f"unorm{bits}" if port.kind in PICTURES else str(array.dtype)
    return Packed(type=kind, shape=array.shape, data=pack(_raw(port, array, bits)))


def _raw(port: Port, array: Array, bits: int) -> bytes:
    """The elements, little-endian; pictures as unsigned integers of so many bits."""
    if port.kind in PICTURES:
        array = np.rint(array * (2**bits - 1)).astype(f"<u{bits // 8}")
    return bytes(array.astype(array.dtype.newbyteorder("<")).tobytes())


def example(card: Card, n: int, height: int, width: int) -> Arrays:
    """An array for each input: (n, …), other values for each of the n."""
    rows = [{port.name: _example(port, height, width, seed) for port in card.inputs} for seed in range(n)]
    return {port.name: np.concatenate([row[port.name] for row in rows]) for port in card.inputs}


def _example(port: Port, height: int, width: int, seed: int) -> Array:
    if port.kind in PICTURES:
        return probe_picture(port.shape[0] or 1, height, width, seed)
    if port.kind == "label":
        return np.array([(len(port.choices) - 1 - seed) % len(port.choices)], np.int64)
    follows = iter((height, width)[-port.shape.count(None) :])
    shape = (1, *(next(follows) if length is None else length for length in port.shape))
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


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
