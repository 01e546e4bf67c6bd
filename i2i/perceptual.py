"""Pictures compared by the features of a trained network: a loss to learn by, and LPIPS to score by.

Johnson et al., ECCV 2016, section 3.2; Ledig et al. (SRGAN), CVPR 2017, eq. 5. LPIPS: Zhang et al., CVPR 2018. Pictures
are (N, 1 or 3, H, W) in [-1, 1].
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from .backbones import BACKBONES, Features, load, place_of, told
from .config import PerceptualConfig
from .errors import ConfigError, I2IError, ModelFileError
from .weights import cached, fetched, in_package, read

LAYERS: dict[str, dict[str, float]] = {
    "vgg19": {"conv5_4": 1.0},
    "squeezenet": dict.fromkeys(("relu1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9"), 1 / 7),
}
"""What is compared unless the user says so: for VGG-19 the last convolution before its activation (Wang et al., ESRGAN,
2018, section 3.3), for SqueezeNet what LPIPS looks at, in equal parts."""
RELATIVE = {"vgg19": False, "squeezenet": True}
"""Whether a layer's gap is taken relative to the size of its features. The papers' loss for VGG-19 is not; SqueezeNet's
layers differ in size by a hundred, between its releases too, and one would drown the others."""
SMALLEST = 17
"""Side in pixels from which on every layer of both networks has a map: SqueezeNet pools three times, without border."""
LPIPS_LAYERS = ("relu1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9")
HEADS_IN = (("lpips", "weights/v0.1/squeeze.pth"), ("torchmetrics", "functional/image/lpips_models/squeeze.pth"))
"""Packages that bring the heads of LPIPS along, and where."""
HEADS_VARIABLE = "I2I_LPIPS"


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
        made = self.features(output)
        total = torch.zeros((), device=output.device)
        for layer, weight in self.layers.items():
            gap = (made[layer].float() - wanted[layer].float()).abs().pow(self.power).mean()
            if self.relative:
                gap = gap / wanted[layer].float().abs().pow(self.power).mean().clamp(min=1e-8)
            total = total + weight * gap
        return total


def resolve(config: PerceptualConfig) -> PerceptualConfig:
    """The configuration with the network and its layers decided, by the weights that are at hand; downloads nothing.

    Raises ModelFileError for a file that holds other weights, UnknownNameError for layers that the network has not.
    """
    name: str = config.network
    if name == "auto":
        given = _given(config)
        if given is not None:
            name = told(read(given), given)
        else:
            name = next((known for known in BACKBONES if at_hand(known) is not None), "none")
    if name == "none":
        return config.model_copy(update={"network": name})
    layers = {layer: weight for layer, weight in (config.layers or LAYERS[name]).items() if weight > 0}
    if not layers:
        raise ConfigError(
            "Every layer of the perceptual loss has weight 0. To go without: --set perceptual.network=none."
        )
    for layer in layers:
        place_of(name, layer)
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
    return Perceptual(features, config.layers, relative=RELATIVE[config.network], squared=config.gap == "mse")


def weights_of(config: PerceptualConfig) -> Path:
    """The file of weights of the network that the configuration names, downloaded where need be.

    Raises an I2IError with how to get it, or to go without.
    """
    return _given(config) or at_hand(config.network) or _downloaded(config.network)


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


def at_hand(name: str) -> Path | None:
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


class Lpips(nn.Module):
    """Learned perceptual distance, version 0.1 with SqueezeNet (Zhang et al., CVPR 2018, eq. 1).

    Features of seven layers, scaled to length 1 over the channels at each place; squared differences, weighted by the
    trained heads, averaged over the picture and summed over the layers. `name` is `LPIPS` with torchvision's weights,
    which it was trained on, and `like LPIPS` with others.
    """

    def __init__(self, features: Features, heads: list[Tensor]) -> None:
        super().__init__()
        self.features = features
        for layer, head in zip(LPIPS_LAYERS, heads, strict=True):
            self.register_buffer(f"head_{layer}", head, persistent=False)
        self.name = "LPIPS" if features.release == "torchvision" else "like LPIPS"

    def forward(self, output: Tensor, truth: Tensor) -> Tensor:
        """Two batches (N, 1 or 3, H, W) in [-1, 1] -> (N,): the distance of each pair; 0 for equal pictures."""
        made, wanted = self.features(output), self.features(truth)
        total = torch.zeros(len(output), device=output.device)
        for layer in LPIPS_LAYERS:
            squares = (_unit(made[layer]) - _unit(wanted[layer])).square()
            total = total + (squares * self.get_buffer(f"head_{layer}")).sum(1).mean((1, 2))
        return total

    @torch.no_grad()
    def distance(self, output: Tensor, truth: Tensor) -> float:
        """Two pictures or batches in [-1, 1] -> the mean distance, in fp32; lower is nearer."""
        smallest = min(*output.shape[2:], *truth.shape[2:])
        if smallest < SMALLEST:
            raise ConfigError(f"LPIPS needs pictures of {SMALLEST} pixels a side or more; here is one of {smallest}.")
        with torch.autocast(output.device.type, enabled=False):
            return float(self(output.float(), truth.float()).mean())


def _unit(maps: Tensor) -> Tensor:
    """Each place's features over their length, as the authors' code has it."""
    maps = maps.float()
    return maps / (maps.square().sum(1, keepdim=True).sqrt() + 1e-10)


def load_lpips(squeezenet: Path | None = None, heads: Path | None = None) -> Lpips:
    """LPIPS from a file of SqueezeNet's weights and one of the heads; downloads nothing.

    Files that are not given are those that I2I_SQUEEZENET and I2I_LPIPS name, then torch's cache for the first, and an
    installed `lpips` or `torchmetrics` for the second. Raises ModelFileError, with where to get it, when one is missing
    or is something else.
    """
    url = BACKBONES["squeezenet"].url
    path = squeezenet or at_hand("squeezenet")
    if path is None:
        raise ModelFileError(
            f"LPIPS needs SqueezeNet's weights: put {url} at {cached(url)}, or say where they are with "
            f"--lpips-weights FILE or {BACKBONES['squeezenet'].variable}."
        )
    named = os.environ.get(HEADS_VARIABLE)
    head_file = heads or (Path(named) if named else next(filter(None, (in_package(*p) for p in HEADS_IN)), None))
    if head_file is None:
        raise ModelFileError(
            "LPIPS needs its trained heads, squeeze.pth of version 0.1: they come with pip install lpips, or say where "
            f"they are with --lpips-heads FILE or {HEADS_VARIABLE}."
        )
    features = load("squeezenet", LPIPS_LAYERS, path)
    found = read(head_file)
    keys = [f"lin{n}.model.1.weight" for n in range(len(LPIPS_LAYERS))]
    channels = [64, 128, 256, 384, 384, 512, 512]
    if [tuple(found[key].shape) for key in keys if key in found] != [(1, c, 1, 1) for c in channels]:
        raise ModelFileError(f"{head_file} holds no heads of LPIPS 0.1 for SqueezeNet. The file is called squeeze.pth.")
    return Lpips(features, [found[key] for key in keys])
