"""Pictures compared by the features of a trained network: a loss to learn by, and LPIPS to score by.

Johnson et al., ECCV 2016, section 3.2; Ledig et al. (SRGAN), CVPR 2017, eq. 5. LPIPS: Zhang et al., CVPR 2018. Pictures
are (N, 1 or 3, H, W) in [-1, 1].
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ..errors import ConfigError, I2IError, ModelFileError
from ..settings import Strict
from .backbones import BACKBONES, Features, identify, layer_index, load
from .weights import cached, fetched, read

LAYERS: dict[str, dict[str, float]] = {
    "vgg19": {"conv5_4": 1.0},
    "squeezenet": dict.fromkeys(("relu1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9"), 1 / 7),
}
"""What is compared unless the user says so: for VGG-19 the last convolution before its activation (Wang et al., ESRGAN,
2018, section 3.3), for SqueezeNet what LPIPS looks at, in equal parts."""


RELATIVE = {"vgg19": False, "squeezenet": True}
"""Whether a layer's distance is relative to the size of its features. The papers' loss for VGG-19 is not; SqueezeNet's
layers differ in size by a hundred, between its releases too, and one would drown the others."""


SMALLEST = 17
"""Side in pixels from which on every layer of both networks has a map: SqueezeNet pools three times, without border."""


class Perceptual(nn.Module):
    """Sum over layers l of w_l · mean |phi_l(output) - phi_l(truth)|, phi the network's features; or mean squares.

    With `relative` each term is divided by that of phi_l(truth) alone, over the batch.
    """

    def __init__(
        self, features: Features, layers: Mapping[str, float], *, relative: bool = False, squared: bool = False
    ) -> None:
        super().__init__()
        self.features, self.layers, self.relative = features, dict(layers), relative
        self.power = 2 if squared else 1

    def forward(self, output: Tensor, truth: Tensor) -> Tensor:
        """Two batches (N, 1 or 3, H, W) in [-1, 1] -> a scalar, 0 or more; the gradient goes to `output` alone."""
        with torch.no_grad():
            wanted = self.features(truth)
        generated = self.features(output)
        total = torch.zeros((), device=output.device)
        for layer, weight in self.layers.items():
            distance = (generated[layer].float() - wanted[layer].float()).abs().pow(self.power).mean()
            if self.relative:
                distance = distance / wanted[layer].float().abs().pow(self.power).mean().clamp(min=1e-8)
            total = total + weight * distance
        return total


def resolve(config: PerceptualConfig) -> PerceptualConfig:
    """The configuration with the network and its layers decided, by the weights that are at hand; downloads nothing.

    Raises ModelFileError for a file that holds other weights, UnknownNameError for layers that the network has not.
    """
    name: str = config.network
    if name == "auto":
        given = _given(config)
        if given is not None:
            name = identify(read(given), given)
        else:
            name = next((known for known in BACKBONES if local_weights(known) is not None), "none")
    if name == "none":
        return config.model_copy(update={"network": name})
    layers = {layer: weight for layer, weight in (config.layers or LAYERS[name]).items() if weight > 0}
    if not layers:
        raise ConfigError(
            "Every layer of the perceptual loss has weight 0. To go without: --set perceptual.network=none."
        )
    for layer in layers:
        layer_index(name, layer)
    return config.model_copy(update={"network": name, "layers": layers})


def build_perceptual(config: PerceptualConfig, channels: int = 3, size: int = SMALLEST) -> Perceptual | None:
    """The loss that the configuration asks for, for pictures of so many channels and pixels a side; None for none.

    A network that is named is downloaded where it is not at hand, `auto` never. Raises an I2IError with how to get the
    weights, or to go without.
    """
    config = resolve(config)
    if config.network == "none":
        return None
    if channels not in (1, 3):
        raise ConfigError(
            f"The perceptual loss is for grey and RGB; these pictures have {channels} channels. Go without it: "
            "--set perceptual.network=none."
        )
    if size < SMALLEST:
        raise ConfigError(f"The perceptual loss needs crops of {SMALLEST} pixels or more; the size is {size}.")
    features = load(config.network, config.layers, weights_of(config))
    return Perceptual(features, config.layers, relative=RELATIVE[config.network], squared=config.criterion == "mse")


def weights_of(config: PerceptualConfig) -> Path:
    """The file of weights of the network that the configuration names, downloaded where need be.

    Raises an I2IError with how to get it, or to go without.
    """
    return _given(config) or local_weights(config.network) or _downloaded(config.network)


def _given(config: PerceptualConfig) -> Path | None:
    """The file that the configuration names, if it does."""
    if config.weights is None:
        return None
    path = Path(config.weights)
    if path.is_file():
        return path
    raise ModelFileError(
        f"There is no file of weights {path}. Say where it is with --set perceptual.weights=FILE, or go "
        "without: --set perceptual.network=none."
    )


def local_weights(name: str) -> Path | None:
    """The file of a backbone's weights that the environment names, or that torch's cache has; else None."""
    backbone = BACKBONES[name]
    named = os.environ.get(backbone.variable)
    if named:
        return Path(named)
    path = cached(backbone.url)
    return path if path.is_file() else None


def _downloaded(name: str) -> Path:
    url = BACKBONES[name].url
    try:
        return fetched(url)
    except I2IError as error:
        raise type(error)(
            f"The perceptual loss needs the weights of {name}, but {error} Put that file at {cached(url)}, or say "
            "where it is with --set perceptual.weights=FILE, or go without: --set perceptual.network=none."
        ) from error


class PerceptualConfig(Strict):
    """The network whose features the perceptual loss compares."""

    network: Literal["auto", "vgg19", "squeezenet", "none"] = "auto"
    """`vgg19`, `squeezenet` or `none`; `auto` takes the first whose weights are at hand, and never downloads."""
    weights: str | None = None
    """File of its weights; else torch's cache, and for a network that is named a download of torchvision's own."""
    layers: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field({})
    """Weight of each layer by name, as `conv5_4`; empty: the network's own choice."""
    criterion: Literal["l1", "mse"] = "l1"
    """What is taken of the difference of two maps: its mean size (ESRGAN) or its mean square (SRGAN)."""
