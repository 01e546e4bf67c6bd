"""The journal of a target in a store, where nothing can be added to a file.

While a conversion goes on, lines gather in parts beside it, `journal-000001.jsonl` and so on: the last of them is
written anew with each group of pictures, before these get their names. At the end, or at the beginning of the next run
where one was killed, the parts become one with `journal.jsonl`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ....errors import RequestError
from ..journal import NAME, SCHEMA, Entry, Journal, parsed
from .listing import names_in
from .url import Url

PART = NAME.replace(".", "-{:06}.")
LINES = 1000
"""Of a part, before another one is begun: so many are written anew with a group at most."""


class StoreJournal(Journal):
    """The journal below a Url."""

    def _parsed(self) -> Iterator[dict[str, Any]]:
        yield from super()._parsed()
        self._parts = [path for path in self._beside() if path.name.startswith("journal-")]
        for part in self._parts:
            yield from parsed(part.read_bytes().splitlines())

    def _beside(self) -> list[Url]:
        try:
            return names_in(Url(self.path.parent))
        except OSError as error:
            raise RequestError(f"{self.path.parent} cannot be listed ({error.strerror}).") from error

    def begin(self, how: Mapping[str, Any], **about: Any) -> None:
        """See Journal. Raises OSError."""
        self.how = how
        self._settle()
        self._run += 1
        head: list[Mapping[str, Any]] = [{"run": self._run, "how": dict(how), **about}]
        if not self.path.exists():
            head.insert(0, {"schema": SCHEMA, "about": "what made each file here; written by i2i convert"})
        self._new_part(head)
        self._save()

    def add_all(self, entries: Sequence[Entry]) -> None:
        """Say how files came to be, before they get their names. Raises OSError."""
        if len(self._tail) >= LINES:
            self._new_part([])
        self._tail += [self.line_of(entry) for entry in entries]
        self._save()
        for entry in entries:
            self._take(entry)

    def close(self) -> None:
        """Make one file of the parts, unless nothing was begun. Raises OSError."""
        if self._parts:
            self._settle()

    def _new_part(self, head: list[Mapping[str, Any]]) -> None:
        self._tail = head
        self._parts.append(Url(self.path.with_name(PART.format(len(self._parts) + 1))))

    def _save(self) -> None:
        self._parts[-1].write_bytes(_lines(self._tail))

    def _settle(self) -> None:
        if not self._parts:
            return
        data = b"".join(path.read_bytes() for path in (self.path, *self._parts) if path.exists())
        lines: list[Mapping[str, Any]] = list(parsed(data.splitlines()))
        if len(lines) > 2 * len(self.entries) + 100:
            lines = self.compacted()
        self.path.write_bytes(_lines(lines))
        for part in self._parts:
            part.unlink(missing_ok=True)
        self._parts = []


def _lines(lines: Sequence[Mapping[str, Any]]) -> bytes:
    return b"".join((json.dumps(line) + "\n").encode() for line in lines)


def journal_of(root: Path) -> Journal:
    """The journal of a target, wherever it lies."""
    return StoreJournal(root) if isinstance(root, Url) else Journal(root)
