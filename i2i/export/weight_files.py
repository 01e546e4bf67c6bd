"""Files of weights, read without running anything in them: torch's with `weights_only=True`, and safetensors."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from .. import file_kinds
from ..errors import ModelFileError, first_line

AVERAGED = ("params_ema", "params")
"""Names under which the code of Real-ESRGAN puts weights, the averaged ones first."""
WRAPPINGS = ("state_dict", "model", "netG", "G", "generator", *AVERAGED)
"""Names under which others put the state_dict into a larger one."""


def read_weights(path: Path) -> tuple[dict[str, Tensor], str]:
    """The tensors of a file of torch's or of safetensors by their names without `module.`, in float32.

    And the file's SHA-256 in hex. Raises ModelFileError, saying what it is instead where that is known, when it is
    neither, is damaged, or holds something else than tensors.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    kind = file_kinds.kind_of(data)
    if kind not in LOADERS:
        raise ModelFileError(_instead(path, kind))
    return _floats(_by_name(LOADERS[kind](data, path), path), path), hashlib.sha256(data).hexdigest()


def _instead(path: Path, kind: str | None) -> str:
    """What a file is that holds no weights that can be read."""
    if path.suffix == ".onnx" and kind is None:
        return f"{path} is an ONNX file already, or a damaged one. `i2i adopt {path.name} OUT.onnx` takes it."
    what = f"; it is {kind}" if kind else ""
    return (
        f"{path} is not a file of torch's or of safetensors{what}. i2i import takes weights such as latest_net_G.pth "
        "or RealESRGAN_x4plus.pth."
    )


def _safetensors(data: bytes, path: Path) -> Any:
    try:
        return safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(
            f"{path} is damaged or cut short ({first_line(error)}). Copy or download it again."
        ) from error


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
    wrapped = {
        key: loaded[key] for key in WRAPPINGS if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping)
    }
    averaged = next((wrapped[key] for key in AVERAGED if key in wrapped), None)
    named = averaged or (next(iter(wrapped.values())) if len(wrapped) == 1 else loaded)
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


LOADERS: dict[str | None, Callable[[bytes, Path], Any]] = {
    file_kinds.TORCH: _loaded,
    file_kinds.CUT_ZIP: _loaded,
    file_kinds.SAFETENSORS: _safetensors,
}
"""What reads a kind of file."""
