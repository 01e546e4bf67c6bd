"""How this process holds its memory: glibc's allocator suited to a loop that wants the same blocks at each step."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

THP = Path("/sys/kernel/mm/transparent_hugepage/enabled")
OVERCOMMIT = Path("/proc/sys/vm/overcommit_memory")


def keep_freed_memory() -> bool:
    """Have glibc keep what is freed for the next step, for the rest of the process; whether that could be done.

    By default large blocks go back to the system at once, and each step pays for having the same pages again. The
    process holds no more than its peak, but holds it to the end, in huge pages where the system leaves that to
    programs.
    """
    m_trim_threshold, m_mmap_max = -1, -4  # of malloc.h
    try:
        glibc = ctypes.CDLL(None)
        mallopt = glibc.mallopt
    except (AttributeError, OSError, TypeError):  # other systems' allocators have their own ways
        return False
    done = mallopt(m_mmap_max, 0) and mallopt(m_trim_threshold, -1)
    if done and _huge_pages_wait_to_be_asked_for():
        _lay_heap_in_huge_pages(glibc)
    return bool(done)


def _huge_pages_wait_to_be_asked_for() -> bool:
    """Whether they are there for programs that ask, of 2 MB, and addresses without memory may be had."""
    usual = os.sysconf("SC_PAGE_SIZE") == 4096  # where pages are larger, huge ones are of up to 512 MB
    return usual and "[madvise]" in _read(THP) and _read(OVERCOMMIT).strip() != "2"


def _lay_heap_in_huge_pages(glibc: ctypes.CDLL) -> None:
    """Have the heap lie in huge pages, up to half of the machine's memory.

    A matrix then spans a few pages instead of thousands, each of which the processor must look up. The heap is made
    large by one block, which is freed unused: it keeps the addresses, and takes no memory for them.
    """
    madv_hugepage = 14  # of mman.h
    glibc.malloc.argtypes, glibc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    glibc.free.argtypes = [ctypes.c_void_p]
    glibc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    half = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    glibc.free(glibc.malloc(half))  # nothing, where a limit on addresses refuses it
    for line in _read(Path("/proc/self/maps")).splitlines():
        if line.endswith("[heap]"):
            first, last = (int(end, 16) for end in line.split()[0].split("-"))
            glibc.madvise(first, last - first, madv_hugepage)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
