"""Example inputs for a model, and the golden probe that a card carries: small inputs and their true outputs.

Everything is by port name. Labels, latents and noises are other than the defaults, so that a graph which ignores one
of them is found out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .card import Card
from .ports import PICTURES, UNIT, Packed, Port, Probe, digest, pack

Array = npt.NDArray[np.float32] | npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Arrays = dict[str, Array]
Run = Callable[[Arrays], Arrays]


def golden_probe(run: Run, card: Card, height: int, width: int | None = None) -> Probe:
    """Pictures of this size (square unless told) in 8 bits, their translations in 16.

    That is fine enough to tell a wrong provider from a rounding one.
    """
    given = example(card, 1, height, width or height)
    inputs = {port.name: _packed(port, given[port.name], 8) for port in card.inputs}
    for port in card.inputs:
        if port.kind in PICTURES:  # what the graph gets is what was stored
            given[port.name] = np.rint(given[port.name] * 255).astype(np.float32) / np.float32(255)
    answers = run(given)
    outputs = {port.name: _packed(port, answers[port.name], 16) for port in card.outputs}
    raw = b"".join(_raw(port, answers[port.name], 16) for port in card.outputs)
    return Probe(inputs=inputs, outputs=outputs, digest=digest(raw))


def _packed(port: Port, array: Array, bits: int) -> Packed:
    kind = f"unorm{bits}" if port.kind in UNIT else str(array.dtype)
    return Packed(type=kind, shape=array.shape, data=pack(_raw(port, array, bits)))


def _raw(port: Port, array: Array, bits: int) -> bytes:
    """The elements, little-endian; pictures as unsigned integers of so many bits."""
    if port.kind in UNIT:
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
    if port.kind == "number":  # neither end, of which one is the usual default
        low, high = port.low or 0.0, port.high or 0.0
        return np.array([low + (high - low) * (0.6 if seed % 2 == 0 else 0.3)], np.float32)
    follows = iter((height, width)[-port.shape.count(None) :])
    shape = (1, *(next(follows) if length is None else length for length in port.shape))
    rng = np.random.default_rng(seed)
    if port.prior == "uniform":
        return rng.uniform(-1, 1, shape).astype(np.float32)
    return rng.standard_normal(shape).astype(np.float32)


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
