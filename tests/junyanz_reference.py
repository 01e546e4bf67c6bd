"""Networks with the forward pass and the key names of the PyTorch CycleGAN/pix2pix code and of CUT, for the tests.

Written from the facts alone: which layer lies under which number, and which activations work in place.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

NORMS = {
    "batch": nn.BatchNorm2d,
    "instance": nn.InstanceNorm2d,
    "old instance": lambda channels: nn.InstanceNorm2d(channels, track_running_stats=True),
    "none": lambda _: nn.Identity(),
}


def biased(norm):
    return "instance" in norm


class Down(nn.Module):
    """Blur by [1, 2, 1], then every second pixel."""

    def __init__(self, channels):
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0])
        self.register_buffer("filt", (torch.outer(row, row) / 16).expand(channels, 1, 3, 3).clone())

    def forward(self, x):
        return F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"), self.filt, stride=2, groups=x.shape[1])


class Up(nn.Module):
    """A transposed convolution with [1, 3, 3, 1], the edges repeated and cut off again."""

    def __init__(self, channels):
        super().__init__()
        row = torch.tensor([1.0, 3.0, 3.0, 1.0])
        self.register_buffer("filt", (torch.outer(row, row) / 16).expand(channels, 1, 4, 4).clone())

    def forward(self, x):
        padded = F.pad(x, (1, 1, 1, 1), "replicate")
        return F.conv_transpose2d(padded, self.filt, stride=2, padding=2, groups=x.shape[1])[:, :, 1:-1, 1:-1]


class Block(nn.Module):
    def __init__(self, width, norm, dropout):
        super().__init__()
        middle = [nn.Dropout(0.5)] if dropout else []
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=biased(norm)), NORMS[norm](width), nn.ReLU(True),
            *middle, nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=biased(norm)), NORMS[norm](width),
        )  # fmt: skip

    def forward(self, x):
        return x + self.conv_block(x)


class ResNet(nn.Module):
    def __init__(self, blocks, width, norm, dropout=False, blur_down=False, blur_up=False, channels=(3, 3)):
        super().__init__()
        b, n = biased(norm), NORMS[norm]
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(channels[0], width, 7, bias=b), n(width), nn.ReLU(True)]
        for w in (width, 2 * width):
            layers += [nn.Conv2d(w, 2 * w, 3, 1 if blur_down else 2, 1, bias=b), n(2 * w), nn.ReLU(True)]
            layers += [Down(2 * w)] if blur_down else []
        layers += [Block(4 * width, norm, dropout) for _ in range(blocks)]
        for w in (4 * width, 2 * width):
            layers += (
                [Up(w), nn.Conv2d(w, w // 2, 3, 1, 1, bias=b)]
                if blur_up
                else [nn.ConvTranspose2d(w, w // 2, 3, 2, 1, 1, bias=b)]
            )
            layers += [n(w // 2), nn.ReLU(True)]
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, channels[1], 7), nn.Tanh())

    def forward(self, x):
        return self.model(x)


class Shell(nn.Module):
    """One level of the U-Net around the levels inside of it; the LeakyReLU changes the skip, too, for it is in place."""

    def __init__(self, outer, inner, norm, inside=None, channels=None, dropout=False):
        super().__init__()
        b, n, self.outermost = biased(norm), NORMS[norm], channels is not None
        if self.outermost:
            layers = [nn.Conv2d(channels[0], inner, 4, 2, 1, bias=b), inside, nn.ReLU(True),
                      nn.ConvTranspose2d(2 * inner, channels[1], 4, 2, 1), nn.Tanh()]  # fmt: skip
        else:
            down = [nn.LeakyReLU(0.2, True), nn.Conv2d(outer, inner, 4, 2, 1, bias=b)]
            middle = [n(inner), inside] if inside else []
            up = nn.ConvTranspose2d(2 * inner if inside else inner, outer, 4, 2, 1, bias=b)
            layers = [*down, *middle, nn.ReLU(True), up, n(outer), *([nn.Dropout(0.5)] if dropout else [])]
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class UNet(nn.Module):
    def __init__(self, depth, width, norm, dropout=False, channels=(3, 3)):
        super().__init__()
        shell = Shell(8 * width, 8 * width, norm)
        for _ in range(depth - 5):
            shell = Shell(8 * width, 8 * width, norm, shell, dropout=dropout)
        for times in (4, 2, 1):
            shell = Shell(times * width, 2 * times * width, norm, shell)
        self.model = Shell(None, width, norm, shell, channels)

    def forward(self, x):
        return self.model(x)


def trained(network, seed=0):
    """As if trained: weights with spread, norms that scale and shift, running averages that are not 0 and 1."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            fan = module.weight[0].numel() if isinstance(module, nn.Conv2d) else module.weight[:, 0].numel() / 4
            nn.init.normal_(module.weight, 0, fan**-0.5)
            if module.bias is not None:
                nn.init.normal_(module.bias, 0, 0.2)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias, 0, 0.3)
        if getattr(module, "running_mean", None) is not None:
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network
