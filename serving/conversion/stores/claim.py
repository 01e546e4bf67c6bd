"""A target in a store for one conversion alone."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ....errors import RequestError
from ..claim import LOCK, TRIES, Claim, Placing
from ..journal import FOLDER
from .journal import StoreJournal
from .listing import names_in
from .url import Url

PARTS = "parts"
"""Beside the journal: whole files that have no names yet."""
MOVING = 8
"""Threads that give files their names; each waits for the store most of the time."""


class StoreClaim(Claim):
    """A place that no other conversion writes into."""

    journal: StoreJournal

    def __init__(self, root: Url) -> None:
        """`root` is locked. Raises RequestError for a journal that cannot be read."""
        self.root = root
        self.journal = StoreJournal(root)

    def check(self) -> None:
        """Nobody unmounts a store."""

    def place_all(self, rows: Sequence[Placing]) -> Iterator[OSError | None]:
        """See Claim; all lines of the journal come first, in one. Raises OSError where they cannot be written."""
        made = [self.journal.made(row.target, row.source, row.read, row.size, row.sha256) for row in rows]
        if not made:
            return
        self.journal.add_all(made)
        with ThreadPoolExecutor(MOVING) as pool:
            yield from pool.map(_moved, rows)

    def clear(self, _folders: Iterable[Path]) -> None:
        """See Claim; nothing unfinished lies in folders here."""
        _clear(Url(self.root / FOLDER / TRIES))
        _clear(Url(self.root / FOLDER / PARTS))

    def sync(self) -> None:
        """A store has what it has taken."""


@contextlib.contextmanager
def claimed_in_store(root: Url) -> Iterator[StoreClaim]:
    """Hold a place until the end. Stores have no locks: a file says who holds it, and dies with its process alone.

    Raises RequestError when another conversion holds it, OSError for what the store refuses.
    """
    lock = Url(root / FOLDER / LOCK)
    _refuse_held(lock, root)
    lock.write_bytes(json.dumps(_here() | {"begun": _now()}).encode())
    try:
        claim = StoreClaim(root)
        claim.clear(())
        try:
            yield claim
        finally:
            with contextlib.suppress(OSError):  # the parts of the journal are read as it is
                claim.journal.close()
                if not claim.journal.entries:
                    claim.journal.path.unlink(missing_ok=True)
    finally:
        with contextlib.suppress(OSError):
            lock.unlink(missing_ok=True)


def _refuse_held(lock: Url, root: Url) -> None:
    try:
        held = json.loads(lock.read_bytes())
        host, process, begun = str(held["host"]), int(held["process"]), str(held["begun"])
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError):
        host, process, begun = "?", 0, "?"  # of another edition
    if host == socket.gethostname() and not _is_alive(process):
        return  # it was killed
    raise RequestError(
        f"Another conversion is writing into {root}: process {process} on {host}, since {begun}. Wait until it has "
        f"ended, or name another target; if it was killed, remove {lock}. Nothing was converted."
    )


def _here() -> dict[str, str | int]:
    return {"host": socket.gethostname(), "process": os.getpid()}


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _is_alive(process: int) -> bool:
    if process == os.getpid():
        return False  # a number that was given anew
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _moved(row: Placing) -> OSError | None:
    try:
        row.part.replace(row.target)
    except OSError as error:
        return error
    return None


def _clear(folder: Url) -> None:
    """Remove what lies in a folder, as far as that can be done."""
    with contextlib.suppress(OSError):
        for path in names_in(folder):
            path.unlink(missing_ok=True)
