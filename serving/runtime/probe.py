"""The golden probe: small inputs whose outputs the card knows, run on the provider that is about to serve.

Pictures are in [0, 1]. fp32 must agree to 2e-3 everywhere; reduced precision must reach 35 dB and stay finite. What is
no picture (the w of a style net) is measured by its own size where that is larger than 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...card import Card
from ...errors import ModelFileError, first_line
from ...ports import Packed, digest, unpack
from .sessions import Session

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]

EXACT_TOLERANCE = 2e-3
REDUCED_PSNR = 35.0

DTYPES = {"unorm8": "<u1", "unorm16": "<u2", "float32": "<f4", "int64": "<i8"}
"""The element of each type of a packed array, as numpy names it."""


def probe_complaint(card: Card, session: Session, *, exact: bool) -> str | None:
    """What is wrong with the provider's answer to the probe, or None; `exact` asks for the tolerance of fp32.

    Raises ModelFileError when the probe itself is damaged.
    """
    if card.probe is None:
        return None
    inputs, outputs = card.probe.inputs, card.probe.outputs
    feeds = {name: array_of(packed) for name, packed in inputs.items()}
    if digest(b"".join(unpack(packed) for packed in outputs.values())) != card.probe.digest:
        raise ModelFileError("The model card's golden probe does not match its digest. Export the model again.")
    try:
        answers = session.run(list(outputs), feeds)
    except Exception as error:  # ONNX Runtime's own classes
        return f"it fails on the golden probe ({first_line(error)})"
    for answer, packed in zip(answers, outputs.values(), strict=True):
        complaint = _difference(np.asarray(answer), packed, exact)
        if complaint is not None:
            return complaint
    return None


def _difference(answer: FloatArray, packed: Packed, exact: bool) -> str | None:
    wanted = array_of(packed)
    if answer.shape != wanted.shape:
        return f"it answers the golden probe with shape {answer.shape} instead of {wanted.shape}"
    if not np.isfinite(answer).all():
        return "it answers the golden probe with values that are no numbers"
    size = max(1.0, float(np.linalg.norm(wanted)) / wanted.size**0.5)
    error = np.abs(answer.astype(np.float64) - wanted) / size
    if exact:
        worst, allowed = float(error.max()), EXACT_TOLERANCE + _half_step(packed)
        return None if worst <= allowed else f"it differs from the golden probe by {worst:.2g} (allowed {allowed:.2g})"
    psnr = float(-10 * np.log10(max(np.mean(error**2), 1e-12)))
    return None if psnr >= REDUCED_PSNR else f"it reaches {psnr:.1f} dB on the golden probe (needed {REDUCED_PSNR})"


def _half_step(packed: Packed) -> float:
    """How far a stored value may be from the true one, because it was rounded."""
    return {"unorm8": 0.5 / 255, "unorm16": 0.5 / 65535}.get(packed.type, 0.0)


def array_of(packed: Packed) -> Array:
    """A packed array as the graph takes it: float32, pictures in [0, 1]; or int64. Raises ModelFileError on damage."""
    raw: Array = np.frombuffer(unpack(packed), DTYPES[packed.type]).reshape(packed.shape)
    if packed.type.startswith("unorm"):
        return (raw / np.float64(np.iinfo(raw.dtype).max)).astype(np.float32)
    return raw.astype(raw.dtype.newbyteorder("="))
