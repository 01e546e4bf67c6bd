"""The reference: the methods as the common code trains and runs them, in eager fp32 torch.

The networks are the same that i2i builds, with the normalisation of the common code; in fp32 their layers are torch's
own. Nothing is slowed down: where the common code keeps D's weights from taking gradients in G's step, so does this,
and the optimizer is torch's Adam as it comes.
"""

from __future__ import annotations

import itertools
import random

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


class PlainCycleGAN:
    """G: X -> Y, F: Y -> X and their discriminators, on unpaired x and y; the numbers are the paper's."""

    POOL = 50

    def __init__(self, G: nn.Module, F: nn.Module, D_X: nn.Module, D_Y: nn.Module) -> None:
        self.G, self.F, self.D_X, self.D_Y = G, F, D_X, D_Y
        generators = itertools.chain(G.parameters(), F.parameters())
        discriminators = itertools.chain(D_X.parameters(), D_Y.parameters())
        self.opt_g = torch.optim.Adam(generators, lr=2e-4, betas=(0.5, 0.999))
        self.opt_d = torch.optim.Adam(discriminators, lr=2e-4, betas=(0.5, 0.999))
        self.mse, self.l1 = nn.MSELoss(), nn.L1Loss()
        self.past_x: list[Tensor] = []
        self.past_y: list[Tensor] = []

    def step(self, x: Tensor, y: Tensor) -> None:
        """One update of G and F, then one of each discriminator."""
        fake_y, fake_x = self.G(x), self.F(y)
        cycle_x, cycle_y = self.F(fake_y), self.G(fake_x)
        self.freeze(True)
        self.opt_g.zero_grad()
        same_y, same_x = self.G(y), self.F(x)
        identity = (self.l1(same_y, y) + self.l1(same_x, x)) * 10 * 0.5
        cycle = (self.l1(cycle_x, x) + self.l1(cycle_y, y)) * 10
        gan = self.gan_loss(self.D_Y(fake_y), real=True) + self.gan_loss(self.D_X(fake_x), real=True)
        (gan + cycle + identity).backward()
        self.opt_g.step()

        self.freeze(False)
        self.opt_d.zero_grad()
        for D, real, fake, past in ((self.D_Y, y, fake_y, self.past_y), (self.D_X, x, fake_x, self.past_x)):
            d_real = self.gan_loss(D(real), real=True)
            d_fake = self.gan_loss(D(self.from_pool(past, fake.detach())), real=False)
            ((d_real + d_fake) * 0.5).backward()
        self.opt_d.step()

    def freeze(self, frozen: bool) -> None:
        """Whether the discriminators' weights take gradients."""
        for D in (self.D_X, self.D_Y):
            D.requires_grad_(not frozen)

    def from_pool(self, past: list[Tensor], fakes: Tensor) -> Tensor:
        """Fakes to show D: once the pool is full, half of them are old ones, whose place the new ones take."""
        shown = []
        for fake in fakes:
            if len(past) < self.POOL:
                past.append(fake)
            elif random.random() < 0.5:
                place = random.randrange(self.POOL)
                fake, past[place] = past[place], fake
            shown.append(fake)
        return torch.stack(shown)

    def gan_loss(self, logits: Tensor, *, real: bool) -> Tensor:
        """Least squares against one answer."""
        return self.mse(logits, torch.ones_like(logits) if real else torch.zeros_like(logits))


class PlainDiscoGAN:
    """Both generators and both discriminators as the authors' loop has them, at the start of its curriculum.

    Every iteration computes all losses, and then steps D when it is the first of three, else G. Fakes are not
    detached, so D's losses send gradients through the generators too, which are thrown away.
    """

    RATE = 0.01
    """Share of the reconstruction in the generators' loss."""

    def __init__(self, G_AB: nn.Module, G_BA: nn.Module, D_A: nn.Module, D_B: nn.Module) -> None:
        self.G_AB, self.G_BA, self.D_A, self.D_B = G_AB, G_BA, D_A, D_B
        generators = itertools.chain(G_AB.parameters(), G_BA.parameters())
        discriminators = itertools.chain(D_A.parameters(), D_B.parameters())
        self.opt_g = torch.optim.Adam(generators, lr=2e-4, betas=(0.5, 0.999), weight_decay=1e-5)
        self.opt_d = torch.optim.Adam(discriminators, lr=2e-4, betas=(0.5, 0.999), weight_decay=1e-5)
        self.cross_entropy, self.mse = nn.BCEWithLogitsLoss(), nn.MSELoss()
        self.iteration = 0

    def step(self, a: Tensor, b: Tensor) -> None:
        """One iteration: an update of both discriminators, or of both generators."""
        for network in (self.G_AB, self.G_BA, self.D_A, self.D_B):
            network.zero_grad()
        ab, ba = self.G_AB(a), self.G_BA(b)
        aba, bab = self.G_BA(ab), self.G_AB(ba)
        d_loss, g_loss = torch.zeros((), device=a.device), torch.zeros((), device=a.device)
        for D, real, fake, again in ((self.D_A, a, ba, aba), (self.D_B, b, ab, bab)):
            real_features, real_logits = D.features(real)  # type: ignore[operator]
            fake_features, fake_logits = D.features(fake)  # type: ignore[operator]
            d_loss = d_loss + (self.gan_loss(real_logits, real=True) + self.gan_loss(fake_logits, real=False)) * 0.5
            features = self.gap(real_features, fake_features)
            adversarial = self.gan_loss(fake_logits, real=True) * 0.1 + features * 0.9
            reconstruction = self.mse((again + 1) / 2, (real + 1) / 2)  # of [0, 1], the authors' range
            g_loss = g_loss + adversarial * (1 - self.RATE) + reconstruction * self.RATE
        if self.iteration % 3 == 0:
            d_loss.backward()
            self.opt_d.step()
        else:
            g_loss.backward()
            self.opt_g.step()
        self.iteration += 1

    def gap(self, real: list[Tensor], fake: list[Tensor]) -> Tensor:
        """Feature matching: the squared gap between batch means, summed over three layers."""
        gaps = [((r.mean(0) - f.mean(0)) ** 2).mean() for r, f in zip(real, fake, strict=True)]
        return gaps[0] + gaps[1] + gaps[2]

    def gan_loss(self, logits: Tensor, *, real: bool) -> Tensor:
        """Cross-entropy against one answer."""
        return self.cross_entropy(logits, torch.ones_like(logits) if real else torch.zeros_like(logits))


class PlainPixelLoss:
    """An enlarging generator on pairs x and y, by its mean absolute error; the numbers are BasicSR's."""

    def __init__(self, G: nn.Module) -> None:
        self.G = G
        self.opt_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.9, 0.99))
        self.l1 = nn.L1Loss()

    def step(self, x: Tensor, y: Tensor) -> None:
        """One update of G."""
        self.opt_g.zero_grad()
        self.l1(self.G(x), y).backward()
        self.opt_g.step()


class PlainSRGAN:
    """The adversarial stage of an enlarging generator, without a perceptual loss: one update of G, then one of D."""

    def __init__(self, G: nn.Module, D: nn.Module) -> None:
        self.G, self.D = G, D
        self.opt_g = torch.optim.Adam(G.parameters(), lr=1e-4, betas=(0.9, 0.99))
        self.opt_d = torch.optim.Adam(D.parameters(), lr=1e-4, betas=(0.9, 0.99))
        self.cross_entropy, self.l1 = nn.BCEWithLogitsLoss(), nn.L1Loss()

    def step(self, x: Tensor, y: Tensor) -> None:
        """On pictures x, and y as many times as large."""
        fake = self.G(x)
        self.D.requires_grad_(False)
        self.opt_g.zero_grad()
        (self.l1(fake, y) * 0.01 + self.gan_loss(self.D(fake), real=True) * 0.005).backward()
        self.opt_g.step()

        self.D.requires_grad_(True)
        self.opt_d.zero_grad()
        (self.gan_loss(self.D(y), real=True) + self.gan_loss(self.D(fake.detach()), real=False)).backward()
        self.opt_d.step()

    def gan_loss(self, logits: Tensor, *, real: bool) -> Tensor:
        """Cross-entropy against one answer."""
        return self.cross_entropy(logits, torch.ones_like(logits) if real else torch.zeros_like(logits))


@torch.inference_mode()
def translate(G: nn.Module, pictures: Floats, device: torch.device) -> Floats:
    """(N, C, H, W) in [0, 1] -> the same, like `Engine.run`; G takes and gives [-1, 1]."""
    x = torch.from_numpy(pictures).to(device) * 2 - 1
    result: Floats = ((G(x) + 1) / 2).clamp(0, 1).cpu().numpy()
    return result
