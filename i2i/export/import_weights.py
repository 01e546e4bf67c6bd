"""Generator weights of the PyTorch CycleGAN/pix2pix, CUT and (Real-)ESRGAN code, as one ONNX file.

A file of weights holds tensors by name and says nothing of the network, so that is inferred from names and shapes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..card import SUPERVISION, Card
from ..errors import ConfigError, ModelFileError, RequestError, require
from ..hardware.system import versions
from ..networks import Generator
from ..ports import translator_ports
from .from_run import PRECISIONS, slug
from .known_enlargers import enlarger, load_enlarger
from .known_generators import Known, recognise
from .onnx_file import export_onnx
from .weight_files import read_weights

STATISTICS = ("picture", "running")
SCALE, RUNNING = ("weight", "bias"), ("running_mean", "running_var", "num_batches_tracked")
"""What a norm may hold."""

NORM_WORDS = {
    "instance_affine": "batch norm with the statistics of the picture",
    "batch_running": "batch norm with running averages",
    "instance": "instance norm",
    "none": "without norm",
}
"""Names in NORMS, for people."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What the tensors cannot say of themselves; None is decided by what they do say."""

    name: str | None = None
    """Short name for lists and URLs; else that of the ONNX file."""
    method: str | None = None
    """How it was trained; else `cyclegan` for a ResNet, `cut` for an anti-aliased one, `pix2pix` for a U-Net, `esrgan`
    for an RRDBNet, `real-esrgan` for a compact network."""
    source: str | None = None
    """What goes in, in words; else `a`, or `low resolution`."""
    target: str | None = None
    """What comes out, in words; else `b`, or `high resolution`."""
    size: int | None = None
    """Side of the training crops, in pixels."""
    licence: str = "unspecified"
    statistics: str = "picture"
    """What a BatchNorm normalises with: the `picture`, as that code tests, or the `running` averages (`--eval`)."""
    norm: str | None = None
    """`instance` or `none`, for weights that leave both open."""
    precision: str = "fp32"


def import_weights(weights: Path, out: Path, told: ImportOptions | None = None) -> tuple[Known, Card]:
    """Write the generator in the file `weights` to `out`; gives what it was recognised as, and the card as written.

    Raises ModelFileError when the file holds no such generator, RequestError when what was told does not fit it,
    ExportError when ONNX and torch disagree; nothing is written then.
    """
    told = told or ImportOptions()
    require("way of statistics", told.statistics, STATISTICS)
    require("precision", told.precision, PRECISIONS)
    if told.size is not None and told.size < 1:
        raise ConfigError(f"The size cannot be {told.size}; it is the side of the training pictures in pixels.")
    if out.is_dir() or out.resolve() == weights.resolve():
        raise RequestError(f"{out} cannot be written as the ONNX file. Name a new file, such as model.onnx.")
    tensors, digest = read_weights(weights)
    known, network = _recognised(tensors, told, weights)
    card = _card(known, told, out, {"file": weights.name, "sha256": digest, "network": known.words})
    return known, export_onnx(network, out, card, told.precision)


def _recognised(tensors: Mapping[str, Tensor], told: ImportOptions, path: Path) -> tuple[Known, Generator]:
    """What the tensors are, and our network with them."""
    known = enlarger(tensors, path)
    if known is not None:
        if told.norm is not None or told.statistics != "picture":
            raise RequestError(f"{path} is a {known.words}, which has no norms. Leave out --norm and --statistics.")
        return known, load_enlarger(tensors, known, path)
    known = recognise(tensors, path)
    norm = norm_of(tensors, known, told, path)
    known = dataclasses.replace(known, words=f"{known.words}, {NORM_WORDS[norm]}")
    return known, assemble(tensors, known, norm, path)


def norm_of(tensors: Mapping[str, Tensor], known: Known, told: ImportOptions, path: Path) -> str:
    """The name in NORMS of what the network normalises with; raises RequestError when `told` does not fit."""
    first = known.layers[-2]  # the last but one: each network has a norm behind it
    scaled, running = (f"{first.their_norm}.{part}" in tensors for part in ("weight", "running_mean"))
    biased = f"{first.theirs}.bias" in tensors
    norm = "instance_affine" if scaled else "instance" if biased or running else told.norm
    if norm is None:
        raise RequestError(
            f"{path} has neither norms nor biases, so it was trained without norm, or by an early version with "
            "instance norm. Say which: --norm none or --norm instance."
        )
    if told.norm not in (None, norm):
        raise RequestError(f"{path} was trained with {NORM_WORDS[norm]}, as its tensors say. Leave out --norm.")
    if told.statistics == "running":
        if not (scaled and running):
            raise RequestError(
                f"{path} has no batch norm with running averages, so there is nothing to run with. "
                "Leave out --statistics."
            )
        return "batch_running"
    return norm


def assemble(tensors: Mapping[str, Tensor], known: Known, norm: str, path: Path) -> Generator:
    """Our network with their weights; raises ModelFileError when a tensor is missing, left over or misshapen.

    Each convolution has a bias where theirs has one, whatever the norm: versions of that code differ there.
    """
    with torch.device("meta"):  # nothing is drawn that is replaced anyway
        network = known.network(*known.channels, norm=norm, **known.options)
    used = set(known.filters)

    def put(ours: str, theirs: str, parts: tuple[str, ...]) -> None:
        module = network.get_submodule(ours)
        for part in parts:
            key = f"{theirs}.{part}"
            if key not in tensors:
                raise ModelFileError(f"{path} looks like a {known.words}, but has no {key!r}. Is the file complete?")
            wanted, given = getattr(module, part), tensors[key]
            if wanted is not None and wanted.shape != given.shape:
                raise ModelFileError(
                    f"{path} looks like a {known.words}, but {key!r} has the shape {tuple(given.shape)} in place of "
                    f"{tuple(wanted.shape)}. It is of a changed network, which i2i does not know."
                )
            setattr(module, part, given if part in RUNNING else nn.Parameter(given))
            used.add(key)
        if "running_var" in parts:
            module.num_batches_tracked = torch.zeros(())  # counts for training alone; early files lack it

    for layer in known.layers:
        biased = f"{layer.theirs}.bias" in tensors
        cast(nn.Conv2d, network.get_submodule(layer.ours)).bias = None
        put(layer.ours, layer.theirs, ("weight", "bias") if biased else ("weight",))
        if layer.our_norm and layer.their_norm:
            scaled = norm in ("instance_affine", "batch_running")
            put(layer.our_norm, layer.their_norm, (*SCALE, *RUNNING[:2]) if norm == "batch_running" else SCALE * scaled)
            used.update(f"{layer.their_norm}.{part}" for part in RUNNING)  # those that are not used are not missed
    left = [key for key in tensors if key not in used]
    if left:
        raise ModelFileError(
            f"{path} looks like a {known.words}, but has {left[0]!r} too"
            + (f" and {len(left) - 1} more" if len(left) > 1 else "")
            + ". It is of a changed network, which i2i does not know."
        )
    return network.eval().requires_grad_(False)


def _card(known: Known, told: ImportOptions, out: Path, facts: dict[str, str]) -> Card:
    training: dict[str, Any] = {"imported": facts, "packages": versions()}
    if told.size is not None:
        training["size"] = told.size
    scale = known.options.get("scale")
    task = "translation" if scale is None else "super-resolution" if scale > 1 else "restoration"
    sides = {"translation": ("a", "b"), "super-resolution": ("low resolution", "high resolution")}
    source, target = sides.get(task, ("degraded", "restored"))
    return Card(
        name=slug(told.name or out.stem),
        method=told.method or known.method,
        supervision=SUPERVISION.get(told.method or known.method, "unknown"),
        task=task,
        source=told.source or source,
        target=told.target or target,
        **translator_ports(*known.channels),
        tiling="global",
        training=training,
        licence=told.licence,
    )
