"""The embeddings as functions of pictures: (N, 3, H, W) float32 in [0, 1] -> features and logits, in eval mode.

Everything that a feature depends on is in this file and in its network's weights: the cache is keyed by both.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import ModelFileError
from ...losses.backbones import MEAN, STD, as_torchvision
from ...losses.backbones import Features as Backbone
from ...losses.weights import Weights

Network = Callable[[Tensor], tuple[Tensor, Tensor | None]]
"""From pictures to features (N, d), and class logits (N, k) where the weights have any."""

PIXELS = 8
"""Side that plain pixels are reduced to."""


def resized(pictures: Tensor, side: int) -> Tensor:
    """Squeezed to side x side by antialiased bicubic interpolation, clipped to [0, 1]."""
    return F.interpolate(pictures, (side, side), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


def pixels(weights: Weights) -> Network:  # noqa: ARG001
    """Plain pixels at PIXELS x PIXELS, in [0, 255]."""
    return lambda pictures: (resized(pictures, PIXELS).flatten(1) * 255, None)


def squeezenet(weights: Weights) -> Network:
    """SqueezeNet 1.1 at 224 pixels: the last layer before the classifier (fire9), mean over places: 512 features."""
    features = Backbone("squeezenet", ["fire9"], weights)
    named, _ = as_torchvision(weights)
    kernels = named.get("classifier.1.weight")

    def run(pictures: Tensor) -> tuple[Tensor, Tensor | None]:
        maps = features(resized(pictures, 224) * 2 - 1)["fire9"]
        logits = None
        if kernels is not None:
            logits = F.relu(F.conv2d(maps, kernels, named["classifier.1.bias"])).mean((2, 3))
        return maps.mean((2, 3)), logits

    return run


def vgg16(weights: Weights) -> Network:
    """VGG-16 at 224 pixels: the second fully connected layer after its activation, 4,096 features."""
    from torchvision.models import vgg16 as build

    with torch.device("meta"):
        network = cast(nn.Module, build(weights=None, init_weights=False))
    network.load_state_dict(weights, assign=True)
    network.requires_grad_(False).eval()
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    stem, head = cast(nn.Module, network.features), list(cast(nn.Sequential, network.classifier).children())
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))

    def run(pictures: Tensor) -> tuple[Tensor, Tensor | None]:
        x = stem((resized(pictures, 224) - mean) / std).flatten(1)
        for layer in head[:5]:  # two fully connected layers, each with its activation
            x = layer(x)
        return x, head[6](x)

    return run


def inception(weights: Weights) -> Network:
    """Inception as FID has it: 8-bit pictures, TensorFlow's bilinear to 299 pixels, pool3's 2,048 features; logits
    without bias, as the score has them. The network is torch-fidelity's own.
    """
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    file = io.BytesIO()  # torch-fidelity reads pickles; these tensors were read without any
    torch.save(weights, file)
    file.seek(0)
    try:
        network = FeatureExtractorInceptionV3("inception", ["2048", "logits_unbiased"], file)
    except RuntimeError as error:
        raise ModelFileError(f"These weights do not fit Inception: {str(error).splitlines()[-1].strip()}") from error

    def run(pictures: Tensor) -> tuple[Tensor, Tensor | None]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            features, logits = network((pictures * 255).round().clamp(0, 255).byte())
        return features, logits

    return run
