"""Which device trains, in which arithmetic; each choice is said in a sentence."""

from __future__ import annotations

import ctypes
import dataclasses
import os

import torch

from .errors import RequestError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where a run computes and how."""

    device: torch.device
    precision: str
    """`fp32`, `bf16` or `fp16`."""
    sentence: str
    """What was chosen and why, for people."""

    def autocast(self) -> torch.autocast:
        """The context in which networks run; outside of fp32 it lowers the precision of convolutions."""
        return torch.autocast(self.device.type, DTYPES[self.precision], enabled=self.precision != "fp32")


def place(device: str = "auto", precision: str = "auto") -> Placement:
    """The placement asked for; raises RequestError when this machine does not have it."""
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
    return Placement(chosen, precision, f"Training on {chosen} ({name}) in {precision}, {why}.")


def keep_freed_memory(kept: bool = True) -> bool:
    """Have glibc keep what is freed for the next step, for the rest of the process; whether that could be done.

    By default large blocks go back to the system at once, and each step pays for having the same pages again. The
    process holds no more than its peak, but holds it to the end, in huge pages where the system has them. `kept=False`
    goes back to where the default settles.
    """
    m_trim_threshold, m_mmap_threshold, m_mmap_max = -1, -3, -4  # of malloc.h
    try:
        glibc = ctypes.CDLL(None)
        mallopt, malloc_trim = glibc.mallopt, glibc.malloc_trim
    except (AttributeError, OSError, TypeError):  # other systems' allocators have their own ways
        return False
    if kept:
        done = mallopt(m_mmap_max, 0) and mallopt(m_trim_threshold, -1)
        if done:
            _ask_for_huge_pages(glibc)
        return bool(done)
    settings = ((m_mmap_max, 65536), (m_mmap_threshold, 32 * 2**20), (m_trim_threshold, 64 * 2**20))
    done = all(mallopt(*setting) for setting in settings)
    malloc_trim(0)
    return bool(done)


def _ask_for_huge_pages(glibc: ctypes.CDLL) -> None:
    """Have the heap grow in huge pages, up to half of the machine's memory, where the system leaves that to programs.

    A matrix then spans a few pages in place of thousands, whose addresses the processor must look up. The heap is
    made large by one block, which is freed unused: it keeps the addresses, and takes no memory for them.
    """
    madv_hugepage, huge = 14, 2 * 2**20  # of mman.h; of x86 and most of ARM
    size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    glibc.malloc.argtypes, glibc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    glibc.free.argtypes = [ctypes.c_void_p]
    glibc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    block = glibc.malloc(size)
    if block:  # a limit on addresses refuses it
        first = -(-block // huge) * huge
        glibc.madvise(first, (block + size - first) // huge * huge, madv_hugepage)  # what it answers changes nothing
        glibc.free(block)


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
