"""A CUDA graph's way to record and replay, on a CPU: operators as they were done, on the memory that they had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Recording(TorchDispatchMode):
    """Keeps every operator that runs inside; `replay` does them again, and writes what they give to where it lay.

    As in a CUDA graph nothing that Python decides is decided again, and what asks for a number is refused. Unlike
    there, what is recorded is computed as well.
    """

    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("operation not permitted when stream is capturing")
        found = func(*args, **(kwargs or {}))
        self.done.append((func, args, kwargs or {}, found))
        return found

    def replay(self) -> None:
        """All of it again."""
        with torch.no_grad():
            for func, args, kwargs, found in self.done:
                again = func(*args, **kwargs)
                for old, new in zip(tree_leaves(found), tree_leaves(again), strict=True):
                    apart = (
                        isinstance(old, Tensor) and old.untyped_storage().data_ptr() != new.untyped_storage().data_ptr()
                    )
                    if apart:
                        old.copy_(new)


class OnCpu:
    """`Graphs` with such recordings. A recording computes, so what it changed is put back: `state` gives it."""

    def __init__(self, state: Callable[[], list[Tensor]]) -> None:
        self.state = state
        self.recorded = self.replayed = 0

    def warm(self, work: Callable[[], Any]) -> Any:
        return work()

    def record(self, work: Callable[[], Any]) -> tuple[Any, Callable[[], object]]:
        before = [(tensor, tensor.detach().clone()) for tensor in self.state()]
        random = torch.get_rng_state()
        try:
            with Recording() as recording:
                found = work()
        finally:
            with torch.no_grad():
                for tensor, value in before:
                    tensor.copy_(value)
            torch.set_rng_state(random)
        self.recorded += 1

        def replay() -> None:
            self.replayed += 1
            recording.replay()

        return found, replay
