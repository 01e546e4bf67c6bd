"""Checkpoints: a folder each, written beside and renamed, so that a killed run never leaves half of one.

checkpoints/00004000/weights.safetensors   every network, keys `G.…`, `D.…`
checkpoints/00004000/state.pt              optimizers, images seen, random state; loads with weights_only=True
checkpoints/best/weights.safetensors       the networks at the lowest validation error, for export alone
"""

from __future__ import annotations

import dataclasses
import io
import json
import pickle
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from ..errors import RunError, first_line
from ..files import being_written, write_atomically
from ..methods import Method
from .run_directory import BEST, BEST_FIGURE, STATE, WEIGHTS, complete_checkpoints


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a run is."""

    images: int = 0
    steps: int = 0
    seconds: float = 0.0
    """Time spent training, over all sessions."""
    best: float | None = None
    """Lowest value of the method's validation figure."""


def save(folder: Path, method: Method, progress: Progress, keep: int) -> Path:
    """Write the checkpoint of `progress`, then drop all but the `keep` newest; raises StorageError."""
    path = folder / f"{progress.images:08d}"
    if not path.exists():
        with being_written(path) as part:
            part.mkdir()
            (part / WEIGHTS).write_bytes(_weights(method))
            state = {"progress": dataclasses.asdict(progress), "method": method.state_dict(), "random": _random_state()}
            buffer = io.BytesIO()  # straight to a file, torch would hide what the operating system says
            torch.save(state, buffer)
            (part / STATE).write_bytes(buffer.getbuffer())
    for old in complete_checkpoints(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return path


def save_best(folder: Path, method: Method, images: int, value: float) -> None:
    """Keep the networks of now as the best; two files, the weights first, so that the figure never runs ahead."""
    write_atomically(folder / BEST / WEIGHTS, _weights(method))
    figure = {"images": images, method.best_metric: value}
    write_atomically(folder / BEST / BEST_FIGURE, json.dumps(figure).encode())


def load_weights(path: Path, method: Method) -> None:
    """Put the weights of the checkpoint folder `path` into the networks; raises RunError when they do not fit."""
    load_networks(path, method.networks, method.expects)


def load_networks(
    path: Path, networks: Mapping[str, nn.Module], expects: Callable[[str, Collection[str]], bool] = lambda *_: True
) -> None:
    """Put the weights of the checkpoint folder `path` into networks by their names in it.

    `expects` says of a network and the names that there are whether it must be among them. Raises RunError when the
    weights do not fit.
    """
    try:
        tensors = safetensors.torch.load_file(path / WEIGHTS)
        saved = {key.partition(".")[0] for key in tensors}
        for name, network in networks.items():
            if not expects(name, saved):
                continue
            prefix = f"{name}."
            own = {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
            network.load_state_dict(own)
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:
        raise RunError(
            f"The checkpoint {path} is damaged or of another architecture ({first_line(error)}). "
            "Remove that folder to go on from the one before."
        ) from error


def restore(folder: Path, method: Method) -> Progress:
    """Put the newest checkpoint into `method` and the random generators; the empty progress when there is none."""
    found = complete_checkpoints(folder)
    if not found:
        return Progress()
    load_weights(found[-1], method)
    try:
        state = torch.load(found[-1] / STATE, map_location="cpu", weights_only=True)
        method.load_state_dict(state["method"])
        _set_random_state(state["random"])
        return Progress(**state["progress"])
    except (OSError, RuntimeError, KeyError, ValueError, EOFError, TypeError, pickle.UnpicklingError) as error:
        raise RunError(
            f"The checkpoint {found[-1]} is damaged ({first_line(error)}). "
            "Remove that folder to go on from the one before."
        ) from error


def _weights(method: Method) -> bytes:
    tensors: dict[str, Tensor] = {
        f"{name}.{key}": value.detach().cpu().contiguous()
        for name, network in method.networks.items()
        for key, value in network.state_dict().items()
    }
    data: bytes = safetensors.torch.save(tensors)
    return data


def _random_state() -> dict[str, Any]:
    """Of torch alone: dropout draws from it. Samples are functions of (seed, n) and need none."""
    return {
        "cpu": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _set_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
