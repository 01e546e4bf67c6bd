"""Which device trains, in which arithmetic; each choice is said in a sentence."""

from __future__ import annotations

import dataclasses
import sys

import torch

from ..errors import RequestError
from .processes import ALONE, Processes, of_environment
from .system import peak_of_process

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where a run computes and how."""

    device: torch.device
    precision: str
    """`fp32`, `bf16` or `fp16`."""
    sentence: str
    """What was chosen and why, for people."""
    processes: Processes = ALONE
    """Which of those that train together this process is."""

    @property
    def rank(self) -> int:
        """Its number among them; the first one, 0, alone writes."""
        return self.processes.rank

    def autocast(self) -> torch.autocast:
        """The context in which networks run; outside of fp32 it lowers the precision of convolutions."""
        return torch.autocast(self.device.type, DTYPES[self.precision], enabled=self.precision != "fp32")


def place(device: str = "auto", precision: str = "auto") -> Placement:
    """The placement asked for; raises RequestError when this machine does not have it."""
    mine = of_environment()
    if mine.count > 1 and device in ("auto", "cuda") and torch.cuda.is_available():
        device = f"cuda:{mine.local}"
    chosen = _device(device)
    fast = _has_bf16(chosen)
    if precision == "auto":
        precision = "bf16" if fast else "fp32"
        why = "which this hardware has" if fast else "as this hardware has no fast bf16"
    else:
        why = "as asked"
    if precision == "fp16" and chosen.type != "cuda":
        raise RequestError("fp16 trains on a CUDA device alone. Use --precision bf16 or fp32 here.")
    name = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    of_all = f", {mine.count} processes" if mine.count > 1 else ""
    return Placement(chosen, precision, f"Training on {chosen} ({name}{of_all}) in {precision}, {why}.", mine)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise RequestError(f"There is no device {name!r}. Use auto, cpu, cuda or cuda:N.")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise RequestError("No CUDA device is usable here (torch.cuda.is_available() is false). Use --device auto.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise RequestError(f"There is no {name}; this machine has {torch.cuda.device_count()} CUDA device(s).")
    return device


def _has_bf16(device: torch.device) -> bool:
    """Ampere and later; AMX or AVX512-BF16 on a CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # private names: absent ones count as no
    return any(getattr(torch.cpu, check, lambda: False)() for check in checks)


def peak_memory_mb(device: torch.device) -> int | None:
    """Peak memory: of the device where it has its own, else of the process; None where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) // 2**20
    if found := peak_of_process():
        return found // 2**20
    try:
        import resource  # not on Windows
    except ModuleNotFoundError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)
