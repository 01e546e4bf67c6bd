"""The model card: what an ONNX file says of itself, as JSON under the metadata key `i2i.card`.

Standard library only, so that serving and training both read it. Sizes are in pixels; pictures at the
ONNX boundary are float32 NCHW in [0, 1]. docs/model-card.md explains every field with an example.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import zlib
from typing import Any

from .errors import ModelFileError

CARD_KEY = "i2i.card"
SCHEMA = 1
TILINGS = ("local", "global", "unsafe")

KEEPING = ("super-resolution", "restoration")
"""Tasks whose result is the input itself."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Probe:
    """A small input and the output that it must give, so that a provider proves itself before it serves.

    Both are unsigned integers of `bits` bits, little-endian, NCHW, deflated and base64; value / (2**bits - 1)
    is the picture in [0, 1].
    """

    input_shape: tuple[int, int, int, int]
    input_bits: int
    input: str
    output_shape: tuple[int, int, int, int]
    output_bits: int
    output: str
    digest: str
    """SHA-256 of the raw output integers, in hex."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Card:
    """What a model is, what it takes and gives, and how its file was checked."""

    schema: int = SCHEMA
    name: str
    """Short name, for lists and URLs: letters, digits, '-', '_' and '.'."""
    method: str
    """`pix2pix`, `cyclegan`, … as in `i2i train`."""
    task: str
    """`translation`, `super-resolution` or `restoration`."""
    source: str
    """What goes in, in words: the source domain."""
    target: str
    """What comes out, in words: the target domain."""
    input_channels: int
    output_channels: int
    input_meaning: str
    """`grey`, `rgb`, or `N bands`."""
    output_meaning: str
    scale: int = 1
    """Output pixels for each input pixel, along one side."""
    multiple: int = 1
    """Both sides of the input must be multiples of this; the engine pads and crops."""
    smallest: int = 1
    """Smallest side that the network takes, after padding."""
    tiling: str
    """`local`: convolutions alone; `global`: normalises with statistics of the whole picture; `unsafe`."""
    receptive_field: int | None = None
    """Input pixels along a side that one output pixel can depend on, statistics apart."""
    training: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Data fingerprint, images seen, seed, versions of the packages."""
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    licence: str = "unspecified"
    parity: dict[str, float] = dataclasses.field(default_factory=dict)
    """Largest difference from torch in [0, 1], by the size (`HxW`) at which it was measured."""
    probe: Probe | None = None

    @property
    def keeps_content(self) -> bool:
        """Whether the result is the input itself, larger or cleaner, and no other kind of picture."""
        return self.scale > 1 or self.task in KEEPING

    def to_json(self) -> str:
        """The card as one JSON object."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Card:
        """The card that `text` holds; raises ModelFileError on anything that is not one."""
        try:
            fields = json.loads(text)
            schema = fields.get("schema", SCHEMA)
            if schema != SCHEMA:
                raise ModelFileError(f"The model card has schema {schema}; this i2i reads {SCHEMA}. Update i2i.")
            probe = fields.get("probe")
            if probe is not None:
                shapes = {key: tuple(probe[key]) for key in ("input_shape", "output_shape")}
                fields["probe"] = Probe(**{**probe, **shapes})
            card = cls(**fields)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ModelFileError(f"The model card cannot be read ({error}). Export the model again.") from error
        for name in ("input_channels", "output_channels", "scale", "multiple", "smallest"):
            value = getattr(card, name)
            if not isinstance(value, int) or value < 1:
                raise ModelFileError(f"The model card's {name} is {value!r}; it must be a whole number from 1 on.")
        if card.tiling not in TILINGS:
            raise ModelFileError(f"The model card's tiling is {card.tiling!r}; it must be one of {TILINGS}.")
        return card


def pack(raw: bytes) -> str:
    """Raw integers as the text that a `Probe` carries."""
    return base64.b64encode(zlib.compress(raw, 9)).decode("ascii")


def unpack(text: str) -> bytes:
    """The inverse of `pack`; raises ModelFileError when the text is damaged."""
    try:
        return zlib.decompress(base64.b64decode(text, validate=True))
    except (ValueError, zlib.error) as error:
        raise ModelFileError("The model card's golden probe is damaged. Export the model again.") from error


def digest(raw: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(raw).hexdigest()
