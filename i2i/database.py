"""SQLite files that several processes open at once. Standard library only."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

PATIENCE = 30.0
"""Seconds that one process waits for another, at the opening and later."""
_PAUSE = 0.05
_AT_WORK = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def open_database(path: Path, schema: str) -> sqlite3.Connection:
    """A connection to the file at `path`, for any thread, each statement a transaction of its own; `schema` is run
    first, with a write-ahead log, and has to do no harm where it was run before.

    SQLite gives up at once when two processes set the write-ahead log up at the same moment
    (https://www.sqlite.org/wal.html, section 9), so that is tried again for PATIENCE. Raises sqlite3.Error.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        connection = sqlite3.connect(path, timeout=PATIENCE, check_same_thread=False, isolation_level=None)
        try:
            connection.executescript("PRAGMA journal_mode = WAL;\n" + schema)
        except sqlite3.OperationalError as error:
            connection.close()
            if (error.sqlite_errorcode & 0xFF) not in _AT_WORK or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
        except sqlite3.Error:
            connection.close()
            raise
        else:
            return connection
