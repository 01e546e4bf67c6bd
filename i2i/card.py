"""The model card: what an ONNX file says of itself, as JSON under the metadata key `i2i.card`.

Standard library only, so that serving and training both read it. Sizes are in pixels; pictures at the
ONNX boundary are float32 NCHW in [0, 1]. docs/model-card.md explains every field with an example.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from .errors import ModelFileError
from .ports import SAMPLES, Port, Probe, check_port, is_count, read_port, read_probe, translator_ports

CARD_KEY = "i2i.card"
SCHEMA = 2
TILINGS = ("local", "global", "unsafe")

KEEPING = ("super-resolution", "restoration")
"""Tasks whose result is the input itself."""

SUPERVISION = {
    "pix2pix": "paired",
    "cyclegan": "unpaired",
    "discogan": "unpaired",
    "cut": "unpaired",
    "srgan": "degraded",
    "esrgan": "degraded",
    "real-esrgan": "degraded",
}
"""What methods learn from, where a card of schema 1 or other people's weights do not say it."""

MOST = {"scale": 64, "multiple": 2**16, "smallest": 2**16, "receptive_field": 2**24}
"""What is taken for a mistake, or for a file that was made to harm, beyond it."""

LONGEST = 1000
"""Letters of a name, likewise."""

OF_PORTS = ("input_channels", "output_channels", "input_meaning", "output_meaning")
"""Fields of schema 1 that follow from the ports; scripts read them, so JSON still has them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Card:
    """What a model is, what it takes and gives, and how its file was checked."""

    schema: int = SCHEMA
    name: str
    """Short name, for lists and URLs: letters, digits, '-', '_' and '.'."""
    method: str
    """`pix2pix`, `cyclegan`, … as in `i2i train`."""
    supervision: str
    """`paired`, `unpaired`, `degraded` (from one set of pictures) or `unknown`."""
    task: str
    """`translation`, `super-resolution`, `restoration`, or `generation` of pictures from noise."""
    source: str
    """What goes in, in words: the source domain."""
    target: str
    """What comes out, in words: the target domain."""
    inputs: tuple[Port, ...]
    """In the graph's order."""
    outputs: tuple[Port, ...]
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
    parity: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    """For each output, the largest difference from torch in [0, 1], by the size (`NxHxW`) at which it was measured."""
    probe: Probe | None = None

    @property
    def keeps_content(self) -> bool:
        """Whether the result is the input itself, larger or cleaner, and no other kind of picture."""
        return self.scale > 1 or self.task in KEEPING

    @property
    def image(self) -> Port | None:
        """The picture to translate; None for a model that needs none."""
        return next((port for port in self.inputs if port.kind == "image"), None)

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """Height and width of the only pictures that the graph takes; None where it takes others."""
        sides = () if self.image is None else self.image.shape[1:]
        return (sides[0] or 0, sides[1] or 0) if len(sides) == 2 and None not in sides else None

    @property
    def input_channels(self) -> int:
        """Of the picture to translate; 0 where there is none."""
        return 0 if self.image is None else self.image.shape[0] or 0

    @property
    def output_channels(self) -> int:
        """Of the translation."""
        return self.outputs[0].shape[0] or 0

    @property
    def input_meaning(self) -> str:
        """`grey`, `rgb`, or `N bands`; `none` where no picture goes in."""
        return "none" if self.image is None else meaning(self.input_channels)

    @property
    def output_meaning(self) -> str:
        """Likewise; what is generated may be `rgba`, its colours multiplied by its alpha, `volume` or `point`."""
        if self.outputs[0].kind in SAMPLES:
            return self.outputs[0].kind
        return "rgba" if self.image is None and self.output_channels == 4 else meaning(self.output_channels)

    @property
    def controls(self) -> tuple[Port, ...]:
        """What a user can set beside the picture."""
        return tuple(port for port in self.inputs if port.kind != "image")

    @property
    def worst_parity(self) -> float | None:
        """The largest difference from torch over outputs and sizes; None when it was not measured."""
        return max((value for sizes in self.parity.values() for value in sizes.values()), default=None)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it. The channels and their meaning, which schema 1 had as fields, are said beside the ports."""
        fields = dataclasses.asdict(self)
        fields |= {"inputs": [port.to_dict() for port in self.inputs]}
        fields |= {"outputs": [port.to_dict() for port in self.outputs]}
        return {**fields, **{name: getattr(self, name) for name in OF_PORTS}}

    def to_json(self) -> str:
        """The card as one JSON object; of names of folders that are no Unicode, `?` stands for what is not."""
        return json.dumps(self.to_dict(), ensure_ascii=False).encode("utf-8", "replace").decode()

    @classmethod
    def from_json(cls, text: str) -> Card:
        """The card that `text` holds, of either schema; raises ModelFileError on anything that is not one."""
        try:
            fields = json.loads(text)
            _insist(isinstance(fields, dict), "it holds no fields by name")
            schema = fields.get("schema", 1)
            if schema not in (1, SCHEMA):
                raise ModelFileError(f"The model card has schema {schema}; this i2i reads 1 and {SCHEMA}. Update i2i.")
            if schema == 1:
                fields = _from_first_schema(fields)
            fields = {key: value for key, value in fields.items() if key not in OF_PORTS}
            for side in ("inputs", "outputs"):
                fields[side] = tuple(read_port(each) for each in fields[side])
            if fields.get("probe") is not None:
                fields["probe"] = read_probe(fields["probe"])
            card = cls(**fields)
            check(card)
        except RecursionError as error:
            raise ModelFileError(
                "The model card cannot be read (it is nested too deeply). Export the model again."
            ) from error
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError) as error:
            raise ModelFileError(f"The model card cannot be read ({error}). Export the model again.") from error
        return card


def meaning(channels: int) -> str:
    """What so many channels are."""
    return {1: "grey", 3: "rgb"}.get(channels, f"{channels} bands")


def check(card: Card) -> None:
    """Raises ValueError, saying what is wrong, on a card that describes no model."""
    for name in ("name", "method", "supervision", "task", "source", "target", "licence"):
        _insist(isinstance(getattr(card, name), str), f"{name} is {getattr(card, name)!r} and no text")
        _insist(len(getattr(card, name)) <= LONGEST, f"{name} has {len(getattr(card, name)):,} letters")
    for name, most in MOST.items():
        if name != "receptive_field" or card.receptive_field is not None:
            _check_count(name, getattr(card, name))
            _insist(
                getattr(card, name) <= most, f"{name} is {getattr(card, name):,}; no network has more than {most:,}"
            )
    _insist(card.tiling in TILINGS, f"tiling is {card.tiling!r}; it must be one of {TILINGS}")
    _insist(isinstance(card.training, dict), "training holds no facts by name")
    _insist(isinstance(card.parity, dict), "parity holds no figures by name")
    for name, figures in (
        ("metrics", card.metrics),
        *((f"parity of {name!r}", row) for name, row in card.parity.items()),
    ):
        numbers = isinstance(figures, dict) and all(isinstance(value, int | float) for value in figures.values())
        _insist(numbers, f"{name} holds no numbers by name")
    for side, ports in (("inputs", card.inputs), ("outputs", card.outputs)):
        _insist(bool(ports), f"{side} is empty")
        _insist(len({port.name for port in ports}) == len(ports), f"two {side} have the same name")
        for port in ports:
            check_port(port)
    _insist(sum(port.kind == "image" for port in card.inputs) <= 1, "inputs has two pictures to translate")
    made = ("image",) if card.image is not None else ("image", *SAMPLES)
    _insist(card.outputs[0].kind in made, "the first output is no picture")
    if card.image is None:
        _insist(any(port.kind == "latent" for port in card.inputs), "inputs has neither a picture nor a latent")
        sides = [side or 0 for side in card.outputs[0].shape]
        _insist(all(0 < side <= MOST["smallest"] for side in sides), f"pictures of shape {sides} are made of no latent")


def _check_count(name: str, value: object) -> None:
    _insist(is_count(value), f"{name} is {value!r}; it must be a whole number from 1 on")


def _insist(holds: bool, sentence: str) -> None:
    if not holds:
        raise ValueError(sentence)


def _from_first_schema(fields: dict[str, Any]) -> dict[str, Any]:
    """The same card with what schema 2 says in other words or in addition."""
    sides = (fields["input_channels"], fields["output_channels"])
    for name, channels in zip(OF_PORTS, sides, strict=False):
        _check_count(name, channels)
    probe = fields.get("probe")
    if probe is not None:
        inside, outside = (
            {port: {"type": f"unorm{probe[f'{side}_bits']}", "shape": probe[f"{side}_shape"], "data": probe[side]}}
            for side, port in (("input", "image"), ("output", "translation"))
        )
        probe = {"inputs": inside, "outputs": outside, "digest": probe["digest"]}
    ports = translator_ports(*sides)
    return {
        "supervision": SUPERVISION.get(fields["method"], "unknown"),
        **fields,
        "inputs": [dataclasses.asdict(port) for port in ports["inputs"]],
        "outputs": [dataclasses.asdict(port) for port in ports["outputs"]],
        "schema": SCHEMA,
        "parity": {"translation": fields["parity"]} if fields.get("parity") else {},
        "probe": probe,
    }
