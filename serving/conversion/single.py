"""One picture by itself, in the calling thread: translated, and described as its file says how it was made."""

from __future__ import annotations

from collections.abc import Mapping

from ...images.image import Picture
from ...images.metadata.made_by import made_by
from ...images.metadata.policy import kept
from ..inference.controls import NO_CONTROLS
from .pipeline import Translator


def translated(engine: Translator, picture: Picture, controls: Mapping[str, object] = NO_CONTROLS) -> Picture:
    """What the model makes of a picture; raises what preparing and computing raise."""
    prepared = engine.prepare(picture, controls)
    return engine.finish(prepared, engine.submit(prepared).result())


def described(engine: Translator, result: Picture, format: str, metadata: str) -> Picture:
    """A result with what goes along into its file: the note of the model, and what the policy `metadata` keeps."""
    return kept(made_by(result, engine.card.name, engine.sha256, format), metadata)
