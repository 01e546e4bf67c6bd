"""LAPGAN's step (Denton et al., 2015): at each level of a Laplacian pyramid a GAN of its own, all side by side.

At the smallest level it makes pictures of noise. At each other one it is given l_k, the real picture of the level below
enlarged, and makes h_k, what that one lacks; D_k tells l_k + h_k, the real picture, from l_k + G_k(z_k, l_k). No level
learns from another, so that the sum of their losses trains each as if it were alone; they meet in `LapganGenerator`,
which gives each level the generated picture of the one below.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from ...adversarial import AdversarialObjective
from ...hardware.batch_part import drawn
from ...hardware.device import Placement
from ...networks.from_noise.base import Critic, NoiseGenerator
from ...networks.from_noise.lapgan import LapganCritic, LapganGenerator, enlarged, pyramid
from ..base import Batch
from ..dividing import Descents, kept_small
from .config import FromNoiseOptions
from .gan import Gan, prior
from .judged import Judge


class Lapgan(Gan):
    """G and D of every level, one update each a step, D first."""

    G: LapganGenerator
    D: LapganCritic

    def __init__(self, G: NoiseGenerator, D: Critic, placement: Placement, options: FromNoiseOptions) -> None:
        super().__init__(G, D, placement, options)
        *smaller, _ = self.G.sizes
        self.by_level = {f"_{min(size)}": AdversarialObjective(options.gan, placement) for size in smaller}
        """The losses of each level, the smallest first, by the ending of its scalars: its shorter side, and none for
        the largest."""
        self.by_level[""] = self.gan
        self.objectives = {f"D{end}": gan for end, gan in self.by_level.items()}

    def descents(self, batch: Batch) -> Descents:
        """One update of the D of every level, then one of every G."""
        x, y = batch["image"], batch.get("label") if self.G.classes else None
        real = pyramid(x, self.G.sizes)
        below = [None, *(enlarged(picture, size) for picture, size in zip(real, self.G.sizes[1:], strict=False))]
        D = [Judge(cast(Critic, D_k), y, self.o.packed, matches=self.o.gan.feature_matching > 0)
             for D_k in self.D.levels]  # fmt: skip
        g_turn, d_turn = self.updates.turn()
        scalars: dict[str, Tensor] = {}
        with torch.set_grad_enabled(g_turn and not (d_turn and self.o.fresh_fakes)):
            fake = self._each_generated(below, len(x), y)

        if d_turn:
            losses = []
            for k, (end, gan) in enumerate(self.by_level.items()):
                loss, of_d = gan.d_loss(D[k], fake[k], real[k])
                losses.append(loss)
                scalars |= {f"{name}{end}": value for name, value in of_d.items()}
            yield self.opt_d, torch.stack(losses).sum()

        if g_turn:
            if d_turn and self.o.fresh_fakes:
                fake = self._each_generated(below, len(x), y)
            losses = []
            for k, (end, gan) in enumerate(self.by_level.items()):
                loss, of_g = gan.g_loss(D[k], fake[k], real[k])
                losses.append(loss)
                scalars |= {f"{name}{end}": value for name, value in of_g.items()}
            yield self.opt_g, torch.stack(losses).sum()
        return scalars

    def _each_generated(self, below: list[Tensor | None], count: int, y: Tensor | None) -> list[Tensor]:
        """(count, C, H, W) of each level, of fresh z and of the real picture below."""
        z = drawn(lambda n: prior(self.G, n, self.placement.device), count)
        with self.placement.autocast():
            if self.o.fresh_fakes:
                return self._each_made(z, y, *below)
            return kept_small(self.division, self.G, self._each_made, z, y, *below)

    def _each_made(self, z: Tensor, y: Tensor | None, *below: Tensor | None) -> list[Tensor]:
        parts = torch.split(z, self.G.parts, 1)
        return [self.G.level(k, part, under, y) for k, (part, under) in enumerate(zip(parts, below, strict=True))]
