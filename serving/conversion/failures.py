"""Why a picture was not converted, and what ends a run, in sentences."""

from __future__ import annotations

import errno
from pathlib import Path

from ...errors import I2IError, ProviderError, StorageError, first_line
from ..inference.executors import wants_memory
from .plan import Job

STORAGE_ERRORS = {
    errno.ENOSPC: ("The disk takes no more", "Make room"),
    errno.EDQUOT: ("The quota takes no more", "Make room"),
    errno.EROFS: ("The target can be read alone", "Mount it for writing, or name another target,"),
}
"""What ends a run, as no further file could be written: what is said of it, and the way out."""


def ends(error: OSError, place: Path, written: int, total: int) -> StorageError:
    """What is said when the system takes no file any more."""
    what, way_out = STORAGE_ERRORS.get(error.errno or 0, ("Nothing can be written", "See to that"))
    full = StorageError(
        f"{what} ({error.strerror}) at {place}; {written} of {total} pictures were written and are whole. "
        f"{way_out} and run the same command again: it goes on from there."
    )
    full.status = 1 if written else full.status  # 2 says that nothing was done
    return full


def lacked_memory(error: Exception | None) -> bool:
    """Whether it was memory that did not suffice, in the words of a provider or a decoder."""
    if error is None or isinstance(error.__cause__, MemoryError):
        return error is not None
    is_ours = isinstance(error, I2IError) and not isinstance(error, ProviderError)  # may name a file `alloc.png`
    return not is_ours and wants_memory(error)


def why_failed(job: Job, error: Exception) -> str:
    """Why a picture was not translated, in a sentence."""
    if isinstance(error, I2IError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"There is not enough memory for {job.source}."
    return f"{job.source} cannot be translated ({type(error).__name__}: {first_line(error)})."


def why_unwritten(job: Job, error: Exception) -> str:
    """Why a translation was not written, in a sentence."""
    if isinstance(error, MemoryError):
        return f"There is not enough memory to write {job.target}."
    if isinstance(error, OSError):
        return f"{job.target} cannot be written ({error.strerror})."
    if isinstance(error, I2IError):
        return f"{job.source}: {error}"
    return f"{job.target} cannot be written ({type(error).__name__}: {first_line(error)})."
