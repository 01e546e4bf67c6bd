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
import onnx
import torch
from PIL import Image
from torch import Tensor, nn

from i2i.card import Card
from i2i.datasets.synthetic.facades.scenes import facade_pair
from i2i.export.onnx_file import export_onnx
from i2i.hardware.allocator import keep_freed_memory
from i2i.hardware.device import place
from i2i.methods import METHODS, Method
from i2i.networks import DISCRIMINATORS, GENERATORS, Generator
from i2i.networks.build import takes
from i2i.networks.init import init_normal
from i2i.ports import translator_ports
from i2i.settings import resolve
from i2i.tail import SUFFIX

from .reference import PlainCycleGAN, PlainDiscoGAN, PlainPix2Pix, PlainPixelLoss, PlainSRGAN

Floats = npt.NDArray[np.float32]
Table = dict[str, Callable[..., nn.Module]]

SIZE = 256
"""Pixels a side, in every row but DiscoGAN's."""

BATCH_NORM = "batch_as_instance"
"""The norm of the common code, in training."""


class Plain(Protocol):
    """A class of reference.py."""

    def step(self, a: Tensor, b: Tensor, /) -> None:
        """One step on pictures (N, 3, H, W) in [-1, 1]."""
        ...


def width(small: bool) -> int:
    """Channels of the first layer: the papers', or a few."""
    return 4 if small else 64


def options(table: Table, name: str, small: bool) -> dict[str, int]:
    """How large a network is: as in its paper, or with few channels and one block."""
    return {"width": width(small)} | ({"blocks": 1} if small and takes(table, name, "blocks") else {})


def photos(count: int) -> list[npt.NDArray[np.uint8]]:
    """Painted buildings, (SIZE, SIZE, 3)."""
    return [facade_pair(0, "test", n, SIZE)[1] for n in range(count)]


def photo(height: int, width: int) -> npt.NDArray[np.uint8]:
    """A painted building of any size, (height, width, 3)."""
    return facade_pair(0, "test", 0, max(height, width))[1][:height, :width]


def photos_of_all_sizes(count: int, largest: int) -> list[npt.NDArray[np.uint8]]:
    """Painted buildings of a quarter of `largest` to `largest` pixels a side, each of another size."""
    sides = np.random.default_rng(0).integers(largest // 4, largest + 1, (count, 2))
    return [photo(int(height), int(width)) for height, width in sides]


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
    """Pixels a side of the larger pictures."""
    networks: tuple[tuple[Table, str, int, str | None], ...]
    """Of the plain side: table, name, channels in, normalisation where the network has one to choose."""
    plain: Callable[..., Plain]
    """Takes those networks in that order."""
    normal: bool = True
    """Weights from N(0, 0.02), else as torch initialises them."""
    steps: int = 1
    """After which a turn of generators and discriminators begins anew; times are means over them."""
    method: str | None = None
    """The method, where the row has another name."""
    layer: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Settings of our side."""
    scale: int | None = None
    """How many times as large as the others the larger pictures are, for networks that enlarge."""
    seen: int = 0
    """Images that our side is told to have shown, which says in which of its stages it is."""


SETTINGS: dict[str, Setting] = {
    "pix2pix": Setting(
        SIZE,
        ((GENERATORS, "unet256", 3, BATCH_NORM), (DISCRIMINATORS, "patch", 6, BATCH_NORM)),
        PlainPix2Pix,
    ),
    "cyclegan": Setting(
        SIZE,
        (*[(GENERATORS, "resnet9", 3, "instance")] * 2, *[(DISCRIMINATORS, "patch", 3, "instance")] * 2),
        PlainCycleGAN,
    ),
    "discogan": Setting(
        64,
        (
            *[(GENERATORS, "disco", 3, BATCH_NORM)] * 2,
            *[(DISCRIMINATORS, "disco", 3, BATCH_NORM)] * 2,
        ),
        PlainDiscoGAN,
        normal=False,
        steps=3,
    ),
    **{
        name: Setting(
            size,
            ((GENERATORS, name, 3, norm),),
            PlainPixelLoss,
            normal=False,
            method="srgan",
            layer={"generator": {"name": name}, "ema": {"images": 0}},
            scale=4,
        )
        for name, size, norm in (("srresnet", 96, BATCH_NORM), ("rrdbnet", 128, None))
    },
    "srgan": Setting(
        96,
        ((GENERATORS, "srresnet", 3, BATCH_NORM), (DISCRIMINATORS, "srgan", 3, BATCH_NORM)),
        PlainSRGAN,
        normal=False,
        layer={
            "generator": {"name": "srresnet"},
            "discriminator": {"name": "srgan"},
            "images": 1,
            "gan_images": 1,
            "gan": {"loss": "non_saturating"},
            "lambda_pixel": 0.01,
            "lambda_checkerboard": 0,
            "perceptual": {"network": "none"},
            "ema": {"images": 0},
        },
        scale=4,
        seen=1,
    ),
}


def pictures(name: str, count: int, device: torch.device) -> dict[str, Tensor]:
    """The batch that a row's step takes: `a` and `b`, where one enlarges `a` the smaller."""
    setting = SETTINGS[name]
    batch = batch_of_pairs(count, device, setting.size)
    if setting.scale is not None:
        batch["a"] = nn.functional.avg_pool2d(batch["b"], setting.scale)
    return batch


def ours(name: str, batch: int, small: bool, settings: Mapping[str, Any] | None = None) -> Method:
    """The method as `i2i train NAME --size … --batch N` sets it up on this machine, with `settings` besides."""
    torch.manual_seed(0)
    setting = SETTINGS[name]
    layer = {"data": {"path": "."}, "size": setting.size, "batch": batch}
    layer |= {
        "generator": options(GENERATORS, setting.networks[0][1], small),
        "discriminator": {"width": width(small)},
    }
    method = METHODS[setting.method or name]
    config = method.complete_config(resolve(method.Config, [layer, setting.layer, settings or {}]), count=1)
    placement = place(config.device, config.precision)
    if placement.device.type == "cpu":
        keep_freed_memory()
    made = method.from_config(config, placement)
    made.at(setting.seen)
    return made


def plain(name: str, device: torch.device, small: bool) -> Plain:
    """The same networks with the common code's normalisation, trained the plain way."""
    torch.manual_seed(0)
    setting = SETTINGS[name]
    networks = []
    for table, network, channels, norm in setting.networks:
        outputs = (3,) if table is GENERATORS else ()
        scale = setting.scale if table is GENERATORS else None
        size = setting.size if takes(table, network, "size") else None
        asked = {"norm": norm, "scale": scale, "size": size, **options(table, network, small)}
        given = {key: value for key, value in asked.items() if value is not None}
        networks.append(table[network](channels, *outputs, **given).to(device))
        if setting.normal:
            init_normal(networks[-1])
    return setting.plain(*networks)


def stepping(side: str, name: str, batch: int, small: bool) -> Callable[[], object]:
    """A turn of steps of a side, `ours` or `theirs`: one, or as many as the setting says."""
    if small:
        torch.set_num_threads(1)  # a test must not wait for a busy machine
    device = place().device
    pairs = pictures(name, batch, device)
    step = _our_step(name, batch, small, pairs) if side == "ours" else _plain_step(name, small, pairs)

    def turn() -> None:
        for _ in range(SETTINGS[name].steps):
            step()

    return finished(turn, device)


def _our_step(name: str, batch: int, small: bool, pairs: dict[str, Tensor]) -> Callable[[], object]:
    method = ours(name, batch, small)
    return lambda: method.step(pairs)


def _plain_step(name: str, small: bool, pairs: dict[str, Tensor]) -> Callable[[], object]:
    network = plain(name, place().device, small)
    return lambda: network.step(pairs["a"], pairs["b"])


def finished(work: Callable[[], object], device: torch.device) -> Callable[[], object]:
    """`work` that returns when it is done: a GPU only takes orders."""
    if device.type != "cuda":
        return work

    def both() -> None:
        work()
        torch.cuda.synchronize(device)

    return both


def untrained(name: str, small: bool) -> Generator:
    """A generator as it begins, which runs as fast as a trained one: from N(0, 0.02) where it does not enlarge."""
    torch.manual_seed(0)
    G = GENERATORS[name](3, 3, **options(GENERATORS, name, small))
    if not takes(GENERATORS, name, "scale"):
        init_normal(G)
    return G.eval()


@functools.cache
def exported(name: str, small: bool) -> Path:
    """The same generator as i2i exports it; the file lives as long as the process."""
    card = Card(
        name=name,
        method="pix2pix",
        supervision="paired",
        task="translation",
        source="labels",
        target="photo",
        **translator_ports(3, 3),
        tiling="global",  # the export fills in what the network says
    )
    path = Path(_scratch().name) / f"{name}.onnx"
    export_onnx(untrained(name, small), path, card)
    return path


@functools.cache
def exported_without_tail(name: str, small: bool) -> Path:
    """The same file without the convolution that changes nothing at its end (i2i/tail.py)."""
    model, path = onnx.load(exported(name, small)), Path(_scratch().name) / f"{name}-without-tail.onnx"
    makers = {output: node for node in model.graph.node for output in node.output}
    for node in [node for node in model.graph.node if node.name.endswith(SUFFIX)]:
        makers[node.input[0]].output[0] = node.output[0]
        model.graph.node.remove(node)
    onnx.save(model, path)
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
