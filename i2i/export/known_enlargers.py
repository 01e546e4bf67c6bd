"""The enlargers of ESRGAN, Real-ESRGAN and its compact network (SRVGG), as their tensors tell them.

Our own networks compute the same under nearly the same names; they take and give pictures in [0, 1], as theirs do.
https://github.com/xinntao/ESRGAN and https://github.com/xinntao/Real-ESRGAN
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..errors import ModelFileError
from ..networks import Generator
from ..networks.compact import CompactNetwork
from ..networks.rrdb import RRDBNet
from .known_generators import Known

Tensors = Mapping[str, Tensor]

RELEASED = {
    r"^RRDB_trunk\.": "body.",
    r"\.RDB(\d)\.": r".rdb\1.",
    r"^trunk_conv\.": "conv_body.",
    r"^upconv(\d)\.": r"conv_up\1.",
    r"^HRconv\.": "conv_hr.",
}
"""Names of ESRGAN's release, and ours."""
EARLY = {
    r"^model\.0\.": "conv_first.",
    r"^model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0\.": r"body.\1.rdb\2.conv\3.",
    r"^model\.1\.sub\.\d+\.(weight|bias)$": r"conv_body.\1",
}
"""Names of the code before that; its convolutions behind the blocks are numbered through."""


class PlainRRDBNet(RRDBNet):
    """RRDBNet as ESRGAN's early code had it at any scale: no pixels are laid into channels before it."""

    UNSHUFFLES: ClassVar[Mapping[int, int]] = {1: 1, 2: 1, 4: 1}


def enlarger(tensors: Tensors, path: object) -> Known | None:
    """Which enlarger the tensors are, or None; raises ModelFileError on one of a size that no network of ours has."""
    for pattern, infer in FORMS.items():
        if any(re.match(pattern, key) for key in tensors):
            return infer(tensors, path)
    return None


def load_enlarger(tensors: Tensors, known: Known, path: object) -> Generator:
    """Our network with their weights; raises ModelFileError when a tensor is missing, left over or misshapen."""
    with torch.device("meta"):
        network = known.network(*known.channels, **known.options)
    wanted = network.state_dict()
    theirs = {ours: there for there, ours in known.renamed.items()}
    for ours, tensor in wanted.items():
        found = tensors.get(theirs.get(ours, ours))
        if found is None:
            raise ModelFileError(
                f"{path} looks like a {known.words}, but has no {theirs.get(ours, ours)!r}. Is the file complete?"
            )
        if found.shape != tensor.shape:
            raise ModelFileError(
                f"{path} looks like a {known.words}, but {theirs.get(ours, ours)!r} has the shape "
                f"{tuple(found.shape)} in place of {tuple(tensor.shape)}. It is of a changed network, which i2i does "
                "not know. Export it to ONNX where it was made; `i2i adopt` takes that."
            )
    left = [key for key in tensors if known.renamed.get(key, key) not in wanted]
    if left:
        raise ModelFileError(
            f"{path} looks like a {known.words}, but has {left[0]!r} too. It is of a changed network, which i2i does "
            "not know. Export it to ONNX where it was made; `i2i adopt` takes that."
        )
    network = known.network(*known.channels, **known.options)
    network.load_state_dict({known.renamed.get(key, key): value for key, value in tensors.items()})
    network.low = 0.0
    return network.eval().requires_grad_(False)


def _rrdb(tensors: Tensors, path: object, names: Mapping[str, str], early: bool = False) -> Known:
    renamed = {key: _renamed(key, names) for key in tensors}
    if early:
        renamed |= _numbered(tensors, renamed)
    ours = {renamed[key]: value for key, value in tensors.items()}
    first, last = _weight(ours, "conv_first"), _weight(ours, "conv_last")
    out, into = last.shape[0], first.shape[1]
    ups = len({key.split(".")[0] for key in ours if key.startswith("conv_up")})
    unshuffle = 1 if early else next((u for u in (1, 2, 4) if into == out * u**2), 1)
    scale = 2**ups // unshuffle
    plain = unshuffle == 1 and scale != 4
    if 2**ups % unshuffle or scale not in (1, 2, 4) or (not plain and ups != 2):
        raise ModelFileError(
            f"{path} is an ESRGAN network with {ups} doublings behind {unshuffle}x{unshuffle} pixels to a channel; "
            "i2i imports those that enlarge by 1, 2 or 4. Export it to ONNX where it was made; `i2i adopt` takes that."
        )
    blocks = 1 + max((int(key.split(".")[1]) for key in ours if key.startswith("body.")), default=0)
    growth = _weight(ours, "body.0.rdb1.conv1").shape[0]
    width = first.shape[0]
    return Known(
        words=f"network of ESRGAN (RRDBNet), {blocks} blocks, {width} channels wide, that enlarges {scale} times",
        method="esrgan",
        network=PlainRRDBNet if plain else RRDBNet,
        options={"scale": scale, "blocks": blocks, "width": width, "growth": growth},
        channels=(into // unshuffle**2, out),
        layers=(),
        renamed={there: here for there, here in renamed.items() if there != here},
    )


def _renamed(key: str, names: Mapping[str, str]) -> str:
    for theirs, ours in names.items():
        key = re.sub(theirs, ours, key)
    return key


def _numbered(tensors: Tensors, renamed: Mapping[str, str]) -> dict[str, str]:
    """The early code's convolutions behind the blocks: enlarging ones, then `conv_hr` and `conv_last`."""
    places = sorted({int(key.split(".")[1]) for key in tensors if re.match(r"model\.\d+\.(weight|bias)$", key)} - {0})
    names = [*(f"conv_up{n + 1}" for n in range(len(places) - 2)), "conv_hr", "conv_last"][-len(places) :]
    by_place = dict(zip(places, names, strict=True)) if places else {}
    return {
        key: f"{by_place[int(key.split('.')[1])]}.{key.split('.')[2]}"
        for key in renamed
        if re.match(r"model\.\d+\.(weight|bias)$", key) and int(key.split(".")[1]) in by_place
    }


def _compact(tensors: Tensors, path: object) -> Known:
    places = sorted({int(key.split(".")[1]) for key in tensors if re.match(r"body\.\d+\.", key)})
    first, last = _weight(tensors, "body.0"), _weight(tensors, f"body.{places[-1]}")
    width, channels, pixels = first.shape[0], first.shape[1], last.shape[0] / first.shape[1]
    scale, blocks = math.isqrt(int(pixels)), places[-1] // 2 - 1
    if scale not in (1, 2, 3, 4) or scale**2 != pixels:
        raise ModelFileError(
            f"{path} is a compact network (SRVGG) whose last convolution gives {last.shape[0]} channels; i2i imports "
            "those that enlarge by 1 to 4. Export it to ONNX where it was made; `i2i adopt` takes that."
        )
    return Known(
        words=f"compact network of Real-ESRGAN (SRVGG), {blocks} blocks, {width} channels wide, "
        f"that enlarges {scale} times",
        method="real-esrgan",
        network=CompactNetwork,
        options={"scale": scale, "blocks": blocks, "width": width, "skip": "nearest"},
        channels=(channels, channels),
        layers=(),
    )


def _weight(tensors: Tensors, name: str) -> Tensor:
    """A convolution's weight; one of 1x1x1x1 where it is missing, which is said later, with its name."""
    found = tensors.get(f"{name}.weight")
    return torch.zeros(1, 1, 1, 1) if found is None or found.ndim != 4 else found


Infer = Callable[[Any, object], Known]
FORMS: dict[str, Infer] = {
    r"body\.\d+\.rdb1\.": partial(_rrdb, names={}),
    r"RRDB_trunk\.": partial(_rrdb, names=RELEASED),
    r"model\.1\.sub\.\d+\.RDB1\.": partial(_rrdb, names=EARLY, early=True),
    r"body\.1\.weight$": _compact,
}
"""The enlargers, by a key that only they have."""
