"""The machine: processors and memory that this process may really use (a container's share), versions."""

from __future__ import annotations

import contextlib
import math
import os
import platform
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from .control_groups import free_memory, quota


def available_threads(root: Path = Path("/")) -> int:
    """Processors by affinity and by the control groups' quotas, at least one; `root` is for tests."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(affinity, math.ceil(quota(root) or affinity)))


def available_memory(root: Path = Path("/")) -> int | None:
    """Bytes that this process may still take, or None where the system does not say; `root` is for tests.

    The least of what the machine has left, what the limits of its control groups leave at any level, and what its own
    limits (`ulimit -v`, `ulimit -d`) leave. Swap does not count.
    """
    left = (_machine_memory(root), free_memory(root), *_left_by_own_limits(root))
    return min((max(0, each) for each in left if each is not None), default=None)


def peak_of_process(what: str = "VmHWM") -> int:
    """Bytes of memory that this process holds (`VmRSS`) or has held at most; 0 where the system does not say.

    On Linux, whose `getrusage` tells the peak of the process that started this one, where that was higher.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) * 1024
    return 0


def _machine_memory(root: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in (root / "proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _left_by_own_limits(root: Path) -> Iterator[int]:
    """Of addresses and of data, where they are limited."""
    with contextlib.suppress(ImportError, OSError, ValueError, IndexError):  # Windows has no such limits
        import resource

        sizes = [int(pages) * resource.getpagesize() for pages in (root / "proc/self/statm").read_text().split()]
        for limit, used in ((resource.RLIMIT_AS, sizes[0]), (resource.RLIMIT_DATA, sizes[5])):
            soft, _ = resource.getrlimit(limit)
            if soft != resource.RLIM_INFINITY:
                yield soft - used


PACKAGES = ("i2i", "torch", "torchvision", "onnx", "onnxscript", "numpy", "pillow", "albumentations")


def environment() -> dict[str, Any]:
    """The machine, Python and the versions of the packages that matter."""
    return {
        "platform": platform.platform(),
        "processor": processor(),
        "cores": available_threads(),
        "memory_gb": _memory_gb(),
        "python": platform.python_version(),
        "packages": versions(),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "started": time.strftime("%Y-%m-%d %H:%M:%S %z"),
    }


def versions() -> dict[str, str]:
    """Installed versions of the packages that a result depends on."""
    installed = {}
    for name in PACKAGES:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


def processor() -> str:
    """The processor's name, as far as the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):  # not on Windows
        return None
