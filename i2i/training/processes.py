"""What several processes that train together agree on: where they begin, and that their networks stay the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import torch

from ..errors import TrainingError
from ..hardware.processes import from_first, of_all, together
from ..methods import Method
from . import checkpoint
from .checkpoint import Progress
from .run_directory import Run


def restored(run: Run, method: Method, say: Callable[[str], object]) -> Progress:
    """Put the newest checkpoint into the method of every process; the first one alone needs to see the run's folder."""
    first = method.placement.processes.first
    progress = checkpoint.restore(run.checkpoints, method, say) if first else Progress()
    if not together():
        return progress
    progress = from_first(progress)
    if progress.images > 0:
        state = from_first(_state(method) if first else {})
        if not first:
            for name, tensors in state["networks"].items():
                method.networks[name].load_state_dict(tensors)
            method.load_state_dict(state["method"])
            torch.set_rng_state(state["random"])
            if method.placement.device.type == "cuda":
                torch.cuda.set_rng_state(state["random_cuda"], method.placement.device)
    refuse_drift(method)
    return progress


def follow_first(method: Method) -> None:
    """Take over the timeline of the first process, which alone may change it."""
    method.timeline = from_first(method.timeline)


def _state(method: Method) -> dict[str, Any]:
    networks = {
        name: {key: value.detach().cpu() for key, value in network.state_dict().items()}
        for name, network in method.networks.items()
    }
    device = method.placement.device
    return {
        "networks": networks,
        "method": method.state_dict(),
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }


def refuse_drift(method: Method) -> None:
    """Raises TrainingError when the processes do not have the same weights and the same random state."""
    if not together():
        return
    mine = [float(weight.detach().double().sum()) for n in method.networks.values() for weight in n.parameters()]
    mine.append(float(int.from_bytes(hashlib.sha256(torch.get_rng_state().numpy().tobytes()).digest()[:6], "big")))
    theirs = of_all(mine)
    different = [str(rank) for rank, one in enumerate(theirs) if one != theirs[0]]
    if different:
        raise TrainingError(
            f"Of the processes of this training, number {', '.join(different)} no longer has the weights of number 0. "
            "All must have the same torch, one kind of processor and the same --precision. "
            "The last checkpoint is kept."
        )
