"""A target folder for one conversion alone: locked, cleared of what a killed one left, watched while it is filled."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import filelock

from ...errors import PictureError, RequestError, StorageError
from ...files import PART, remove_parts, sync_folder, write_whole
from ...images.find import identity
from .journal import FOLDER, Journal, Source

LOCK = "lock"
TRIES = "tries"
"""Folder beside the journal, with a file for each group of pictures that a worker of a cluster began."""


@dataclasses.dataclass(frozen=True)
class Placing:
    """A whole file beside its place, that has only to get its name."""

    part: Path
    target: Path
    source: Path
    read: Source
    """The source, as it was read."""
    size: int
    """Of the file, in bytes."""
    sha256: str


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

    def place_all(self, rows: Sequence[Placing]) -> Iterator[OSError | PictureError | None]:
        """Give files their names, each with a line of the journal before; gives what went wrong with each.

        Raises StorageError as `check` does. Of a part that is not there the journal says nothing.
        """
        for row in rows:
            try:
                self._place(row)
            except (OSError, PictureError) as error:
                yield error
            else:
                yield None

    def _place(self, row: Placing) -> None:
        self.check()
        if row.part.stat().st_size != row.size:
            raise PictureError("it was not written whole. Run the same command again.")
        self.journal.add(row.target, row.source, row.read, row.size, row.sha256)
        row.part.replace(row.target)
        self._folders.add(row.target.parent)

    def clear(self, folders: Iterable[Path]) -> None:
        """Remove what workers that were killed left in the folders that were written into, and the marks of tries."""
        shutil.rmtree(self.root / FOLDER / TRIES, ignore_errors=True)
        for folder in folders:
            remove_parts(folder)

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
