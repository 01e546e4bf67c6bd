"""The machine: processors that this process may really use (a container's share), memory, versions."""

from __future__ import annotations

import contextlib
import math
import os
import platform
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any


def available_threads(root: Path = Path("/")) -> int:
    """Processors by affinity and by the container's quota, at least one; `root` is for tests."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(affinity, math.ceil(_quota(root) or affinity)))


def _quota(root: Path) -> float | None:
    """Processors by the control group's quota, or None without one (cgroup version 2, then 1)."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        quota, period = (root / "sys/fs/cgroup/cpu.max").read_text().split()[:2]
        return None if quota == "max" else int(quota) / int(period)
    with contextlib.suppress(OSError, ValueError):
        quota_us = int((root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us").read_text())
        period_us = int((root / "sys/fs/cgroup/cpu/cpu.cfs_period_us").read_text())
        return quota_us / period_us if quota_us > 0 else None
    return None


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
