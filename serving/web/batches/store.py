"""Batches in one SQLite file: what was sent and what came of it, with a quota and an age at which they go."""

from __future__ import annotations

import dataclasses
import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ....database import open_database
from ....errors import I2IError, RequestError

SCHEMA = """
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS batches (
    id TEXT PRIMARY KEY, model TEXT NOT NULL, format TEXT NOT NULL, settings TEXT NOT NULL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS pictures (
    batch TEXT NOT NULL REFERENCES batches ON DELETE CASCADE, number INTEGER NOT NULL, name TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'queued', error TEXT, size INTEGER NOT NULL, sent BLOB, answer BLOB,
    PRIMARY KEY (batch, number)) WITHOUT ROWID;
PRAGMA foreign_keys = ON;
"""


class FullError(I2IError):
    """There is no room for a batch."""


@dataclasses.dataclass(frozen=True)
class Queued:
    """A picture whose turn it is."""

    batch: str
    number: int
    model: str
    format: str
    settings: dict[str, Any]
    sent: bytes


class Store:
    """Safe to use from several threads."""

    def __init__(self, path: Path, quota: float, keep: float) -> None:
        """At most `quota` bytes of pictures; batches go `keep` seconds after they came. Raises RequestError when the
        file is no such store or cannot be written.
        """
        self.quota, self.keep = quota, keep
        self._lock = threading.Lock()
        try:
            self._db = open_database(path, SCHEMA)
        except sqlite3.Error as error:
            raise RequestError(f"The batches cannot be kept in {path} ({error}). Name another file.") from error

    def recover(self) -> None:
        """Have what a server before has left running taken again."""
        with self._lock:
            self._db.execute("UPDATE pictures SET status = 'queued' WHERE status = 'running'")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    def add(self, model: str, form: str, settings: Mapping[str, Any], pictures: Iterable[tuple[str, bytes]]) -> str:
        """Keep a batch; gives its id, which nobody can guess. Raises FullError."""
        rows = list(pictures)
        name, size = secrets.token_urlsafe(16), sum(len(data) for _, data in rows)
        with self._lock:
            self._sweep()
            taken = self._taken()
            if taken + size > self.quota:
                raise FullError(
                    f"There is no room for {size / 1e6:.1f} MB: batches may take {self.quota / 1e6:g} MB and take "
                    f"{taken / 1e6:.1f}. Fetch and delete those that are done, or try again later."
                )
            with self._transaction():
                told = (name, model, form, json.dumps(dict(settings)), time.time())
                self._db.execute("INSERT INTO batches VALUES (?, ?, ?, ?, ?)", told)
                self._db.executemany(
                    "INSERT INTO pictures (batch, number, name, size, sent) VALUES (?, ?, ?, ?, ?)",
                    [(name, number, each, len(data), data) for number, (each, data) in enumerate(rows)],
                )
        return name

    def describe(self, name: str) -> dict[str, Any] | None:
        """Where a batch stands; None where there is none of that id."""
        with self._lock:
            self._sweep()
            batch = self._db.execute("SELECT model, format FROM batches WHERE id = ?", (name,)).fetchone()
            query = "SELECT name, status, error FROM pictures WHERE batch = ? ORDER BY number"
            rows = self._db.execute(query, (name,)).fetchall()
        if batch is None:
            return None
        files = [{"name": row[0], "status": row[1], **({"error": row[2]} if row[2] else {})} for row in rows]
        counts = {
            status: sum(row[1] == status for row in rows) for status in ("queued", "running", "written", "failed")
        }
        is_done = counts["queued"] + counts["running"] == 0
        state = "done" if is_done else "queued" if counts["queued"] == len(rows) else "running"
        return {"id": name, "state": state, "model": batch[0], "format": batch[1], **counts, "files": files}

    def answer(self, name: str, number: int) -> bytes:
        """What came of a picture."""
        query = "SELECT answer FROM pictures WHERE batch = ? AND number = ?"
        with self._lock:
            row = self._db.execute(query, (name, number)).fetchone()
        return b"" if row is None or row[0] is None else bytes(row[0])

    def take(self) -> Queued | None:
        """The next picture of the oldest batch, which is running from now on; None when all are done."""
        with self._lock:
            row = self._db.execute(
                "SELECT batch, number, model, format, settings, sent FROM pictures JOIN batches ON id = batch "
                "WHERE status = 'queued' ORDER BY created, number LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            self._set(row[0], row[1], "status = 'running'")
        return Queued(row[0], row[1], row[2], row[3], json.loads(row[4]), bytes(row[5]))

    def put_back(self, picture: Queued) -> None:
        """It is to be taken again."""
        with self._lock:
            self._set(picture.batch, picture.number, "status = 'queued'")

    def settle(self, picture: Queued, answer: bytes = b"", error: str | None = None) -> None:
        """It is done: its answer takes the place of what was sent."""
        changes = "status = ?, error = ?, answer = ?, size = ?, sent = NULL"
        with self._lock:
            if self._taken() - len(picture.sent) + len(answer) > self.quota:  # results may be larger by far
                answer, error = b"", f"There was no room for the result of {len(answer) / 1e6:.1f} MB."
            status = "written" if error is None else "failed"
            self._set(picture.batch, picture.number, changes, status, error, answer, len(answer))

    def remove(self, name: str) -> bool:
        """Whether there was such a batch."""
        with self._lock:
            return self._db.execute("DELETE FROM batches WHERE id = ?", (name,)).rowcount > 0

    def _set(self, batch: str, number: int, changes: str, *values: object) -> None:
        self._db.execute(f"UPDATE pictures SET {changes} WHERE batch = ? AND number = ?", (*values, batch, number))

    def _taken(self) -> int:
        return int(self._db.execute("SELECT coalesce(sum(size), 0) FROM pictures").fetchone()[0])

    def _sweep(self) -> None:
        self._db.execute("DELETE FROM batches WHERE created < ?", (time.time() - self.keep,))

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)


class _Transaction:
    """All of it or nothing."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")
