"""A model without a golden probe is tried once on a small picture, before it serves."""

from __future__ import annotations

import numpy as np

from ...card import Card
from ...errors import ModelFileError, first_line
from ...ports import UNIT
from ...probes import example
from .sessions import Session

TRIAL, LARGEST_TRIAL = 32, 1024
"""Side of the picture, grown to what the model takes; a model that takes larger ones than the second is not tried."""
BESIDE = 16
"""By which it is wider at least: an answer of one size, or one that lies on its side, does not fit it by chance."""
BEYOND = 0.5
"""How far values may lie beyond [0, 1], where they are clipped, before they are taken for another range."""
ADOPT = "If another program wrote it, `i2i adopt FILE OUT.onnx` finds out what it gives and writes a card that is true."


def trial_complaint(card: Card, session: Session) -> str | None:
    """What is wrong with the answer to a small picture, of a model whose card has no probe; or None.

    Raises ModelFileError where that is the file's fault: a shape or a range that its card does not promise.
    """
    side = card.multiple * -(-max(TRIAL, card.smallest) // card.multiple)
    height, width = card.fixed_size or (side, side + card.multiple * -(-BESIDE // card.multiple))
    if card.image is None and card.outputs[0].kind != "point":
        height, width = (side or 0 for side in card.outputs[0].shape[1:])
    if card.probe is not None or max(height, width) > LARGEST_TRIAL:
        return None
    try:
        answers = session.run([port.name for port in card.outputs], example(card, 1, height, width))
    except Exception as error:  # ONNX Runtime's own classes
        return f"it fails on a picture of {width}x{height} pixels ({first_line(error)})"
    for port, answer in zip(card.outputs, map(np.asarray, answers), strict=True):
        if port.kind not in UNIT:
            continue
        wanted = (1, port.shape[0], height * card.scale, width * card.scale)
        if answer.shape != wanted:
            raise ModelFileError(
                f"The model gives the shape {answer.shape} where its card promises {wanted}, so sizes or channels "
                f"are not what its card says. {ADOPT}"
            )
        if not np.isfinite(answer).all():
            return "it gives values that are no numbers"
        low, high = float(answer.min()), float(answer.max())
        if low < -BEYOND or high > 1 + BEYOND:
            raise ModelFileError(
                f"The model gives values from {low:.3g} to {high:.3g} where its card promises 0 to 1: another range, "
                f"or damaged weights. Copy or export it again. {ADOPT}"
            )
    return None
