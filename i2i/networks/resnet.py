"""Residual generator of CycleGAN (Zhu et al., 2017, appendix 7.2, after Johnson et al., 2016).

Pictures are float32 in [-1, 1], shape (N, C, H, W); H and W are multiples of 4.
"""

from __future__ import annotations

from torch import Tensor, nn

from .norms import NORMS, needs_bias


class ResidualBlock(nn.Module):
    """(N, width, H, W) -> the same: x plus two reflection-padded 3x3 convolutions of x."""

    def __init__(self, width: int, norm: str, dropout: float) -> None:
        super().__init__()
        bias = needs_bias(norm)
        self.branch = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect", bias=bias),
            NORMS[norm](width),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect", bias=bias),
            NORMS[norm](width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) -> (N, width, H, W)."""
        y: Tensor = x + self.branch(x)
        return y


class ResnetGenerator(nn.Module):
    """(N, in_channels, H, W) -> (N, out_channels, H, W) in [-1, 1]; H and W multiples of 4.

    Two steps down, `blocks` residual blocks at a quarter of the size, two steps up.
    """

    tiling = "global"
    multiple = 4
    smallest = 8  # the residual blocks reflect one pixel at a quarter of the size

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        blocks: int = 9,
        width: int = 64,
        norm: str = "instance",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if norm == "none":
            self.tiling = "local"
        # 7x7; two 3x3 at strides 1 and 2; two 3x3 a block at stride 4; up to 3 positions a side back up; 7x7.
        self.receptive_field = 7 + 2 + 4 + 16 * blocks + 8 + 4 + 6
        bias = needs_bias(norm)

        def normed(convolution: nn.Module, channels: int) -> list[nn.Module]:
            return [convolution, NORMS[norm](channels), nn.ReLU(inplace=True)]

        def up(i: int, o: int) -> nn.Module:
            return nn.ConvTranspose2d(i, o, 3, stride=2, padding=1, output_padding=1, bias=bias)

        self.layers = nn.Sequential(
            *normed(nn.Conv2d(in_channels, width, 7, padding=3, padding_mode="reflect", bias=bias), width),
            *normed(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=bias), 2 * width),
            *normed(nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1, bias=bias), 4 * width),
            *(ResidualBlock(4 * width, norm, dropout) for _ in range(blocks)),
            *normed(up(4 * width, 2 * width), 2 * width),
            *normed(up(2 * width, width), width),
            nn.Conv2d(width, out_channels, 7, padding=3, padding_mode="reflect"),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H, W), both in [-1, 1]."""
        y: Tensor = self.layers(x)
        return y
