"""The generator as its file has it: a port for everything that decides a picture, and no chance inside.

`latent`, and `label` where there are classes. Of a net with styles also `truncation` and `w`, which is added to the
mapped and truncated one (a truncation of 0 and w less its mean reaches any); it gives the w that it used beside the
picture. Of a net whose layers add noise `noise`, all maps in one row, off by default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...networks.from_noise.base import NoiseGenerator
from ...networks.from_noise.progan import ProganGenerator
from ...networks.from_noise.stylegan2 import StyleganGenerator
from ...networks.from_noise.voxels import VoxelGenerator
from ...networks.geometry import Geometry
from ...ports import Port, Ports
from .growth import shown
from .samples import POINT

SAMPLE = "sample"
"""The output: a picture, a volume or a point."""


class NoiseFile(nn.Module):
    """G with ports; its weights are G's own, by the same names."""

    geometry = Geometry(tiling="global")

    def __init__(self, G: NoiseGenerator) -> None:
        super().__init__()
        self.G = G

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Those of G, as a checkpoint has them."""
        return self.G.load_state_dict(state_dict, strict, assign)

    def forward(
        self,
        latent: Tensor,
        label: Tensor | None = None,
        truncation: Tensor | None = None,
        w: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """(N, latent), (N,), (N,), (N, styles, style), (N, maps) -> (N, C, H, W) in [-1, 1], and with styles w, too."""
        maps = None if noise is None else self._maps(noise)
        if not isinstance(self.G, StyleganGenerator):
            picture: Tensor = self.G(latent, label) if maps is None else self.G(latent, label, maps)
            if picture.shape[1:] == POINT:
                return picture[:, :, 0, 0]
            if isinstance(self.G, VoxelGenerator):
                return picture[:, 0]
            return shown(picture, self.G.size) if isinstance(self.G, ProganGenerator) else picture
        assert truncation is not None
        assert w is not None
        mapped = self.G.mapping(latent, label)
        near = self.G.average + truncation[:, None] * (mapped - self.G.average)
        used = near[:, None] + w
        return self.G.synthesis(used, maps), used

    def _maps(self, noise: Tensor) -> list[Tensor]:
        """(N, maps) -> (N, 1, H, W) of each layer that adds noise."""
        parts = torch.split(noise, [height * width for height, width in self.G.noises], 1)
        return [part.reshape(-1, 1, *size) for part, size in zip(parts, self.G.noises, strict=True)]


def ports_of(G: NoiseGenerator, channels: int, sides: tuple[int, int], classes: Sequence[str]) -> Ports:
    """Inputs and outputs of the file of G; `classes` are names, of a generator that knows any."""
    inputs = [Port("latent", "latent", (G.latent,), default=0, prior=G.prior)]
    if (channels, *sides) == POINT:
        outputs = [Port(SAMPLE, "point", (2,))]
    elif isinstance(G, VoxelGenerator):
        outputs = [Port(SAMPLE, "volume", (sides[0], *sides), 0.0, 1.0)]
    else:
        outputs = [Port(SAMPLE, "image", (channels, *sides), 0.0, 1.0)]
    if G.classes:
        inputs.append(Port("label", "label", choices=tuple(classes)))
    if isinstance(G, StyleganGenerator):
        styles = (G.styles, G.style)
        inputs += [
            Port("truncation", "number", (), 0.0, 1.5, default=1.0),
            Port("w", "state", styles),
        ]
        outputs.append(Port("w_used", "state", styles))
    if G.noises:
        inputs.append(Port("noise", "noise", (sum(map(math.prod, G.noises)),), 0.0, 1.0, default=0.0))
    return {"inputs": tuple(inputs), "outputs": tuple(outputs)}
