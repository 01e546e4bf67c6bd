"""What each upsampler leaves in the spectrum: `python -m benchmarks.experiments.upsampling [--out FILE.png]`.

Small generators get smooth pictures, which have next to nothing at high frequencies. So what stands in the spectrum
of their output at the frequencies of the network's grid is its own checkerboard. Before training, and after a short
one that asks for nothing but the picture itself (mean absolute error), so that nothing rewards the checkerboard.

The figure printed is the power at the grid's frequencies (every multiple of a quarter of the sampling frequency, in
both directions, but for zero) over the median power half-way to the next one, in dB, meaned over those frequencies:
0 or less is no checkerboard.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn
from torch.nn import functional as F

from i2i.networks import for_inference
from i2i.networks.init import init_normal
from i2i.networks.resnet import ResnetGenerator
from i2i.networks.unet import UNet
from i2i.networks.upsampling import UPSAMPLERS

NETWORKS = {
    "ResNet, 2 blocks": lambda up: ResnetGenerator(blocks=2, width=16, up=up),
    "U-Net, 4 steps": lambda up: UNet(depth=4, width=16, up=up),
}
SIDE, EDGE = 128, 16
"""Of the pictures that are looked at, and what is cut off all around, where the padding shows; in pixels."""
HALFWAY = 11
"""To the next frequency of the grid, nearly, in steps of the spectrum."""
SEEDS = 2
RANGE = 80.0
"""Decibels from white to black in the figure."""

Floats = npt.NDArray[np.float64]


def smooth_pictures(count: int, side: int, seed: int) -> Tensor:
    """(count, 3, side, side) in [-1, 1]: noise with all details below some 20 pixels blurred away."""
    x = torch.randn(count, 3, side + 48, side + 48, generator=torch.Generator().manual_seed(seed))
    steps = torch.arange(-24.0, 25)
    taps = torch.exp(-((steps / 6) ** 2) / 2)
    blurred = x.flatten(0, 1)[:, None]
    blurred = F.conv2d(F.conv2d(blurred, taps.reshape(1, 1, -1, 1)), taps.reshape(1, 1, 1, -1))
    blurred = blurred.reshape(count, 3, side, side)
    return (blurred / blurred.std() / 2).clamp(-1, 1)


def spectrum(network: nn.Module, seed: int) -> Floats:
    """Mean power of the output by frequency, zero in the middle; its sum is 1."""
    with torch.no_grad():
        y = for_inference(network)(smooth_pictures(4, SIDE, 1000 + seed))[..., EDGE:-EDGE, EDGE:-EDGE].double().numpy()
    window = np.hanning(y.shape[-1] + 1)[:-1]
    y = (y - y.mean((2, 3), keepdims=True)) * window * window[:, None]
    power: Floats = np.fft.fftshift(np.mean(np.abs(np.fft.fft2(y)) ** 2, (0, 1)))
    return power / power.sum()


def checkerboard(power: Floats) -> float:
    """Power at the grid's frequencies over the median half-way to the next ones, in dB, meaned."""
    side = len(power)
    quarter, found = side // 4, []
    for v in range(4):
        for u in range(4):
            if (u, v) == (2, 2):  # zero, which the shift has put in the middle
                continue
            near = np.roll(power, (HALFWAY - v * quarter, HALFWAY - u * quarter), (0, 1))
            near = near[: 2 * HALFWAY + 1, : 2 * HALFWAY + 1]
            ring = np.ones(near.shape, bool)
            ring[2:-2, 2:-2] = False
            middle = slice(HALFWAY - 1, HALFWAY + 2)
            found.append(10 * np.log10(near[middle, middle].mean() / np.median(near[ring])))
    return float(np.mean(found))


def train(network: nn.Module, steps: int, seed: int) -> None:
    """Teach the network to give back what it gets."""
    optimizer = torch.optim.Adam(network.parameters(), 1e-3, betas=(0.5, 0.999))
    for step in range(steps):
        x = smooth_pictures(4, 64, 10_000 * (seed + 1) + step)
        loss = (network(x) - x).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def colour(power: Floats) -> Image.Image:
    """Log power as a picture, twice as large: white is the strongest frequency, black RANGE dB below."""
    decibels = 10 * np.log10(power / power.max() + 1e-30)
    grey = np.clip(1 + decibels / RANGE, 0, 1)
    picture = Image.fromarray(np.rint(grey * 255).astype(np.uint8))
    return picture.resize((2 * picture.width, 2 * picture.height), Image.Resampling.NEAREST)


def figure(cells: dict[tuple[str, str], tuple[Floats, float]]) -> Image.Image:
    """A row for each network before and after, a column for each way; the dB below each."""
    rows = list(dict.fromkeys(row for row, _ in cells))
    side, left, top, gap = 2 * (SIDE - 2 * EDGE), 150, 28, 26
    sheet = Image.new("RGB", (left + len(UPSAMPLERS) * (side + 8), top + len(rows) * (side + gap)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for column, up in enumerate(UPSAMPLERS):
        x = left + column * (side + 8)
        draw.text((x, 6), up, "black", font)
        for line, row in enumerate(rows):
            power, peak = cells[row, up]
            y = top + line * (side + gap)
            sheet.paste(colour(power), (x, y))
            draw.text((x, y + side + 3), f"{peak:+.1f} dB", "black", font)
            draw.text((6, y + 6), row.replace(", ", ",\n"), "black", font)
    return sheet


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiments.upsampling", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images/upsampling.png"), help="figure to write")
    parser.add_argument("--steps", type=int, default=200, metavar="N", help="steps of each short training (200)")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help="networks drawn for each figure (2)")
    arguments = parser.parse_args()
    cells, started = {}, time.monotonic()
    for title, build in NETWORKS.items():
        for up in UPSAMPLERS:
            before, after = [], []
            for seed in range(arguments.seeds):
                torch.manual_seed(seed)
                network = build(up)
                init_normal(network)
                before.append(spectrum(network, seed))
                train(network, arguments.steps, seed)
                after.append(spectrum(network, seed))
            for when, powers in (("untrained", before), (f"{arguments.steps} steps", after)):
                power = np.mean(powers, 0)
                cells[f"{title}, {when}", up] = power, checkerboard(power)
                print(f"{title:<18}{when:<12}{up:<12}{cells[f'{title}, {when}', up][1]:>7.1f} dB")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    figure(cells).save(arguments.out, optimize=True)
    print(f"{arguments.out}, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
