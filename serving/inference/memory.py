"""What a run takes of the memory: foretold from the graph, corrected by what runs were seen to take."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import math
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx

from ...card import Card
from ...errors import RequestError
from ...hardware.system import available_memory
from ..runtime.jobs import current
from .executors import IMAGE
from .segments.shapes import tensors_of, without_weights

SHARE = 0.75
"""Of what is free, what runs may take unless told otherwise."""
WORKSPACE = 3.4
"""What a provider takes at most for the tensors that live at once and for what convolutions reorder, as a factor of the
former, until a run has shown it. Measured at half a megapixel: OpenVINO 1.4 (ResNet-9) to 2.9 (U-Net 256), ONNX
Runtime 1.5 (SRVGGNetCompact) to 3.3 (ResNet-9)."""
MARGIN = 1.1
"""By which a run is taken to take more than one that was seen."""
RECENT, SMALL_PART = 0.5, 1 / 8
"""Seconds for which a reading of the room serves those that want less than this part of it. Reading takes as long as
decoding a small picture."""
UNTOLD = 2**32
"""Bytes that are taken to be free where the system does not tell."""
SEEN = 2**18
"""Input pixels from which on a run tells what larger ones will take."""
UNKNOWN = 1500
"""Bytes an input pixel, of a graph that does not tell its sizes: those of a network 64 wide."""


STACK = 2**21
"""More than macOS and musl give their threads."""
M_MMAP_THRESHOLD = -3
"""Of glibc's mallopt."""
LARGE_BLOCK = 2**22
UNITS = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
LEAST = 10**8
_measuring = threading.Lock()


def parse_memory(text: str | None, option: str = "--memory") -> int | None:
    """`2GB`, `1.5 GiB` or `800MB` in bytes; None stays None. Raises RequestError, which names the option."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*([a-z]+)", text.strip().lower())
    size = float(match[1]) * UNITS.get(match[2], 0) if match is not None else 0
    if size < LEAST:
        raise RequestError(f"{option} is a size of 100MB at least, as in 2GB or 1.5GiB, not {text!r}.")
    return int(size)


class Memory:
    """The memory of this process; or what the thread's job was granted of it."""

    def __init__(self, limit: int | None = None) -> None:
        """At most `limit` bytes for the whole process; None: three quarters of what is free when it is asked."""
        self.limit = limit
        self._seen = (float("-inf"), 0)
        """When the room was read, and what it was."""

    @property
    def is_granted(self) -> bool:
        """Whether the thread's job may not take more than it was granted."""
        return _granted() is not None

    def free(self) -> int:
        """Bytes that are to be had beside what is taken."""
        granted = _granted()
        if granted is not None:
            return granted
        free = available_memory()
        free = (UNTOLD if free is None else free) + reusable()
        return free if self.limit is None else max(0, min(self.limit - resident() + reusable(), free))

    def room(self, wanted: float = float("inf")) -> int:
        """Bytes that a run may take of them; as they were a moment ago, where it wants a small part."""
        granted = _granted()
        if granted is not None:
            return granted
        when, room = self._seen
        if time.monotonic() - when > RECENT or wanted > room * SMALL_PART:
            room = int(self.free() * SHARE) if self.limit is None else self.free()
            self._seen = (time.monotonic(), room)
        return room


def _granted() -> int | None:
    job = current()
    return None if job is None else job.memory


class Peak:
    """How much memory a model takes for a picture as a whole, which grows with its pixels."""

    def __init__(self, read: Callable[[], bytes], card: Card) -> None:
        """`read` gives the model's file, when it is first needed."""
        self._read, self._card = read, card
        self._factor = WORKSPACE
        self._largest = SEEN
        self._base = resident()

    def of(self, pixels: int) -> int:
        """Bytes for a run of so many input pixels, to be on the safe side."""
        return int(pixels * self._living * self._factor)

    def fits(self, pixels: int, room: int) -> bool:
        """Whether such a run fits into so many bytes; the file is not read where any network's would."""
        return self.most(pixels) <= room or self.of(pixels) <= room

    def most(self, pixels: int) -> float:
        """Bytes that any network's run may take."""
        return pixels * UNKNOWN * WORKSPACE

    def least(self, pixels: int) -> int:
        """Bytes without which such a run cannot be."""
        return int(pixels * self._living)

    @contextlib.contextmanager
    def seen(
        self, pixels: int, patience: float = 0, before: int = 0, beside: Callable[[], int] = lambda: 0
    ) -> Iterator[None]:
        """A run within, from which it is learned when it is the largest yet and the system tells, unless another is
        being measured: one would reset what the other reads. With `patience`, seconds to wait for that one, it is
        learned from a smaller run, too, but only to take less than was foretold; and what came into memory since the
        session was opened is not taken to be the run's, but for what one of `before` pixels may have left. `beside` are
        bytes that others hold.
        """
        is_ours = (pixels >= self._largest or patience > 0) and _measuring.acquire(timeout=patience)
        try:
            held = beside()
            base = max(self._base, resident() - self.of(before)) if patience else self._base
            tells = is_ours and _highest(reset=True) is not None
            yield
            highest = _highest() if tells else None
            base += max(0, beside() - held)
        finally:
            if is_ours:
                _measuring.release()
        if highest is not None:
            self._largest = max(pixels, self._largest)
            # What was held before is counted in: allocators keep what a run before has left, and use it again.
            factor = max(1.1, (highest - base) / (pixels * self._living)) * MARGIN
            # Beside other runs (where memory is granted) theirs is seen too: one learns but to take less.
            is_all = _granted() is None and patience == 0
            self._factor = factor if is_all else min(factor, self._factor)

    @functools.cached_property
    def _living(self) -> float:
        """Bytes an input pixel of the tensors that live at once, at the worst moment."""
        sides = sample_sides(self._card)
        try:
            return living(onnx.ModelProto.FromString(self._read()), sides) / math.prod(sides[IMAGE][2:])
        except Exception:  # shape inference of other people's graphs raises anything
            return UNKNOWN


def sample_sides(card: Card) -> dict[str, tuple[int, ...]]:
    """Shapes of the inputs, at a size that the network takes and that is no smallest one."""
    side = -(-max(card.smallest, 256) // card.multiple) * card.multiple
    shapes: dict[str, tuple[int, ...]] = {}
    for port in card.inputs:
        follows = iter((side, side)[-port.shape.count(None) :] if None in port.shape else ())
        shapes[port.name] = (1, *(next(follows) if length is None else length for length in port.shape))
    return shapes


def living(model: onnx.ModelProto, sides: Mapping[str, tuple[int, ...]]) -> int:
    """Bytes of the tensors beside the weights that live at once, at the worst moment."""
    tensors = tensors_of(without_weights(model), dict(sides))
    size = {name: math.prod(each.shape) * int(np.dtype(each.dtype).itemsize) for name, each in tensors.items()}
    size |= dict.fromkeys((each.name for each in model.graph.initializer), 0)
    answers = {port.name for port in model.graph.output}
    last = {name: k for k, node in enumerate(model.graph.node) for name in node.input}
    now = {name: size[name] for name in sides}
    worst = 0
    for k, node in enumerate(model.graph.node):
        now |= {name: size.get(name, 0) for name in node.output if name}
        worst = max(worst, sum(now.values()))
        for name in {*node.input, *node.output}:
            if name not in answers and last.get(name, k) <= k:
                now.pop(name, None)
    return worst


def resident() -> int:
    """Bytes of memory that this process holds; 0 where the system does not tell."""
    with contextlib.suppress(OSError, ValueError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


class _MallInfo(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    ]


def reusable() -> int:
    """Bytes that were freed and that the allocator holds for what is allocated next; 0 where it does not tell."""
    with contextlib.suppress(OSError, AttributeError):
        ask = _library().mallinfo2  # glibc from 2.33 on
        ask.restype = _MallInfo
        return int(ask().fordblks)
    return 0


@functools.cache
def _library() -> ctypes.CDLL:
    """The C library; raises OSError where there is none to be asked."""
    return ctypes.CDLL(None)


def give_back() -> None:
    """Hand what was freed back to the system, as far as the allocator can (glibc)."""
    with contextlib.suppress(OSError, AttributeError):
        _library().malloc_trim(0)


def return_large_blocks() -> None:
    """Have the allocator (glibc) hand blocks of LARGE_BLOCK bytes and more back to the system when they are freed.

    It raises that size to 32 MiB by itself, and then every thread keeps some: in a server with a thread for each
    picture that waits, many times what the pictures take.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)


def fit_stacks() -> bool:
    """Where the process has a limit of data, give threads to come stacks of STACK bytes; whether that was done.

    The C library (glibc) keeps the stacks of threads that ended, of which providers begin many to load a model: 40 MB
    of them, all of which counts, at 8 MB each unless told otherwise.
    """
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import resource

        limits = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS))
        library, attributes = ctypes.CDLL(None), ctypes.create_string_buffer(256)
        if any(limit != resource.RLIM_INFINITY for limit in limits):
            done = library.pthread_getattr_default_np(attributes) == 0
            done = done and library.pthread_attr_setstacksize(attributes, ctypes.c_size_t(STACK)) == 0
            return bool(done and library.pthread_setattr_default_np(attributes) == 0)
    return False


def _highest(reset: bool = False) -> int | None:
    """The most that the process has held since the last reset; None where the system does not tell (Linux does)."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
    return None
