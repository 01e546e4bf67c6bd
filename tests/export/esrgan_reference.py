"""The networks of ESRGAN and of Real-ESRGAN written down from their papers, with the names of tensors that files have.

Wang et al., "ESRGAN", ECCVW 2018, figures 3 and 4: residual-in-residual dense blocks, residuals scaled by 0.2, nearest
neighbours before each enlarging convolution, LeakyReLU of 0.2. Wang et al., "Real-ESRGAN", 2021: pixels unshuffled at
scales 2 and 1; SRVGG, as released with it: convolutions with PReLU at the small size, a pixel shuffle, and the input
enlarged by nearest neighbours added. Pictures are in [0, 1].
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


def conv(into: int, out: int) -> nn.Conv2d:
    return nn.Conv2d(into, out, 3, 1, 1)


def leaky(x: torch.Tensor) -> torch.Tensor:
    return F.leaky_relu(x, 0.2)


class Dense(nn.Module):
    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        for n in range(4):
            setattr(self, f"conv{n + 1}", conv(width + n * growth, growth))
        self.conv5 = conv(width + 4 * growth, width)

    def forward(self, x):
        seen = x
        for n in range(4):
            seen = torch.cat((seen, leaky(getattr(self, f"conv{n + 1}")(seen))), 1)
        return x + 0.2 * self.conv5(seen)


class Block(nn.Module):
    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = Dense(width, growth), Dense(width, growth), Dense(width, growth)

    def forward(self, x):
        return x + 0.2 * self.rdb3(self.rdb2(self.rdb1(x)))


class RRDB(nn.Module):
    """`unshuffle` pixels a side go into channels; `doublings` enlargements by 2 follow the blocks."""

    def __init__(self, channels=3, blocks=2, width=8, growth=4, unshuffle=1, doublings=2) -> None:
        super().__init__()
        self.unshuffle, self.doublings = unshuffle, doublings
        self.conv_first = conv(channels * unshuffle**2, width)
        self.body = nn.Sequential(*(Block(width, growth) for _ in range(blocks)))
        self.conv_body = conv(width, width)
        for n in range(doublings):
            setattr(self, f"conv_up{n + 1}", conv(width, width))
        self.conv_hr, self.conv_last = conv(width, width), conv(width, channels)

    def forward(self, x):
        n, c, h, w = x.shape
        u = self.unshuffle
        x = x.reshape(n, c, h // u, u, w // u, u).permute(0, 1, 3, 5, 2, 4).reshape(n, c * u * u, h // u, w // u)
        first = self.conv_first(x)
        y = first + self.conv_body(self.body(first))
        for k in range(self.doublings):
            y = leaky(getattr(self, f"conv_up{k + 1}")(y.repeat_interleave(2, 2).repeat_interleave(2, 3)))
        return self.conv_last(leaky(self.conv_hr(y)))


class Compact(nn.Module):
    def __init__(self, channels=3, blocks=2, width=8, scale=4) -> None:
        super().__init__()
        self.scale = scale
        layers = [conv(channels, width), nn.PReLU(width)]
        for _ in range(blocks):
            layers += [conv(width, width), nn.PReLU(width)]
        self.body = nn.ModuleList([*layers, conv(width, channels * scale**2)])

    def forward(self, x):
        y = x
        for layer in self.body:
            y = layer(y)
        n, _, h, w = y.shape
        s = self.scale
        y = y.reshape(n, -1, s, s, h, w).permute(0, 1, 4, 2, 5, 3).reshape(n, -1, h * s, w * s)
        return y + x.repeat_interleave(s, 2).repeat_interleave(s, 3)


def trained(network: nn.Module, seed: int = 0) -> nn.Module:
    """Weights as after training: none at its beginning, the picture neither flat nor far from its range."""
    torch.manual_seed(seed)
    for name, parameter in network.named_parameters():
        with torch.no_grad():
            parameter.copy_(torch.randn_like(parameter) * (0.25 if parameter.ndim > 1 else 0.1))
            if name.endswith("conv_last.bias"):
                parameter.add_(0.5)
    return network.eval()


def released(state: dict) -> dict:
    """The names of ESRGAN's own release."""
    pairs = (("body.", "RRDB_trunk."), (".rdb", ".RDB"), ("conv_body", "trunk_conv"), ("conv_up", "upconv"),
             ("conv_hr", "HRconv"))  # fmt: skip
    found = {}
    for key, value in state.items():
        for ours, theirs in pairs:
            key = key.replace(ours, theirs) if not key.startswith("conv_body") or ours == "conv_body" else key
        found[key] = value
    return found


def early(state: dict, blocks: int, doublings: int) -> dict:
    """The names of the code before it: one sequence, in which enlargements and activations have numbers too."""
    places = {"conv_first": "0", "conv_body": f"1.sub.{blocks}"}
    places |= {f"conv_up{n + 1}": str(3 * (n + 1)) for n in range(doublings)}
    hr = 3 * doublings + 2
    places |= {"conv_hr": str(hr), "conv_last": str(hr + 2)}
    found = {}
    for key, value in state.items():
        name, kind = key.rsplit(".", 1)
        if name.startswith("body."):
            _, number, dense, convolution = name.split(".")
            found[f"model.1.sub.{number}.{dense.upper()}.{convolution}.0.{kind}"] = value
        else:
            found[f"model.{places[name]}.{kind}"] = value
    return found
