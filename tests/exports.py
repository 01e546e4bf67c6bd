"""Untrained generators and their exported files: each network with its options once in a run of the tests.

Tracing takes seconds, however small the network is, and several tests want the same file.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import inspect
from pathlib import Path
from typing import NamedTuple

import torch
from small_models import card_for
from torch import nn

from i2i.card import Card
from i2i.export.onnx_file import export_onnx
from i2i.networks import GENERATORS, Generator, build, takes
from i2i.serving.runtime.model_file import read_card

with contextlib.suppress(ImportError, AttributeError):  # inner names of torch's, which may be others one day
    from torch.onnx._internal._lazy_import import onnxscript_apis

    # The exporter compiles all of its 497 operations anew for every file, in a third of its time.
    onnxscript_apis.get_torchlib_ops = functools.cache(onnxscript_apis.get_torchlib_ops)


def load_exporter() -> None:
    """What a first export loads and compiles, for the forks of this process."""
    importlib.import_module("torch._dynamo")
    importlib.import_module("torch.export._trace")
    with contextlib.suppress(NameError, ImportError, AttributeError):
        onnxscript_apis.get_torchlib_ops()


FEW_BLOCKS = {"compact": 2, "msrresnet": 2, "srresnet": 2, "rrdbnet": 1}
"""Two are enough to see that blocks follow each other; a dense one has three inside."""
ENLARGERS = [name for name in GENERATORS if takes(GENERATORS, name, "scale")]


class Exported(NamedTuple):
    network: Generator
    path: Path
    card: Card


def small(name: str, channels: tuple[int, int] = (3, 3), **options: object) -> Generator:
    """The generator, few channels wide, with weights as large as trained ones at least, so that far pixels matter."""
    torch.manual_seed(1)
    blocks = {"blocks": FEW_BLOCKS[name]} if name in FEW_BLOCKS else {}
    network = build(GENERATORS, "generator", name, channels, {"width": 4, **blocks, **options})
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight)
    return network


class Exports:
    """Files by network and options in `folder`, which the workers of a run share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, name: str, channels: tuple[int, int] = (3, 3), **options: object) -> Exported:
        defaults = {key: option.default for key, option in inspect.signature(GENERATORS[name]).parameters.items()}
        key = repr((name, channels, sorted({**defaults, **options}.items())))
        path = self.folder / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.onnx"
        network = small(name, channels, **options)
        if not path.exists():  # written whole or not at all, should two workers want it at once
            card = card_for(name, tiling="global", input_channels=channels[0], output_channels=channels[1])
            export_onnx(network, path, card)
        return Exported(network, path, read_card(path))
