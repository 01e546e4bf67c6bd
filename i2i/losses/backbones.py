"""Networks trained on ImageNet whose features pictures are compared by: VGG-19 and SqueezeNet 1.1, by layer.

Pictures are (N, C, H, W) in [-1, 1], RGB or grey. The architectures are torchvision's own; weights are torchvision's
files, or for SqueezeNet the authors' own release, told apart by their names.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from ..errors import ConfigError, ModelFileError, UnknownNameError
from ..networks.kernels.layers import to_channels_last
from .weights import Weights, read

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pictures in [0, 1], RGB: what torchvision's networks were trained with."""
AUTHORS_MEAN = (123.68, 116.779, 103.939)
"""The same in 0..255, of networks trained in Caffe, which take the mean out and divide by nothing."""


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A row of BACKBONES."""

    build: Callable[[], nn.Module]
    """The network without weights; its `features` are an nn.Sequential."""
    url: str
    """torchvision's own file, whose name pins its digest."""
    layers: dict[str, int]
    """What a layer is called, and its place in `features`."""
    mark: tuple[str, tuple[int, ...]]
    """A tensor and its shape, in torchvision's names, by which weights of this network are known."""
    variable: str
    """Environment variable that may name the file of weights."""


def _vgg19_layers() -> dict[str, int]:
    """`conv1_1`, `relu1_1`, … `relu5_4`: block and number within it, as in Simonyan and Zisserman, 2015, table 1."""
    names: dict[str, int] = {}
    place = 0
    for block, convolutions in enumerate((2, 2, 4, 4, 4), start=1):
        for n in range(1, convolutions + 1):
            names |= {f"conv{block}_{n}": place, f"relu{block}_{n}": place + 1}
            place += 2
        place += 1  # the pooling
    return names


def _vgg19() -> nn.Module:
    from torchvision.models import vgg19  # takes as long to import as torch itself

    return cast(nn.Module, vgg19(weights=None, init_weights=False))


def _squeezenet() -> nn.Module:
    from torchvision.models import squeezenet1_1

    return cast(nn.Module, squeezenet1_1(weights=None))


BACKBONES: dict[str, Backbone] = {
    "vgg19": Backbone(
        _vgg19,
        "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
        _vgg19_layers(),
        ("features.34.weight", (512, 512, 3, 3)),
        "I2I_VGG19",
    ),
    "squeezenet": Backbone(
        _squeezenet,
        "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
        {"conv1": 0, "relu1": 1, "pool1": 2, "fire2": 3, "fire3": 4, "pool3": 5, "fire4": 6, "fire5": 7, "pool5": 8,
         "fire6": 9, "fire7": 10, "fire8": 11, "fire9": 12},
        ("features.12.expand3x3.weight", (256, 64, 3, 3)),
        "I2I_SQUEEZENET",
    ),
}  # fmt: skip
"""By name, in the order in which `auto` looks for them."""


class Features(nn.Module):
    """Maps of a backbone by layer: (N, 1 or 3, H, W) in [-1, 1] -> {layer: (N, channels, h, w)}.

    It is frozen and stays in eval mode, and gradients flow through it to the pictures. `release` is whose weights they
    are: `torchvision` or `authors`.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, layers: Collection[str], weights: Weights) -> None:
        super().__init__()
        backbone = BACKBONES[name]
        places = {layer: layer_index(name, layer) for layer in layers}
        weights, self.release = as_torchvision(weights)
        with torch.device("meta"):  # VGG's classifier, which is not needed, would take 500 MB
            network = cast(nn.Module, backbone.build().features)
        own = {k.removeprefix("features."): v for k, v in weights.items() if k.startswith("features.")}
        network.load_state_dict(own, assign=True)
        self.layers = nn.ModuleList(list(network.children())[: max(places.values()) + 1])
        for module in self.layers.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False  # the map before it may be asked for
        self.places = places
        for key, value in zip(("mean", "std"), _intake(self.release), strict=True):
            self.register_buffer(key, torch.tensor(value)[:, None, None], persistent=False)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Features:  # noqa: ARG002
        """Stays in eval mode, whatever it is part of."""
        return super().train(False)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """(N, 1 or 3, H, W) in [-1, 1] -> the wanted maps by layer."""
        x = to_channels_last(((pictures.float() + 1) / 2 - self.mean) / self.std)
        wanted = {place: layer for layer, place in self.places.items()}
        maps: dict[str, Tensor] = {}
        for place, layer in enumerate(self.layers):
            x = layer(x)
            if place in wanted:
                maps[wanted[place]] = x
        return maps


def _intake(release: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation, in [0, 1], of the pictures that these weights take."""
    if release == "torchvision":
        return MEAN, STD
    return tuple(value / 255 for value in AUTHORS_MEAN), (1 / 255,) * 3


def layer_index(name: str, layer: str) -> int:
    """The place of a layer in a backbone; raises UnknownNameError."""
    layers = BACKBONES[name].layers
    if layer not in layers:
        raise UnknownNameError(f"layer of {name}", layer, layers)
    return layers[layer]


def as_torchvision(weights: Weights) -> tuple[Weights, str]:
    """Weights under torchvision's names, and whose release they are.

    The authors' SqueezeNet has other names (`fire2/squeeze1x1.weight`) and takes BGR: its first kernels are turned to
    RGB.
    """
    if "fire2/squeeze1x1.weight" not in weights:
        return weights, "torchvision"
    named: Weights = {}
    for key, value in weights.items():
        layer, _, rest = key.partition("/" if "/" in key else ".")
        if layer in BACKBONES["squeezenet"].layers:
            inner = rest.replace("squeeze1x1", "squeeze")
            named[f"features.{BACKBONES['squeezenet'].layers[layer]}.{inner}"] = value
    named["features.0.weight"] = named["features.0.weight"].flip(1)
    return named, "authors"


def identify(weights: Mapping[str, Tensor], path: Path) -> str:
    """Which backbone a file's weights belong to; raises ModelFileError when none."""
    named, _ = as_torchvision(dict(weights))
    for name, backbone in BACKBONES.items():
        key, shape = backbone.mark
        if key in named and tuple(named[key].shape) == shape:
            return name
    raise ModelFileError(
        f"{path} holds no weights of {' or '.join(BACKBONES)}, by the names in it. Give torchvision's own file, such "
        f"as {BACKBONES['vgg19'].url}, or go without: --set perceptual.network=none."
    )


def load(name: str, layers: Collection[str], path: Path) -> Features:
    """The backbone called `name` with the weights of a file; raises ModelFileError when they are not its own."""
    weights = read(path)
    found = identify(weights, path)
    if found != name:
        raise ConfigError(f"{path} holds the weights of {found}, not of {name}. Try --set perceptual.network={found}.")
    try:
        return Features(name, layers, weights)
    except (RuntimeError, KeyError) as error:
        raise ModelFileError(f"{path} does not fit {name}: {str(error).splitlines()[-1].strip()}") from error
