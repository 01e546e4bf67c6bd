"""What a discriminator sees of the other pictures of its batch, against mode collapse."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from ....hardware.batch_part import gathered, own_rows
from ...norms import exact

GROUP = 4


class GroupedStd(nn.Module):
    """(N, C, H, W) -> (N, C + 1, H, W): how much the pictures of a group differ, as one more map.

    The standard deviation over groups of GROUP pictures that follow each other, averaged over channels and places
    (Karras et al., 2018, section 3; groups as in StyleGAN2). A last group may be smaller.
    """

    over_batch = True

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C + 1, H, W)."""
        maps = []
        for group in torch.split(gathered(exact(x)), GROUP):  # those of other processes, too
            spread = (group.var(0, correction=0) + 1e-8).sqrt().mean()
            maps.append(spread.expand(len(group), 1, *x.shape[2:]))
        return torch.cat([x, own_rows(torch.cat(maps)).to(x.dtype)], 1)


class MinibatchDiscrimination(nn.Module):
    """(N, features) -> (N, features + kernels): to how many pictures of the batch each is near, by learned measures.

    f_b(i) = sum over j of exp(-|M_ib - M_jb|_1), M = x T, without i itself, plus a bias of -1 (Salimans et al., 2016,
    section 3.2). Kernels have weight norm with a log-scale; the first batch in training scales them so that the nearest
    picture is at a distance of about 2: 500 features + 600 numbers at 100 kernels of 5.
    """

    over_batch = True

    started: Tensor
    """0 until the first batch."""

    def __init__(self, features: int, kernels: int = 100, dimensions: int = 5) -> None:
        super().__init__()
        self.shape = kernels, dimensions
        self.weight = nn.Parameter(0.05 * torch.randn(features, kernels * dimensions))
        self.log_scale = nn.Parameter(torch.zeros(kernels * dimensions))
        self.bias = nn.Parameter(torch.full((kernels,), -1.0))
        self.register_buffer("started", torch.zeros((), dtype=torch.long))
        self.has_started = False  # the same for the host, which would wait for a device otherwise
        self.register_load_state_dict_post_hook(_as_loaded)  # type: ignore[no-untyped-call]

    def forward(self, x: Tensor) -> Tensor:
        """(N, features) -> (N, features + kernels)."""
        with torch.autocast(x.device.type, enabled=False):  # near pictures differ in the last digits
            every = gathered(exact(x))
            apart = self._apart(every)
            if self.training and not self.has_started and len(every) > 1:
                self._start(apart)
                apart = self._apart(every)
            near = torch.exp(-apart).sum(1) + self.bias
        return torch.cat([x, own_rows(near).to(x.dtype)], 1)

    def _apart(self, x: Tensor) -> Tensor:
        """(N, N, kernels): distances, of each picture to itself so far that it does not count."""
        weight = self.weight / self.weight.norm(dim=0) * self.log_scale.exp()
        m: Tensor = (x @ weight).reshape(len(x), *self.shape)
        apart: Tensor = (m[:, None] - m[None]).abs().sum(3)
        itself: Tensor = 1e6 * torch.eye(len(x), dtype=x.dtype, device=x.device)[:, :, None]
        return apart + itself

    @torch.no_grad()
    def _start(self, apart: Tensor) -> None:
        nearest = apart.amin(1).mean(0)  # (kernels,)
        scale = (nearest / 2).clamp(min=1e-8)
        self.log_scale.sub_(scale.log().repeat_interleave(self.shape[1]))
        self.started.fill_(1)
        self.has_started = True


def _as_loaded(network: nn.Module, _keys: object) -> None:
    layer = cast(MinibatchDiscrimination, network)
    layer.has_started = not layer.started.is_meta and bool(layer.started)
