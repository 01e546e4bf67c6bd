"""LPIPS: how far two pictures are apart to the eye, by the features of a trained network (Zhang et al., CVPR 2018)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ConfigError, ModelFileError
from ..images.image import Floats
from ..losses.backbones import BACKBONES, Features, load
from ..losses.perceptual import SMALLEST, local_weights
from ..losses.weights import cached, in_package, read

LPIPS_LAYERS = ("relu1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9")


HEADS_IN = (("lpips", "weights/v0.1/squeeze.pth"), ("torchmetrics", "functional/image/lpips_models/squeeze.pth"))
"""Packages that bring the heads of LPIPS along, and where."""


HEADS_VARIABLE = "I2I_LPIPS"


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
        ours, theirs = self.features(output), self.features(truth)
        total = torch.zeros(len(output), device=output.device)
        for layer in LPIPS_LAYERS:
            squares = (_unit(ours[layer]) - _unit(theirs[layer])).square()
            total = total + (squares * self.get_buffer(f"head_{layer}")).sum(1).mean((1, 2))
        return total

    def pictures(self, output: Floats, truth: Floats) -> float:
        """Of two pictures (H, W, 1 or 3) in [0, 1]; 0 for equal ones."""
        return self.distance(_tensor(output), _tensor(truth))

    @torch.no_grad()
    def distance(self, output: Tensor, truth: Tensor) -> float:
        """Two pictures or batches in [-1, 1] -> the mean distance, in fp32; lower is nearer."""
        smallest = min(*output.shape[2:], *truth.shape[2:])
        if smallest < SMALLEST:
            raise ConfigError(f"LPIPS needs pictures of {SMALLEST} pixels a side or more; here is one of {smallest}.")
        with torch.autocast(output.device.type, enabled=False):
            return float(self(output.float(), truth.float()).mean())


def _tensor(picture: Floats) -> Tensor:
    rgb = np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture
    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))[None] * 2 - 1


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
    path = squeezenet or local_weights("squeezenet")
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
