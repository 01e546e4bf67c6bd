"""What decoding gives, and why it may give nothing, whichever process does it."""

from __future__ import annotations

import dataclasses
from typing import Protocol

from ...errors import I2IError, PictureError
from ..image import Header, Picture


@dataclasses.dataclass(frozen=True)
class Seen:
    """A first look at a file."""

    header: Header
    picture: Picture | None
    """Where it was decoded at once."""
    error: PictureError | None
    """Why the pixels could not be."""


class Decoder(Protocol):
    """Decodes what strangers send. Safe to call from several threads."""

    def start(self) -> None:
        """Load the decoders now, and not with the first picture."""

    def look(self, data: bytes) -> Seen:
        """Size and channels, and with them the picture where it is a small one.

        Raises PictureError where it is no picture or is beyond the bounds, CrowdedError, DecoderError.
        """

    def picture(self, data: bytes, seen: Seen, max_pixels: int) -> Picture:
        """The picture of which `seen` is the look; raises what `read_picture` raises, CrowdedError, DecoderError."""

    def close(self) -> None:
        """End what was started; what is asked next starts it again."""


class DecoderError(I2IError):
    """A worker was ended from outside; the picture may be fine."""


class CrowdedError(I2IError):
    """Too many pictures wait to be decoded."""

    def __init__(self) -> None:
        super().__init__("Too many pictures wait to be decoded. Try again in a few seconds.")
