"""A classifier of handwritten digits, of an accuracy that is measured, and what it says of generated ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from i2i.workflows.progress import Bar

SIDE = 28


@dataclasses.dataclass(frozen=True)
class Judged:
    """What the classifier sees in generated pictures."""

    digits: int
    """Of ten, those that at least one in a hundred pictures shows."""
    sure: float
    """Mean probability that it gives to the digit which it sees."""
    right: float | None
    """Share of pictures that show the digit which was asked for; None where none was."""


def pictures_of(files: Sequence[Path]) -> Tensor:
    """(N, 1, SIDE, SIDE) in [0, 1], grey."""
    read = []
    with Bar("Reading digits", len(files), "pictures") as bar:
        for file in files:
            with Image.open(file) as image:
                grey = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
                read.append(torch.from_numpy(np.asarray(grey, np.float32) / 255))
            bar.update(len(read))
    return torch.stack(read)[:, None]


def labelled(folder: Path) -> tuple[list[Path], Tensor]:
    """The files of the class folders `0` to `9`, and their digits."""
    files = sorted(folder.glob("[0-9]/*.png"))
    return files, torch.tensor([int(file.parent.name) for file in files])


def network() -> nn.Module:
    """A small one with fresh weights: (N, 1, SIDE, SIDE) in [0, 1] -> (N, 10) logits."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 49, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def trained(folder: Path, epochs: int = 3) -> tuple[nn.Module, float]:
    """A small network trained on `folder`/train, and its accuracy on `folder`/test: 0.986 after three epochs.

    It is 0.984 sure of those real pictures then, and 0.965 after a single epoch.
    """
    torch.manual_seed(0)
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    files, y = labelled(folder / "train")
    x = pictures_of(files)
    batches = [rows for _ in range(epochs) for rows in torch.randperm(len(x)).split(128)]
    with Bar("Training the classifier", len(batches), "batches") as bar:
        for done, rows in enumerate(batches, start=1):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            bar.update(done)
    files, digits = labelled(folder / "test")
    return net.eval(), float((seen(net, pictures_of(files)).argmax(1) == digits).float().mean())


@torch.no_grad()
def seen(net: nn.Module, x: Tensor) -> Tensor:
    """(N, 10): probabilities."""
    return torch.cat([net(part).softmax(1) for part in x.split(1000)])


def judged(net: nn.Module, folder: Path) -> Judged:
    """Of generated pictures, in class folders or not."""
    files = sorted(folder.rglob("*.png"))
    probabilities = seen(net, pictures_of(files))
    found = probabilities.argmax(1)
    shares = torch.bincount(found, minlength=10) / len(found)
    asked = list(_asked(files))
    right = float((found == torch.tensor(asked)).float().mean()) if asked else None
    return Judged(int((shares >= 0.01).sum()), float(probabilities.amax(1).mean()), right)


def _asked(files: Sequence[Path]) -> Iterator[int]:
    return (int(file.parent.name) for file in files if file.parent.name.isdigit())
