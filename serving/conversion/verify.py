"""Whether the files of a target folder still are what a conversion wrote; what `i2i verify` does."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ...errors import RequestError
from ...hardware.system import available_threads
from .journal import Entry, Journal, file_digest
from .stores.journal import journal_of
from .stores.listing import listed, survey_of
from .stores.url import placed

Progress = Callable[[int, int], None]
"""Called with (files done, files in all)."""


@dataclasses.dataclass(frozen=True)
class Verification:
    """What a target folder holds beside what its journal says."""

    whole: list[str]
    """Files with the digest that was written. All names are relative to the folder, with `/`."""
    changed: list[str]
    """Files with another digest, or that cannot be read."""
    missing: list[str]
    unknown: list[str]
    """Pictures of which the journal says nothing."""
    stale: list[str]
    """Whole files whose source is there and is another than it was when it was read."""

    @property
    def status(self) -> int:
        """Exit status of the command: 0 when all that was written is there and whole."""
        return 1 if self.changed or self.missing else 0

    def to_json(self) -> str:
        """The lists by name."""
        return json.dumps(dataclasses.asdict(self), indent=1)


def verify_folder(root: Path, progress: Progress | None = None) -> Verification:
    """Read every file that the journal of `root` names, and compare it with what was written.

    Raises RequestError for what is no folder, or has no journal.
    """
    root = placed(root)
    with listed(root):
        if not root.is_dir():
            raise RequestError(f"There is no folder at {root}.")
        there = [path.relative_to(root).as_posix() for path in survey_of(root).pictures]
    journal = journal_of(root)
    if not journal.entries:
        raise RequestError(
            f"{root} has no journal, so nothing is known of what was written. Name the target of an `i2i convert` "
            "of a folder."
        )
    lists: dict[str, list[str]] = {"whole": [], "changed": [], "missing": [], "stale": []}
    with ThreadPoolExecutor(max(2, available_threads())) as pool:
        found = pool.map(lambda name: (name, *_look(journal, root / name)), sorted(journal.entries))
        for done, (name, state, is_stale) in enumerate(found, 1):
            lists[state].append(name)
            if is_stale:
                lists["stale"].append(name)
            if progress is not None:
                progress(done, len(journal.entries))
    return Verification(**lists, unknown=[name for name in there if name not in journal.entries])


def _look(journal: Journal, path: Path) -> tuple[str, bool]:
    """`whole`, `changed` or `missing`, and whether its source is another by now."""
    if not path.exists():
        return "missing", False
    entry = journal.entry(path)
    if entry is None or file_digest(path) != entry.sha256:
        return "changed", False
    return "whole", _is_stale(entry)


def _is_stale(entry: Entry) -> bool:
    try:
        source = placed(Path(entry.source))
        return source.exists() and not entry.read.is_content_of(source)
    except (OSError, RequestError):
        return False  # nothing is known of it
