"""Ports, the named inputs and outputs of a model file, and the small arrays that a card holds for them.

Standard library only. A port's JSON is its fields; an array's is its type, shape and elements as text.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import math
import re
import zlib
from typing import Any, TypedDict

from .errors import ModelFileError

PICTURES = ("image", "mask", "reference")
"""Kinds of ports that hold (N, C, H, W) in [0, 1]."""
SAMPLES = ("volume", "point")
"""Kinds of outputs that are made from noise instead of pictures: (N, D, H, W) in [0, 1], and (N, 2)."""
UNIT = (*PICTURES, "volume")
"""Kinds with values in [0, 1]."""
KINDS = (*PICTURES, *SAMPLES, "label", "latent", "noise", "state", "number")

PRIORS = ("normal", "uniform")
"""What latents are drawn from: N(0, 1), or U(-1, 1)."""

ARRAYS = {"unorm8": 1, "unorm16": 2, "float32": 4, "int64": 8}
"""Bytes of an element in each type of a packed array, little-endian."""

TAKEN = ("model", "picture")
"""What requests call something else by, and no port can be called."""


@dataclasses.dataclass(frozen=True)
class Port:
    """A named input or output of the graph."""

    name: str
    kind: str
    """One of KINDS."""
    shape: tuple[int | None, ...] = ()
    """Without the batch axis; None is a side that follows the picture. A label's and a number's are empty."""
    low: float | None = None
    """Least value, or least strength of a noise; None: unbounded."""
    high: float | None = None
    """Likewise the largest."""
    choices: tuple[str, ...] = ()
    """What a label may be, by name, in the order of its numbers."""
    default: str | float | None = None
    """What is taken where the user gives nothing: a label's name, a latent's seed, a noise's strength, a number."""
    prior: str = "normal"
    """What a latent is drawn from: one of PRIORS."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; of other kinds than latents without the prior, which they have not."""
        fields = dataclasses.asdict(self)
        if self.kind != "latent":
            del fields["prior"]
        return fields


@dataclasses.dataclass(frozen=True, kw_only=True)
class Packed:
    """A small array as text: its elements little-endian, deflated and base64."""

    type: str
    """One of ARRAYS; `unorm8` and `unorm16` are unsigned integers u of n bits that stand for u / (2**n - 1)."""
    shape: tuple[int, ...]
    """With the batch axis."""
    data: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Probe:
    """Small inputs and the outputs that they must give, so that a provider proves itself before it serves."""

    inputs: dict[str, Packed]
    """An array for each input, by the port's name."""
    outputs: dict[str, Packed]
    """Likewise for each output."""
    digest: str
    """SHA-256 of the raw elements of the outputs, in hex."""


class Ports(TypedDict):
    """Both fields of a card that hold ports."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def picture_port(name: str, channels: int, kind: str = "image") -> Port:
    """A picture of any size in [0, 1]."""
    return Port(name, kind, (channels, None, None), 0.0, 1.0)


def translator_ports(input_channels: int, output_channels: int) -> Ports:
    """`inputs` and `outputs` of a model with one picture in and one out."""
    return {
        "inputs": (picture_port("image", input_channels),),
        "outputs": (picture_port("translation", output_channels),),
    }


def read_port(fields: dict[str, Any]) -> Port:
    """A port from its JSON; raises ValueError, TypeError or AttributeError on anything else."""
    port = Port(**{**fields, "shape": tuple(fields.get("shape", ())), "choices": tuple(fields.get("choices", ()))})
    check_port(port)
    return port


def check_port(port: Port) -> None:
    """Raises ValueError, saying what is wrong, on a port that no graph can have."""

    def insist(holds: bool, rule: str) -> None:
        if not holds:
            raise ValueError(f"port {port.name!r}: {rule}")

    insist(isinstance(port.name, str) and re.fullmatch(r"[A-Za-z_]\w*", port.name, re.ASCII) is not None, "no name")
    insist(port.name not in TAKEN, "requests use this name for something else")
    insist(port.kind in KINDS, f"kind {port.kind!r} is none of {', '.join(KINDS)}")
    insist(all(side is None or is_count(side) for side in port.shape), f"shape {port.shape} is not of sides from 1 on")
    insist(all(end is None or is_number(end) for end in (port.low, port.high)), "low and high are numbers or null")
    if port.low is not None and port.high is not None:
        insist(port.low <= port.high, f"low is {port.low}, above high, which is {port.high}")
    insist(len(set(port.choices)) == len(port.choices), "two choices have the same name")
    insist(all(isinstance(each, str) and each for each in port.choices), "its choices are no names")
    insist(port.prior in PRIORS, f"prior {port.prior!r} is none of {', '.join(PRIORS)}")
    if port.kind in PICTURES:
        insist(len(port.shape) == 3 and port.shape[0] is not None, "a picture's shape is [channels, null, null]")
    elif port.kind == "volume":
        insist(len(port.shape) == 3 and None not in port.shape, "a volume's shape is [depth, height, width]")
    elif port.kind == "point":
        insist(port.shape == (2,), "a point's shape is [2]")
    elif port.kind == "label":
        insist(bool(port.choices) and not port.shape, "a label has choices and no shape")
        insist(port.default is None or port.default in port.choices, f"default {port.default!r} is no choice")
    elif port.kind == "latent":
        insist(bool(port.shape) and None not in port.shape, "a latent has a fixed shape")
        insist(port.default is None or (is_number(port.default) and port.default == int(port.default) >= 0), "no seed")
    elif port.kind == "noise":
        insist(bool(port.shape), "a noise has a shape")
        insist(port.default is None or is_number(port.default), "its default is no strength")
    elif port.kind == "number":
        low, high, default = port.low, port.high, port.low if port.default is None else port.default
        insist(not port.shape, "a number has no shape")
        insist(low is not None and high is not None, "a number has both low and high")
        is_within = is_number(default) and low is not None and high is not None and low <= float(default or 0) <= high
        insist(is_within, f"default {port.default!r} does not lie from low to high")


def is_count(value: object) -> bool:
    """Whether it is a whole number from 1 on."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_number(value: object) -> bool:
    """Whether it is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def read_probe(fields: dict[str, Any]) -> Probe:
    """A probe from its JSON; raises ValueError, KeyError, TypeError or AttributeError on anything else."""
    arrays = {side: {name: _packed(each) for name, each in fields[side].items()} for side in ("inputs", "outputs")}
    probe = Probe(**{**fields, **arrays})
    if not isinstance(probe.digest, str):
        raise ValueError("the probe's digest is no text")
    return probe


def _packed(fields: dict[str, Any]) -> Packed:
    packed = Packed(**{**fields, "shape": tuple(fields["shape"])})
    if packed.type not in ARRAYS or not all(map(is_count, packed.shape)) or not isinstance(packed.data, str):
        raise ValueError(f"the probe has an array of type {packed.type!r} and shape {packed.shape}")
    return packed


def pack(raw: bytes) -> str:
    """Raw elements as the text that a `Packed` carries."""
    return base64.b64encode(zlib.compress(raw, 9)).decode("ascii")


def unpack(packed: Packed) -> bytes:
    """The raw elements; raises ModelFileError when the text is damaged or of another length than the shape says."""
    size = math.prod(packed.shape) * ARRAYS[packed.type]
    try:
        inflater = zlib.decompressobj()
        raw = inflater.decompress(base64.b64decode(packed.data, validate=True), size + 1)
    except (ValueError, zlib.error) as error:
        raise ModelFileError("The model card's golden probe is damaged. Export the model again.") from error
    if len(raw) != size:
        raise ModelFileError("The model card's golden probe is not of the shape it says. Export the model again.")
    return raw


def digest(raw: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(raw).hexdigest()
