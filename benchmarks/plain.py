"""The plain way: pix2pix as the common code trains and runs it, in eager fp32 torch. Judge it by reading it.

The networks are the same that i2i builds, with the BatchNorm of the common code; in fp32 their layers are torch's own.
Nothing is slowed down: D's weights take no gradients in G's step, as the common code has it, and the optimizer is
torch's Adam as it comes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

Floats = npt.NDArray[np.float32]


class PlainPix2Pix:
    """G and D with a training step on pictures (N, C, H, W) in [-1, 1]; the numbers are the paper's."""

    def __init__(self, G: nn.Module, D: nn.Module) -> None:
        self.G, self.D = G, D
        self.opt_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))  # unfused is torch's default
        self.opt_d = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.cross_entropy = nn.BCEWithLogitsLoss()
        self.l1 = nn.L1Loss()

    def step(self, x: Tensor, y: Tensor) -> None:
        """One update of D, then one of G."""
        fake = self.G(x)

        self.D.requires_grad_(True)
        self.opt_d.zero_grad()
        d_fake = self.gan_loss(self.D(torch.cat([x, fake.detach()], 1)), real=False)
        d_real = self.gan_loss(self.D(torch.cat([x, y], 1)), real=True)
        ((d_fake + d_real) * 0.5).backward()
        self.opt_d.step()

        self.D.requires_grad_(False)
        self.opt_g.zero_grad()
        g_gan = self.gan_loss(self.D(torch.cat([x, fake], 1)), real=True)
        (g_gan + self.l1(fake, y) * 100).backward()
        self.opt_g.step()

    def gan_loss(self, logits: Tensor, *, real: bool) -> Tensor:
        """Cross-entropy of patch logits against one answer."""
        return self.cross_entropy(logits, torch.ones_like(logits) if real else torch.zeros_like(logits))


@torch.inference_mode()
def translate(G: nn.Module, pictures: Floats, device: torch.device) -> Floats:
    """(N, C, H, W) in [0, 1] -> the same, like `Engine.run`; G takes and gives [-1, 1]."""
    x = torch.from_numpy(pictures).to(device) * 2 - 1
    result: Floats = ((G(x) + 1) / 2).clamp(0, 1).cpu().numpy()
    return result
