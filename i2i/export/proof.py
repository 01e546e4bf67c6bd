"""What proves an exported file: the parity gate against torch, by port name."""

from __future__ import annotations

import numpy as np
import onnxruntime

from ..card import Card
from ..errors import ExportError
from ..probes import Array, Run, example

TOLERANCE = 1e-4
"""Largest difference from torch, in [0, 1], that an fp32 file may show."""
HALF_TOLERANCE = 40.0
"""Lowest PSNR against torch, in dB, that an fp16 file may show."""


def parity(run: Run, model: bytes, card: Card, side: int, precision: str) -> dict[str, dict[str, float]]:
    """For each output, the largest difference from `run` by shape; raises ExportError when it is too large."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what fails here is raised, and tried in another way
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
