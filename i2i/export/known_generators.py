"""The generators of the widely used PyTorch CycleGAN/pix2pix code and of the CUT code, as their tensors tell them.

What is here are facts about those files: the names under which a layer lies there and in our networks.
https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix and https://github.com/taesungp/contrastive-unpaired-translation
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import ModelFileError
from ..networks import Generator
from ..networks.resnet import ResnetGenerator
from ..networks.unet import UNet

Tensors = Mapping[str, Tensor]
DEEPEST = 16
"""Steps of a U-Net that are looked for; 16 is a picture of 65,536 pixels a side."""
DOWNWARDS, UPWARDS = 3, 4
BLURS = {DOWNWARDS: (1.0, 2.0, 1.0), UPWARDS: (1.0, 3.0, 3.0, 1.0)}
"""The anti-aliasing filters by their side; the CUT code has no other."""


@dataclasses.dataclass(frozen=True)
class Layer:
    """A convolution and the normalisation behind it: keys there and here, without `.weight` and so on."""

    theirs: str
    ours: str
    their_norm: str | None = None
    our_norm: str | None = None


@dataclasses.dataclass(frozen=True)
class Known:
    """A generator as its tensors tell it."""

    words: str
    """What it is, for people."""
    method: str
    """What trains such a generator by default."""
    network: Callable[..., Generator]
    options: dict[str, Any]
    """What `network` takes, but for the channels and the norm."""
    channels: tuple[int, int]
    """Of the input and the output."""
    layers: tuple[Layer, ...]
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """For networks whose tensors are ours as they stand (no `layers`): their keys that differ, and ours."""
    filters: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """Keys of the fixed blurs, which our network computes without tensors, and the side of each."""


def recognise(tensors: Tensors, path: object) -> Known:
    """Which generator the tensors are; raises ModelFileError, naming what they are instead where that is known."""
    for pattern, infer in FORMS.items():
        if any(re.match(pattern, key) for key in tensors):
            known = infer(tensors)
            _check_filters(tensors, known.filters, path)
            return known
    for pattern, words in OTHERS.items():
        if any(re.match(pattern, key) for key in tensors):
            raise ModelFileError(f"{path} holds {words}")
    raise ModelFileError(
        f"{path} holds no ResNet and no U-Net of the PyTorch CycleGAN/pix2pix or CUT code, and no RRDBNet or compact "
        f"network of (Real-)ESRGAN: its first tensor is called {next(iter(tensors))!r}. {ONNX}"
    )


def _resnet(tensors: Tensors) -> Known:
    blocks = len({key.split(".")[1] for key in tensors if re.match(r"model\.\d+\.conv_block\.", key)})
    down = "model.7.filt" in tensors
    # Without dropout a norm's weight may stand at the second convolution's place, but only that has four axes.
    dropout = any(value.ndim == 4 for key, value in tensors.items() if key.endswith(".conv_block.6.weight"))
    up = f"model.{(12 if down else 10) + blocks}.filt" in tensors
    layers, filters = _resnet_layers(blocks, dropout, down, up)
    first, last = tensors.get("model.1.weight"), tensors.get(f"{layers[-1].theirs}.weight")
    width, into = _sides(first, 0, 1)
    blurred = {(True, True): ", anti-aliased", (True, False): ", anti-aliased on the way down",
               (False, True): ", anti-aliased on the way up", (False, False): ""}[down, up]  # fmt: skip
    return Known(
        words=f"ResNet with {blocks} blocks, {width} channels wide{blurred}",
        method="cut" if down or up else "cyclegan",
        network=ResnetGenerator,
        options={"blocks": blocks, "width": width, "antialias": down, "up": "bilinear" if up else "transposed"},
        channels=(into, _sides(last, 0, 1)[0]),
        layers=tuple(layers),
        filters=filters,
    )


def _resnet_layers(blocks: int, dropout: bool, down: bool, up: bool) -> tuple[list[Layer], dict[str, int]]:
    """Theirs is one flat sequence with the paddings and the upward blurs in it, which ours has inside its layers."""
    filters: dict[str, int] = {}
    layers: list[Layer] = []
    theirs, ours = 1, 0

    def convolution() -> None:
        nonlocal theirs, ours
        layers.append(Layer(f"model.{theirs}", f"layers.{ours}", f"model.{theirs + 1}", f"layers.{ours + 1}"))
        theirs, ours = theirs + 3, ours + 3

    convolution()
    for _ in range(2):
        convolution()
        if down:
            filters[f"model.{theirs}.filt"] = DOWNWARDS
            theirs, ours = theirs + 1, ours + 1
    for _ in range(blocks):
        there, here = f"model.{theirs}.conv_block", f"layers.{ours}.branch"
        for n, m in ((1, 0), (6 if dropout else 5, 4)):
            layers.append(Layer(f"{there}.{n}", f"{here}.{m}", f"{there}.{n + 1}", f"{here}.{m + 1}"))
        theirs, ours = theirs + 1, ours + 1
    for _ in range(2):
        if up:
            filters[f"model.{theirs}.filt"] = UPWARDS
            theirs += 1
        convolution()
    layers.append(Layer(f"model.{theirs + 1}", f"layers.{ours}"))
    return layers, filters


def _unet(tensors: Tensors) -> Known:
    """Theirs is a block in a block: each down, then what is inside of it, then up."""
    inside = ["model.model.1.model"]
    while any(key.startswith(f"{inside[-1]}.3.model.") for key in tensors) and len(inside) < DEEPEST:
        inside.append(f"{inside[-1]}.3.model")
    depth = len(inside) + 1
    down, up = [Layer("model.model.0", "down.0")], []
    for level, there in enumerate(inside, 1):
        innermost, back = level == depth - 1, depth - 1 - level
        norms = (None, None) if innermost else (f"{there}.2", f"down_norms.{level}")
        down.append(Layer(f"{there}.1", f"down.{level}", *norms))
        at = 3 if innermost else 5
        up.append(Layer(f"{there}.{at}", f"up.{back}", f"{there}.{at + 1}", f"up_norms.{back}"))
    width, into = _sides(tensors.get("model.model.0.weight"), 0, 1)
    return Known(
        words=f"U-Net with {depth} steps down (for {2**depth} pixels), {width} channels wide",
        method="pix2pix",
        network=UNet,
        options={"depth": depth, "width": width},
        channels=(into, _sides(tensors.get("model.model.3.weight"), 1, 0)[0]),
        layers=(*down, *up, Layer("model.model.3", "last")),
    )


def _sides(weight: Tensor | None, first: int, second: int) -> tuple[int, int]:
    """Two of a convolution's axes; 1 where it is missing, which is said later, with its name."""
    return (1, 1) if weight is None or weight.ndim != 4 else (weight.shape[first], weight.shape[second])


def _check_filters(tensors: Tensors, filters: Mapping[str, int], path: object) -> None:
    for key, side in filters.items():
        row = torch.tensor(BLURS[side])
        row = row / row.sum() * (2 if side == UPWARDS else 1)  # what is enlarged keeps its brightness
        found = tensors.get(key)
        if found is None or found.ndim != 4 or found.shape[2:] != (side, side):
            raise ModelFileError(f"{path} has no blur {key!r} as the CUT code has it, so it cannot be run rightly.")
        if not torch.allclose(found, (row[:, None] * row).expand_as(found), atol=1e-3):
            raise ModelFileError(f"{path} has another blur in {key!r} than the CUT code, so it cannot be run rightly.")


FORMS: dict[str, Callable[[Tensors], Known]] = {
    r"model\.\d+\.conv_block\.": _resnet,
    r"model\.model\.": _unet,
}
"""The generators, by a key that only they have."""

ONNX = "No other code's weights are known: export them to ONNX where they were made, and `i2i adopt` takes that."
_BESIDE = "The generator is in a file like latest_net_G.pth."
OTHERS = {
    r"conv\d\.weight_orig$": "what looks like the discriminator of Real-ESRGAN, which generates no pictures. "
    "The generator is in a file like net_g_latest.pth.",
    r"(conv0_0|features\.0|conv0)\.(0\.)?weight$": "what looks like a discriminator or a classifier of the VGG kind, "
    "which generates no pictures.",
    r"(model|net)\.0\.(weight|bias)$": f"what looks like a discriminator, which generates no pictures. {_BESIDE}",
    r"mlp_\d+\.": f"the feature sampler of the CUT code, which serves its training alone. {_BESIDE}",
    r"lin\d\.model\.\d\.weight$": "what looks like the heads of LPIPS, a distance between pictures, not a generator.",
    r"(model\.diffusion_model|first_stage_model|unet|down_blocks)\.": "a diffusion model, which i2i does not run.",
    r".*lora_(up|down|A|B)\.": "what a LoRA adds to another model, not a network by itself.",
    r"layers\.\d+\.residual_group\.": f"a SwinIR or HAT, whose weights i2i does not read. {ONNX}",
    r"layer1\.0\.conv1\.weight$": "a ResNet that classifies, which generates no pictures.",
}
"""What else people have in such files: a key that only it has, and what it is."""
