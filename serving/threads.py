"""How many processors this process may really use (a container's share, not the machine's count)."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path


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
