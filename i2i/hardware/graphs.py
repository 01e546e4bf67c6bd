"""Work on a CUDA device that is recorded once and then replayed, so that the device no longer waits for its orders.

A replay repeats the kernels that were recorded, on the same memory: inputs are copied to where they were, results lie
where they lay, and whatever Python decided stays decided. So work is recorded by its kind, one graph for each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

Batch = Mapping[str, Tensor]
T = TypeVar("T")

WARM = 3
"""Times that work of a kind is done as it is, before it is recorded: libraries choose their kernels meanwhile."""

LOST = (
    "The step could not be recorded as a CUDA graph ({why}), so it goes on as single orders: slower, and otherwise the "
    "same. --set speed.graphs=false does not try."
)


class Graphs(Protocol):
    """What records and replays: `CudaGraphs`, or a test's."""

    def warm(self, work: Callable[[], T], /) -> T:
        """Do the work as it is, where the recording will be done."""
        ...

    def record(self, work: Callable[[], T], /) -> tuple[T, Callable[[], object]]:
        """What the work gives, not yet computed, and what computes it anew."""
        ...


class CudaGraphs:
    """torch's, all in one pool of memory: they are never replayed at the same time."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self.pool = torch.cuda.graph_pool_handle()

    def warm(self, work: Callable[[], T]) -> T:
        """On the stream on which it is recorded."""
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            found = work()
        current.wait_stream(self.stream)
        return found

    def record(self, work: Callable[[], T]) -> tuple[T, Callable[[], object]]:
        """Other threads, as the loader's, may use the device meanwhile."""
        graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream(self.device)
        try:
            with torch.cuda.graph(graph, pool=self.pool, stream=self.stream, capture_error_mode="thread_local"):
                found = work()
        finally:
            torch.cuda.set_stream(current)  # torch leaves its own behind where a recording cannot be ended
        return found, graph.replay


@dataclasses.dataclass
class _Kind(Generic[T]):
    """What is known of a kind of work."""

    times: int = 0
    batch: dict[str, Tensor] = dataclasses.field(default_factory=dict)
    """Where a replay reads its batch."""
    found: T | None = None
    """What it gives; the tensors are written anew by each replay."""
    replay: Callable[[], object] | None = None


class Replayed(Generic[T]):
    """Does work of several kinds on batches: some times as it is, then recorded, then replayed."""

    def __init__(self, graphs: Graphs, say: Callable[[str], object]) -> None:
        self.graphs, self.say = graphs, say
        self.kinds: dict[Hashable, _Kind[T]] = {}
        self.lost = False
        """Whether a recording failed: from then on everything is done as it is."""

    def forget(self) -> None:
        """What was recorded is of no use any more."""
        self.kinds.clear()

    def __call__(
        self, kind: Hashable, batch: Batch, work: Callable[[Batch], T], undo: Callable[[], object] = lambda: None
    ) -> T:
        """What `work(batch)` gives; a kind and the shapes of a batch decide all that Python decides in it.

        `undo` takes back what Python did in it, after a recording that failed: the work is then done anew.
        """
        if self.lost:
            return work(batch)
        shapes = tuple((name, x.shape, x.stride(), x.dtype) for name, x in batch.items())
        one = self.kinds.setdefault((kind, shapes), _Kind())
        if one.replay is None and one.times < WARM:
            one.times += 1
            return self.graphs.warm(lambda: work(batch))
        if one.replay is None and not self._record(one, batch, work):
            undo()
            return work(batch)
        assert one.replay is not None
        assert one.found is not None
        for name, place in one.batch.items():
            place.copy_(batch[name])
        one.replay()
        return one.found

    def _record(self, one: _Kind[T], batch: Batch, work: Callable[[Batch], T]) -> bool:
        """Whether that could be done; where not, it is told, and nothing was computed."""
        one.batch = {name: x.clone() for name, x in batch.items()}
        try:
            one.found, one.replay = self.graphs.record(lambda: work(one.batch))
        except RuntimeError as error:  # what cannot be recorded, or not enough memory for it
            self.lost = True
            self.forget()
            self.say(LOST.format(why=_cause(error)))
            return False
        return True


def _cause(error: BaseException) -> str:
    """The first line of what went wrong first: ending a recording that failed fails as well."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error).strip().partition("\n")[0] or type(error).__name__


def use_tf32(device: torch.device) -> str | None:
    """Let what stays fp32 on a CUDA device multiply in TF32; gives the sentence that says so, or None.

    Convolutions do so by torch's own default. Left as it is where somebody has turned that off, or asked torch for
    deterministic algorithms.
    """
    if device.type != "cuda" or not torch.backends.cudnn.allow_tf32 or torch.are_deterministic_algorithms_enabled():
        return None
    if torch.cuda.get_device_capability(device) < (8, 0):
        return None
    torch.set_float32_matmul_precision("high")
    return "What stays fp32 multiplies in TF32, with 10 bits behind the point (NVIDIA_TF32_OVERRIDE=0: with 23)."
