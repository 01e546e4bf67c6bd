"""The golden probe: a small picture whose translation the card knows, run on the provider that is about to serve.

Values are in [0, 1]. fp32 must agree to 2e-3 everywhere; reduced precision must reach 35 dB and stay finite.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...card import Card, digest, unpack
from ...errors import ModelFileError, first_line
from .sessions import Session

FloatArray = npt.NDArray[np.float32]

EXACT_TOLERANCE = 2e-3
REDUCED_PSNR = 35.0


def probe_complaint(card: Card, session: Session, *, exact: bool) -> str | None:
    """What is wrong with the provider's answer to the probe, or None; `exact` asks for the tolerance of fp32.

    Raises ModelFileError when the probe itself is damaged.
    """
    if card.probe is None:
        return None
    probe = card.probe
    given = _pictures(probe.input, probe.input_bits, probe.input_shape)
    wanted = _pictures(probe.output, probe.output_bits, probe.output_shape)
    if digest(unpack(probe.output)) != probe.digest:
        raise ModelFileError("The model card's golden probe does not match its digest. Export the model again.")
    try:
        answer = np.asarray(session.run(None, {session.get_inputs()[0].name: given})[0])
    except Exception as error:  # ONNX Runtime's own classes
        return f"it fails on the golden probe ({first_line(error)})"
    if answer.shape != wanted.shape:
        return f"it answers the golden probe with shape {answer.shape} instead of {wanted.shape}"
    if not np.isfinite(answer).all():
        return "it answers the golden probe with values that are no numbers"
    return _difference(answer, wanted, half_step=0.5 / (2**probe.output_bits - 1), exact=exact)


def _difference(answer: FloatArray, wanted: FloatArray, half_step: float, exact: bool) -> str | None:
    error = np.abs(answer.astype(np.float64) - wanted)
    if exact:
        worst = float(error.max())
        allowed = EXACT_TOLERANCE + half_step  # the probe is stored rounded
        return None if worst <= allowed else f"it differs from the golden probe by {worst:.2g} (allowed {allowed:.2g})"
    psnr = float(-10 * np.log10(max(np.mean(error**2), 1e-12)))
    return None if psnr >= REDUCED_PSNR else f"it reaches {psnr:.1f} dB on the golden probe (needed {REDUCED_PSNR})"


def _pictures(text: str, bits: int, shape: tuple[int, int, int, int]) -> FloatArray:
    """A probe's integers as float32 NCHW in [0, 1]."""
    if bits not in (8, 16):
        raise ModelFileError(f"The model card's golden probe has {bits} bits; 8 or 16 are read.")
    raw = np.frombuffer(unpack(text), dtype=np.dtype(f"<u{bits // 8}"))
    if raw.size != int(np.prod(shape)):
        raise ModelFileError("The model card's golden probe is not of the shape it says. Export the model again.")
    return (raw.reshape(shape) / np.float64(2**bits - 1)).astype(np.float32)
