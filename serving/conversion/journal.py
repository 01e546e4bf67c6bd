"""What made each file of a target folder: `.i2i/journal.jsonl` in it, a line a file, written before the file is there.

A line says which source (by its digest), which model (by its digest) and which options gave a file of which digest. So
a run that was killed goes on exactly where it was, files that something else made are seen, and `i2i verify` can tell
whether they are still what was written.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import RequestError
from ...files import write_whole

FOLDER = ".i2i"
"""Hidden in the target: the journal and the lock."""
NAME = "journal.jsonl"
SCHEMA = 1

ABSENT = "absent"
SAME = "same"
"""Written by this model and these options from this source, and as large as it was then."""
CHANGED = "changed"
"""Written by i2i, but from something else, or not as it was written."""
UNKNOWN = "unknown"
"""Nothing is known of how it came to be."""


@dataclasses.dataclass(frozen=True)
class Source:
    """A source at the moment when it was read."""

    size: int
    """In bytes."""
    mtime_ns: int
    sha256: str

    def is_at(self, path: Path) -> bool:
        """Whether `path` has this size and time still."""
        try:
            found = path.stat()
        except OSError:
            return False
        return (found.st_size, found.st_mtime_ns) == (self.size, self.mtime_ns)

    def is_content_of(self, path: Path) -> bool:
        """The same, or, when it was only touched, whether it has this digest."""
        return self.is_at(path) or (
            path.exists() and path.stat().st_size == self.size and file_digest(path) == self.sha256
        )


@dataclasses.dataclass(frozen=True)
class Entry:
    """How one file of the target came to be."""

    target: str
    """Relative to the target folder, with `/`."""
    source: str
    """The source's path, absolute."""
    read: Source
    size: int
    """Of the file, in bytes."""
    sha256: str
    how: Mapping[str, Any]
    """Model and options, by name."""


@dataclasses.dataclass(frozen=True)
class State:
    """What is known of a target before it is written."""

    kind: str
    """ABSENT, SAME, CHANGED or UNKNOWN."""
    what: str = ""
    """What is another than now: `model`, `quality`, `source`, `file` (it is not what was written) …"""


class Journal:
    """The journal of one target folder, in memory and on the disk. Safe to call from several threads."""

    def __init__(self, root: Path) -> None:
        """Read what is there. Raises RequestError for a journal that cannot be read, or of a newer i2i."""
        self.root = root
        self.path = root / FOLDER / NAME
        self.entries: dict[str, Entry] = {}
        self._earlier: dict[str, list[Entry]] = {}
        self._lock = threading.Lock()
        self._file: int | None = None
        self._run = 0
        self._lines = 0
        self._read()

    def _read(self) -> None:
        runs: dict[int, Mapping[str, Any]] = {}
        for line in self._parsed():
            self._lines += 1
            if "schema" in line and line["schema"] != SCHEMA:
                raise RequestError(f"{self.path} is of another version of i2i (schema {line['schema']}). Use that one.")
            try:
                if "how" in line:
                    runs[line["run"]] = line["how"]
                    self._run = max(self._run, line["run"])
                elif "target" in line:
                    self._take(_entry(line, runs[line["run"]]))
            except (KeyError, TypeError, ValueError):
                continue  # torn by a power cut: its file is then one of which nothing is known

    def _parsed(self) -> Iterator[dict[str, Any]]:
        try:
            with self.path.open("rb") as file:
                yield from parsed(file)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
                return  # there is none
            raise RequestError(f"{self.path} cannot be read ({error.strerror}).") from error

    def _take(self, entry: Entry) -> None:
        before = self.entries.get(entry.target)
        if before is not None:  # the process may have ended between this line and the renaming
            self._earlier.setdefault(entry.target, []).append(before)
        self.entries[entry.target] = entry

    # ------------------------------------------------------------------ asking

    def entry(self, target: Path) -> Entry | None:
        """What is written of a file that lies at `target`; of several lines the one whose digest it has."""
        name = self._name(target)
        last = self.entries.get(name)
        if last is None or name not in self._earlier:
            return last
        digest = file_digest(target)
        return next((e for e in (last, *reversed(self._earlier[name])) if e.sha256 == digest), last)

    def state(self, source: Path, target: Path, how: Mapping[str, Any], *, thorough: bool = False) -> State:
        """What is known of `target` now that `source` would be converted into it with the model and options `how`.

        A file is known by its size, or, `thorough`, by its digest, for which all of it is read.
        """
        try:
            size = target.stat().st_size
        except OSError:
            return State(ABSENT)
        entry = self.entry(target)
        if entry is None:
            return State(UNKNOWN)
        if entry.size != size or (thorough and file_digest(target) != entry.sha256):
            return State(CHANGED, "file")
        other = [name for name in how if entry.how.get(name) != how[name]]
        if not entry.read.is_content_of(source):
            other.append("source")
        return State(CHANGED, ", ".join(other)) if other else State(SAME)

    # ------------------------------------------------------------------ writing

    def begin(self, how: Mapping[str, Any], **about: Any) -> None:
        """Open the file for writing and say what the files to come are made with; `about` is for people.

        Raises OSError.
        """
        self.how = how
        self.path.parent.mkdir(exist_ok=True)
        if self._lines > 2 * len(self.entries) + 100:
            self._compact()
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        self._run += 1
        if not os.fstat(self._file).st_size:
            self._append({"schema": SCHEMA, "about": "what made each file of this folder; written by i2i convert"})
        elif os.pread(self._file, 1, os.fstat(self._file).st_size - 1) != b"\n":
            os.write(self._file, b"\n")  # the last line was torn
        self._append({"run": self._run, "how": dict(how), **about})

    def add(self, target: Path, source: Path, read: Source, size: int, sha256: str) -> None:
        """Say how a file of this size and digest came to be, before it gets its name. Raises OSError."""
        entry = self.made(target, source, read, size, sha256)
        self._append(self.line_of(entry))
        with self._lock:
            self._take(entry)

    def made(self, target: Path, source: Path, read: Source, size: int, sha256: str) -> Entry:
        """A file of this size and digest, made as the files of this run are."""
        return Entry(self._name(target), os.fspath(source.absolute()), read, size, sha256, self.how)

    def line_of(self, entry: Entry) -> dict[str, Any]:
        """What stands in the journal of a file of this run."""
        return _line(entry, self._run)

    def close(self) -> None:
        """Close the file; nothing can be added then."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, line: Mapping[str, Any]) -> None:
        data = (json.dumps(line) + "\n").encode()
        with self._lock:
            assert self._file is not None
            before = os.fstat(self._file).st_size
            try:
                if os.write(self._file, data) != len(data):
                    os.write(self._file, b"\n")  # raises why the disk took no more
                os.fsync(self._file)
            except OSError:
                os.ftruncate(self._file, before)  # no half lines
                raise

    def _compact(self) -> None:
        write_whole(self.path, b"".join((json.dumps(line) + "\n").encode() for line in self.compacted()))

    def compacted(self) -> list[Mapping[str, Any]]:
        """Its lines without those of files that were replaced since, and of runs that left nothing."""
        self.entries = {name: self.entry(self.root / name) or entry for name, entry in self.entries.items()}
        self._earlier = {}
        ways: list[Mapping[str, Any]] = []
        for entry in self.entries.values():
            if entry.how not in ways:
                ways.append(entry.how)
        lines: list[Mapping[str, Any]] = [{"schema": SCHEMA}]
        lines += [{"run": number, "how": dict(how)} for number, how in enumerate(ways)]
        lines += [_line(entry, ways.index(entry.how)) for entry in self.entries.values()]
        self._run = len(ways)
        return lines

    def _name(self, target: Path) -> str:
        return target.relative_to(self.root).as_posix()


def parsed(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The lines that are whole."""
    for raw in lines:
        try:
            line = json.loads(raw)
        except ValueError:
            continue
        if isinstance(line, dict):
            yield line


def source_now(path: Path) -> Source:
    """Size, time and digest of a file as it is. Raises OSError."""
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        return Source(found.st_size, found.st_mtime_ns, hashlib.file_digest(file, "sha256").hexdigest())


def file_digest(path: Path) -> str | None:
    """SHA-256 of a file; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _line(entry: Entry, run: int) -> dict[str, Any]:
    return {
        "run": run,
        "target": entry.target,
        "size": entry.size,
        "sha256": entry.sha256,
        "source": entry.source,
        "read": [entry.read.size, entry.read.mtime_ns, entry.read.sha256],
    }


def _entry(line: Mapping[str, Any], how: Mapping[str, Any]) -> Entry:
    size, mtime_ns, digest = line["read"]
    read = Source(int(size), int(mtime_ns), str(digest))
    return Entry(line["target"], line["source"], read, int(line["size"]), str(line["sha256"]), how)
