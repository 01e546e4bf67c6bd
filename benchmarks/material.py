"""What the rows measure with: networks, pictures, exported files. `small` makes all of it tiny, for the tests."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from i2i.card import Card
from i2i.config import resolve
from i2i.datasets.facades import facade_pair
from i2i.device import place
from i2i.export import export_onnx
from i2i.methods import METHODS, Method
from i2i.networks import DISCRIMINATORS, GENERATORS, init_normal

from .plain import PlainCycleGAN, PlainDiscoGAN, PlainPix2Pix

Floats = npt.NDArray[np.float32]

SIZE = 256
"""Pixels a side, in every row but DiscoGAN's."""


class Plain(Protocol):
    """A class of plain.py."""

    def step(self, a: Tensor, b: Tensor, /) -> None:
        """One step on pictures (N, 3, H, W) in [-1, 1]."""
        ...


def width(small: bool) -> int:
    """Channels of the first layer: the papers', or a few."""
    return 4 if small else 64


def photos(count: int) -> list[npt.NDArray[np.uint8]]:
    """Painted buildings, (SIZE, SIZE, 3)."""
    return [facade_pair(0, "test", n, SIZE)[1] for n in range(count)]


def batch_of_pairs(count: int, device: torch.device, size: int = SIZE) -> dict[str, Tensor]:
    """`a` and `b`, (count, 3, size, size) in [-1, 1]: label maps and the buildings they describe."""
    pairs = [facade_pair(0, "train", n, size) for n in range(count)]
    sides = {name: np.stack(pictures) for name, pictures in zip("ab", zip(*pairs, strict=True), strict=True)}
    return {
        name: (torch.from_numpy(side).permute(0, 3, 1, 2) / 127.5 - 1).contiguous().to(device)
        for name, side in sides.items()
    }


def to_batch(picture: npt.NDArray[np.uint8]) -> Floats:
    """(H, W, 3) as the engine takes it: (1, 3, H, W) in [0, 1]."""
    batch: Floats = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
    return batch


@dataclasses.dataclass(frozen=True)
class Setting:
    """How a method is measured: a row of SETTINGS."""

    size: int
    """Pixels a side."""
    networks: tuple[tuple[dict[str, Callable[..., nn.Module]], str, int, str], ...]
    """Of the plain side: table, name, channels in, normalisation."""
    plain: Callable[..., Plain]
    """Takes those networks in that order."""
    normal: bool = True
    """Weights from N(0, 0.02), else as torch initialises them."""
    steps: int = 1
    """After which a turn of generators and discriminators begins anew; times are means over them."""


SETTINGS: dict[str, Setting] = {
    "pix2pix": Setting(
        SIZE, ((GENERATORS, "unet256", 3, "batch"), (DISCRIMINATORS, "patch", 6, "batch")), PlainPix2Pix
    ),
    "cyclegan": Setting(
        SIZE,
        (*[(GENERATORS, "resnet9", 3, "instance")] * 2, *[(DISCRIMINATORS, "patch", 3, "instance")] * 2),
        PlainCycleGAN,
    ),
    "discogan": Setting(
        64,
        (*[(GENERATORS, "disco", 3, "batch")] * 2, *[(DISCRIMINATORS, "disco", 3, "batch")] * 2),
        PlainDiscoGAN,
        normal=False,
        steps=3,
    ),
}


def ours(name: str, batch: int, small: bool, settings: Mapping[str, Any] | None = None) -> Method:
    """The method as `i2i train NAME --size … --batch N` sets it up on this machine, with `settings` besides."""
    torch.manual_seed(0)
    widths = {"width": width(small)}
    layer = {"data": {"path": "."}, "size": SETTINGS[name].size, "batch": batch}
    layer |= {"generator": widths, "discriminator": widths}
    method = METHODS[name]
    config = method.resolved(resolve(method.Config, [layer, settings or {}]), count=1)
    return method.from_config(config, place(config.device, config.precision))


def plain(name: str, device: torch.device, small: bool) -> Plain:
    """The same networks with the common code's normalisation, trained the plain way."""
    torch.manual_seed(0)
    setting = SETTINGS[name]
    networks = []
    for table, network, channels, norm in setting.networks:
        outputs = (3,) if table is GENERATORS else ()
        networks.append(table[network](channels, *outputs, width=width(small), norm=norm).to(device))
        if setting.normal:
            init_normal(networks[-1])
    return setting.plain(*networks)


def untrained(name: str, small: bool) -> nn.Module:
    """A generator with weights from N(0, 0.02), which runs as fast as a trained one."""
    torch.manual_seed(0)
    G = GENERATORS[name](3, 3, width=width(small))
    init_normal(G)
    return G.eval()


@functools.cache
def exported(name: str, small: bool) -> Path:
    """The same generator as i2i exports it; the file lives as long as the process."""
    card = Card(
        name=name,
        method="pix2pix",
        task="translation",
        source="labels",
        target="photo",
        input_channels=3,
        output_channels=3,
        input_meaning="rgb",
        output_meaning="rgb",
        tiling="global",  # the export fills in what the network says
    )
    path = Path(_scratch().name) / f"{name}.onnx"
    export_onnx(untrained(name, small), path, card)
    return path


@functools.cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    """Removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="i2i-bench-")


def write_jpegs(pictures: list[npt.NDArray[np.uint8]], folder: Path) -> None:
    """00000.jpg and on, of the quality that cameras and tools use."""
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number:05d}.jpg", quality=92)
