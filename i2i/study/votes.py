"""The votes of a study in one SQLite file, each a transaction of its own: what was answered outlives the process."""

from __future__ import annotations

import dataclasses
import secrets
import sqlite3
import threading
import time
from pathlib import Path

from ..database import open_database
from ..errors import RequestError
from .design import Part, Side, Trial

SCHEMA = """
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS raters (
    number INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE, joined REAL NOT NULL);
CREATE TABLE IF NOT EXISTS votes (
    rater INTEGER NOT NULL, trial INTEGER NOT NULL, part TEXT NOT NULL, item INTEGER NOT NULL, on_left TEXT NOT NULL,
    choice TEXT NOT NULL, ms INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (rater, trial)) WITHOUT ROWID;
"""

MOST_RATERS = 100_000
"""Who comes after them is not let in: somebody fills the disk."""


@dataclasses.dataclass(frozen=True)
class Vote:
    """One answer."""

    rater: int
    trial: int
    part: Part
    item: int
    left: Side
    choice: str
    """`a` or `b`."""
    ms: int
    """From the end of the pictures, or from their start where they stay, to the answer."""
    at: float
    """Seconds since 1970."""


class Votes:
    """Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Raises RequestError when the file cannot be opened."""
        self._lock = threading.Lock()
        try:
            self._db = open_database(path, SCHEMA)
        except sqlite3.Error as error:
            raise RequestError(
                f"The votes cannot be kept in {path} ({error}). Name another folder by --out."
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    def join(self) -> str | None:
        """A new rater; gives the token that it comes back with. None where there are too many."""
        token = secrets.token_urlsafe(18)
        with self._lock:
            (count,) = self._db.execute("SELECT COUNT(*) FROM raters").fetchone()
            if count >= MOST_RATERS:
                return None
            self._db.execute("INSERT INTO raters (token, joined) VALUES (?, ?)", (token, time.time()))
        return token

    def rater(self, token: str) -> tuple[int, int] | None:
        """The number of the rater with that token, from 0, and how many trials it has answered."""
        with self._lock:
            found = self._db.execute("SELECT number FROM raters WHERE token = ?", (token,)).fetchone()
            if found is None:
                return None
            (done,) = self._db.execute("SELECT COUNT(*) FROM votes WHERE rater = ?", (found[0] - 1,)).fetchone()
        return found[0] - 1, done

    def add(self, rater: int, number: int, trial: Trial, choice: str, ms: int) -> None:
        """Keep an answer; a second one to the same trial is not kept."""
        row = (rater, number, trial.part, trial.item, trial.left, choice, ms, time.time())
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO votes VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def all(self) -> list[Vote]:
        """Every answer, by rater and trial."""
        with self._lock:
            return [Vote(*row) for row in self._db.execute("SELECT * FROM votes ORDER BY rater, trial")]
