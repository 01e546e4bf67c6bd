"""What the page wants to know of a file that makes pictures from noise."""

from __future__ import annotations

import math
from typing import Any

from ....errors import ModelFileError
from ...generation.directions import read_directions
from ...generation.looks import size_of
from ...generation.picks import latents_of, style_of, truncation_of
from ..service import ModelService


def making_facts(service: ModelService) -> dict[str, Any]:
    """Sizes, classes, bounds of truncation, and directions with their names as they lie beside the model now."""
    card, model = service.card, service.model
    latent, style, port = latents_of(card)[0], style_of(card), truncation_of(card)
    label = next((each for each in card.inputs if each.kind == "label"), None)
    noise = next((each.name for each in card.inputs if each.kind == "noise"), None)
    try:
        directions = read_directions(model.path, model.found.sha256)
    except ModelFileError:  # a file that somebody edits costs no page
        directions = ()
    return {
        "size": list(size_of(card)),
        "latent": {"name": latent.name, "size": math.prod(side or 0 for side in latent.shape), "prior": latent.prior},
        "layers": None if style is None else style[0].shape[0],
        "label": None if label is None else {"name": label.name, "choices": list(label.choices)},
        "truncation": None if port is None else {"low": port.low, "high": port.high, "default": port.default},
        "noise": noise,
        "directions": [{"name": each.name, "share": each.share} for each in directions],
    }
