"""One picture as bytes in, its translation as a file's bytes out; what `i2i convert` does with `-` for a pipe."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import PictureError, require
from ...images.decode import read_picture
from ...images.encode import Encoded, encoded
from ...images.formats import FORMATS, HEAD, claimed
from ...images.metadata.policy import METADATA
from ..inference.controls import NO_CONTROLS
from .pipeline import Translator
from .plan import check_format
from .single import described, translated


def convert_bytes(
    engine: Translator,
    data: bytes,
    format: str = "keep",
    quality: int | None = None,
    metadata: str = "keep",
    controls: Mapping[str, object] = NO_CONTROLS,
) -> Encoded:
    """Translate the picture that `data` is the file of; `keep` writes the format that it has.

    Raises PictureError for what is no picture, or one of several frames; RequestError for a format, quality or control
    that makes no sense.
    """
    require("metadata policy", metadata, METADATA)
    format = check_format(format, quality, engine.card.output_channels)
    if not data:
        raise PictureError("Nothing came through the pipe. Give it a picture, as in `i2i convert MODEL - - < in.png`.")
    result = translated(engine, read_picture(data), controls)
    chosen = _format_of(data) if format == "keep" else format
    return encoded(described(engine, result, chosen, metadata), chosen, quality)


def _format_of(data: bytes) -> str:
    """The key of FORMATS that a file of this beginning is written as."""
    (first, *_) = claimed(data[:HEAD])
    name = next(name for name, row in FORMATS.items() if row is first)
    return name if first.writer else first.kept_as
