"""A generator as one self-contained ONNX file: graph, weights, card and golden probe, checked against torch.

The file's inputs and outputs are the card's ports. Pictures are float32 NCHW in [0, 1] with N, H and W free; the graph
maps them to and from the network's [-1, 1] itself and clips. The network is exported as it is served: no dropout, and
every BatchNorm over the picture at hand, as an affine InstanceNormalization.
"""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from ..card import CARD_KEY, Card
from ..files import write_atomically
from ..half import to_half
from ..networks import Generator, for_inference
from ..ports import UNIT
from ..probes import Arrays, golden_probe
from ..tail import end_in_convolution
from .proof import parity
from .trace import Trace, at_any_size, at_one_size, quiet


class Boundary(nn.Module):
    """The generator with [0, 1] on both sides, called with one tensor for each input port, in their order.

    The generator gets the picture as its first argument and every other port by its name; what it gives is a tensor,
    or one for each output port in their order. Masks stay in [0, 1], all other pictures become [-1, 1], unless the
    generator takes [0, 1] itself.
    """

    def __init__(self, generator: nn.Module, card: Card) -> None:
        super().__init__()
        self.generator = generator
        self.signed = getattr(generator, "low", -1.0) < 0
        self.inputs, self.outputs = card.inputs, card.outputs

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """The input ports' tensors -> the output ports' tensors."""
        named = {
            port.name: value * 2 - 1 if self.signed and port.kind in ("image", "reference") else value
            for port, value in zip(self.inputs, given, strict=True)
        }
        picture = [named.pop(port.name) for port in self.inputs if port.kind == "image"]
        answer = self.generator(*picture, **named)
        answers = (answer,) if isinstance(answer, Tensor) else tuple(answer)
        return tuple(
            ((y + 1) / 2 if self.signed and port.kind in ("image", "volume") else y).clamp(0, 1)
            if port.kind in UNIT
            else y
            for port, y in zip(self.outputs, answers, strict=True)
        )


def export_onnx(generator: Generator, path: Path, card: Card, precision: str = "fp32") -> Card:
    """Write `generator` to `path` and give the card as written; `generator` stays as it was.

    The size rule, the scale, the tiling class, parity and probe of `card` are filled in from the network. The check
    runs at sizes other than the traced one, alone and as four pictures, for a shape baked in by tracing shows only
    there. A network whose graph, traced at one size, fails it is traced once more with the sizes left open, which takes
    several times as long.
    Raises ExportError when the file and torch disagree (then nothing is written), StorageError on a full disk.
    """
    card = dataclasses.replace(card, **dataclasses.asdict(generator.geometry))
    served = Boundary(copy.deepcopy(for_inference(generator)).cpu().float(), card).eval()
    side = -(-max(card.smallest, 32) // card.multiple) * card.multiple

    def run(arrays: Arrays) -> Arrays:
        with torch.no_grad():
            answers = served(*(torch.from_numpy(arrays[port.name]) for port in card.inputs))
        return {port.name: answer.numpy() for port, answer in zip(card.outputs, answers, strict=True)}

    def checked(trace: Trace) -> tuple[onnx.ModelProto, dict[str, dict[str, float]]]:
        model = trace(served, card, side)
        end_in_convolution(model)
        if precision == "fp16":
            with quiet():
                model = to_half(model)
        return model, parity(run, model.SerializeToString(), card, side, precision)

    try:
        model, found = checked(at_one_size)
    except Exception:  # the exporter, ONNX Runtime or the parity gate, by what was baked in
        model, found = checked(at_any_size)
    card = dataclasses.replace(card, parity=found, probe=golden_probe(run, card, side))
    entry = model.metadata_props.add()
    entry.key, entry.value = CARD_KEY, card.to_json()
    write_atomically(path, model.SerializeToString())
    return card
