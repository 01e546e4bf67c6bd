"""Generator weights of the widely used PyTorch CycleGAN/pix2pix code, and of the CUT code, as one ONNX file.

A `.pth` holds tensors by name and says nothing of the network, so that is inferred from names and shapes. Files are
read with `weights_only=True`: nothing in them is ever run.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..card import SUPERVISION, Card
from ..errors import ConfigError, ModelFileError, RequestError, first_line, require
from ..hardware.system import versions
from ..networks import Generator
from ..ports import translator_ports
from .from_run import PRECISIONS, slug
from .known_generators import Known, recognise
from .onnx_file import export_onnx

STATISTICS = ("picture", "running")
WRAPPINGS = ("state_dict", "model", "netG", "G", "generator")
"""Names under which others put the state_dict into a larger one."""
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
    """How it was trained; else `cyclegan` for a ResNet, `cut` for an anti-aliased one, `pix2pix` for a U-Net."""
    source: str = "a"
    """What goes in, in words."""
    target: str = "b"
    """What comes out, in words."""
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
    known = recognise(tensors, weights)
    norm = norm_of(tensors, known, told, weights)
    known = dataclasses.replace(known, words=f"{known.words}, {NORM_WORDS[norm]}")
    network = assemble(tensors, known, norm, weights)
    card = _card(known, told, out, {"file": weights.name, "sha256": digest, "network": known.words})
    return known, export_onnx(network, out, card, told.precision)


def read_weights(path: Path) -> tuple[dict[str, Tensor], str]:
    """The tensors of a torch file by their names without `module.`, in float32, and the file's SHA-256 in hex.

    Raises ModelFileError when it is none, is damaged, or holds something else than tensors.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    if not data.startswith((b"PK", b"\x80")):
        raise ModelFileError(f"{path} is not a file of torch's. i2i import takes weights such as latest_net_G.pth.")
    return _floats(_by_name(_loaded(data, path), path), path), hashlib.sha256(data).hexdigest()


def _loaded(data: bytes, path: Path) -> Any:
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged pickle raises is anybody's guess
        said = str(error)
        if "TorchScript" in said or re.search(r"GLOBAL|nsupported (global|class|operand)", said):
            raise ModelFileError(
                f"{path} holds a whole Python object, and loading it could run any code; i2i reads weights alone. "
                "Where it was made, save them: torch.save(network.state_dict(), 'weights.pth')."
            ) from error
        raise ModelFileError(
            f"{path} is damaged or cut short ({first_line(error)}). Copy or download it again."
        ) from error


def _by_name(loaded: Any, path: Path) -> dict[str, Any]:
    """The state_dict, taken out of what it may be wrapped in."""
    if isinstance(loaded, Mapping) and "param_groups" in loaded:
        raise ModelFileError(
            f"{path} holds the state of an optimizer, not weights. The generator is in a file like latest_net_G.pth."
        )
    wrapped = [loaded[key] for key in WRAPPINGS if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping)]
    named = wrapped[0] if len(wrapped) == 1 else loaded
    if not isinstance(named, Mapping) or not any(isinstance(value, Tensor) for value in named.values()):
        raise ModelFileError(
            f"{path} holds no tensors by name ({type(loaded).__name__}). i2i import takes a generator's state_dict, "
            "as in latest_net_G.pth."
        )
    return {re.sub(r"^((module|_orig_mod)\.)+", "", str(key)): value for key, value in named.items()}


def _floats(named: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    tensors = {}
    for key, value in named.items():
        if not isinstance(value, Tensor) or value.layout != torch.strided or value.is_complex() or value.is_quantized:
            raise ModelFileError(f"{path} has something else than a plain tensor under {key!r}.")
        tensors[key] = value.detach().float()
        if not tensors[key].isfinite().all():
            raise ModelFileError(
                f"{path} has values in {key!r} that are no numbers: its training had diverged. Take an earlier file."
            )
    return tensors


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
    return Card(
        name=slug(told.name or out.stem),
        method=told.method or known.method,
        supervision=SUPERVISION.get(told.method or known.method, "unknown"),
        task="translation",
        source=told.source,
        target=told.target,
        **translator_ports(*known.channels),
        tiling="global",
        training=training,
        licence=told.licence,
    )
