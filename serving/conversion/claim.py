"""A target folder for one conversion alone: locked, cleared of what a killed one left, watched while it is filled."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import filelock

from ...errors import PictureError, RequestError, StorageError
from ...files import PART, remove_parts, sync_folder, write_whole
from ...images.find import identity
from .journal import FOLDER, Journal, Source

LOCK = "lock"


class Claim:
    """A target folder that no other conversion writes into."""

    def __init__(self, root: Path, journal: Journal) -> None:
        """`root` is there and locked."""
        self.root = root
        self.journal = journal
        self._identity = identity(root)
        self._folders: set[Path] = set()

    def check(self) -> None:
        """Raises StorageError when the folder is not there any more, or is another one."""
        if identity(self.root) != self._identity:
            raise StorageError(
                f"The target folder {self.root} was removed, renamed or unmounted while it was written into, and what "
                "was written with it. Put it back, or name another, and run the same command again."
            )

    def write(self, target: Path, data: bytes, source: Path, read: Source) -> str:
        """Write a file, whole or not at all, with a line of the journal before it; gives its SHA-256.

        Raises StorageError as `check` does, OSError for what the system refuses.
        """
        self.check()
        digest = hashlib.sha256(data).hexdigest()
        write_whole(target, data, suffix=PART, ready=lambda: self.journal.add(target, source, read, len(data), digest))
        self._folders.add(target.parent)
        return digest

    def place(self, part: Path, target: Path, source: Path, read: Source, size: int, sha256: str) -> None:
        """Give a whole file, which lies beside its place, its name, with a line of the journal before.

        Raises as `write` does; FileNotFoundError for a part that is not there, of which the journal says nothing.
        """
        self.check()
        if part.stat().st_size != size:
            raise PictureError("it was not written whole. Run the same command again.")
        self.journal.add(target, source, read, size, sha256)
        part.replace(target)
        self._folders.add(target.parent)

    def sync(self) -> None:
        """See to it that the names of new files outlive a power cut."""
        for folder in {self.root, *self._folders}:
            sync_folder(folder)


@contextlib.contextmanager
def claimed(root: Path, folders: Iterable[Path]) -> Iterator[Claim]:
    """Make `root` if need be, and hold it until the end; `folders` are those that will be written into.

    What killed conversions left unfinished in these folders is removed. If nothing was ever written, nothing stays.
    Raises RequestError when another conversion holds it, OSError for what the system refuses.
    """
    made = identity(root) is None
    root.mkdir(parents=True, exist_ok=True)
    ours = root / FOLDER
    try:
        ours.mkdir(exist_ok=True)
        lock = filelock.FileLock(ours / LOCK, timeout=0)
        with _held(lock, root):
            for folder in {root, *folders}:
                remove_parts(folder)
            claim = Claim(root, Journal(root))
            try:
                yield claim
            finally:
                claim.journal.close()
                if not claim.journal.entries:
                    _forget(ours)
    finally:
        with contextlib.suppress(OSError):
            if made:
                root.rmdir()  # where nothing is in it


@contextlib.contextmanager
def _held(lock: filelock.BaseFileLock, root: Path) -> Iterator[None]:
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise RequestError(
            f"Another conversion is writing into {root}. Wait until it has ended, or name another target. "
            "Nothing was converted."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _forget(ours: Path) -> None:
    """Remove journal and lock; who waits for the lock sees that its file is gone, and makes a new one."""
    with contextlib.suppress(OSError):
        for path in list(ours.iterdir()):
            path.unlink()
        ours.rmdir()
