"""Which files below a folder are pictures: one walk for training, `i2i data check` and conversion.

What file managers, network drives and archives keep beside pictures is left alone and counted. Linked folders are
followed; each folder is looked at once, whatever leads to it, and at its own place rather than through a link. What
could not be followed or opened is told.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from .formats import suffixes

LEFT_ALONE: dict[str, str] = {
    "@eaDir": "thumbnails of a Synology NAS",
    "#recycle": "what was deleted on a Synology NAS",
    "#snapshot": "earlier states of a Synology NAS",
    "@Recycle": "what was deleted on a QNAP NAS",
    "@Recently-Snapshot": "earlier states of a QNAP NAS",
    "~snapshot": "earlier states of a NetApp filer",
    "Network Trash Folder": "what was deleted on a server, by macOS",
    "__MACOSX": "what macOS adds to archives",
    "$RECYCLE.BIN": "what was deleted, by Windows",
    "System Volume Information": "what Windows notes about a drive",
    "LOST.DIR": "what Android found after a crash",
    "lost+found": "what a repair of the file system found",
    "Thumbs.db": "thumbnails of Windows",
    "ehthumbs.db": "thumbnails of Windows",
    "desktop.ini": "how Windows shows a folder",
}
"""Names, in any case, of files and folders that are not looked at, and what they are."""

HIDDEN = "hidden files and folders"
OTHER = "files that are no pictures by their names"
SPECIAL = "pipes, sockets and devices"
"""What else is left alone."""

_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)

Identity = tuple[int, int] | str


@dataclasses.dataclass(frozen=True)
class Survey:
    """What lies below a folder."""

    pictures: list[Path]
    """Sorted by path."""
    left_alone: Counter[str]
    """How many files and folders are not looked at, by what they are; a folder counts as one."""
    links: tuple[str, ...]
    """A sentence for each link that leads nowhere, back, or to a folder that is looked at elsewhere."""
    unreadable: dict[Path, str]
    """Folders and links that cannot be opened, and the operating system's reason."""

    def notes(self, most: int | None = None) -> tuple[str, ...]:
        """What is no fault, but good to know: on links, and `Left alone: @eaDir, thumbnails of a Synology NAS (1).`."""
        rows = [f"{what} ({count})" for what, count in sorted(self.left_alone.items())]
        links = self.links if most is None else _first(self.links, most)
        return (*links, f"Left alone: {'; '.join(rows)}.") if rows else tuple(links)

    def sentences(self, most: int) -> list[str]:
        """The first so many on what was not looked at though it may hold pictures."""
        return _first([*self.refusals(), *self.links], most)

    def refusals(self, most: int | None = None) -> list[str]:
        """A sentence for each folder that cannot be opened, or for the first so many."""
        said = [f"{path} cannot be opened ({why})." for path, why in self.unreadable.items()]
        return said if most is None else _first(said, most)


def _first(sentences: Sequence[str], most: int) -> list[str]:
    more = len(sentences) - most
    return [*sentences[:most], *([f"So it is with {more} more."] if more > 0 else [])]


def is_picture(path: Path) -> bool:
    """Whether the name is that of a picture that i2i reads; hidden files are not."""
    return path.suffix.lower() in suffixes() and why_left_alone(path.name) is None


def why_left_alone(name: str) -> str | None:
    """What a file or folder of this name is when it is not looked at; None when it is."""
    if name.startswith("."):
        return HIDDEN
    return _LOWER.get(name.lower())


_LOWER = {name.lower(): f"{name}, {what}" for name, what in LEFT_ALONE.items()}


def composed(name: str) -> str:
    """The name with accents on their letters (NFC); some file systems keep them apart, and it is one name to people."""
    return unicodedata.normalize("NFC", name)


def identity(path: Path | str) -> Identity | None:
    """Equal for two names of one file or folder: links, hard links, bind mounts; None where there is nothing."""
    path = Path(path) if isinstance(path, str) else path
    try:
        found = path.stat()
    except (OSError, ValueError):
        # `new/../photos` is `photos` as soon as somebody makes `new`.
        return identity(os.path.realpath(path)) if ".." in path.parts else None
    return (found.st_dev, found.st_ino) if found.st_ino else os.path.realpath(path)


def survey(root: Path, without: Path | None = None) -> Survey:
    """Everything below `root`, except in the folder `without`, under whatever name it is there."""
    walk = _Walk(without)
    separator = os.sep
    found = sorted(walk.pictures(root), key=lambda path: path.split(separator))  # as paths are ordered, but faster
    return Survey([Path(path) for path in found], walk.left_alone, tuple(walk.links), walk.unreadable)


def find_pictures(root: Path) -> list[Path]:
    """Every picture below `root`, sorted by path."""
    return survey(root).pictures


def has_pictures(root: Path) -> bool:
    """Whether any picture lies below `root`."""
    return next(_Walk().pictures(root), None) is not None


def has_pictures_itself(folder: Path) -> bool:
    """Whether pictures lie in `folder` and not only in folders of it."""
    return any(is_picture(path) and path.is_file() for path in _inside(folder))


def folders_in(folder: Path) -> list[Path]:
    """The folders in `folder` that are looked at, linked ones too, by name."""
    folders = [path for path in _inside(folder) if why_left_alone(path.name) is None and path.is_dir()]
    return sorted(path for path in folders if not (path.is_symlink() and _leads_back(path)))


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []  # `survey` tells


def _leads_back(link: Path) -> bool:
    """Whether a link leads to a folder that it lies in."""
    place = Path(os.path.realpath(link.parent))
    return identity(link) in {identity(folder) for folder in (place, *place.parents)}


class _Walk:
    """One walk; what it meets beside pictures is noted on the way."""

    def __init__(self, without: Path | None = None) -> None:
        self.without = identity(without) if without is not None else None
        self.left_alone: Counter[str] = Counter()
        self.links: list[str] = []
        self.unreadable: dict[Path, str] = {}
        self._suffixes = frozenset(suffixes())
        self._seen: dict[Identity, str] = {}
        self._waiting: list[str] = []

    def pictures(self, root: Path) -> Iterator[str]:
        """The path of every picture: first of those at their own places, then of those that links lead to."""
        yield from self._below(os.fspath(root))
        while self._waiting:
            links, self._waiting = sorted(self._waiting), []
            for link in links:
                if _leads_back(Path(link)):
                    self.links.append(f"{link} leads back to a folder that it lies in; it is not followed.")
                else:
                    yield from self._below(link)

    def _below(self, start: str) -> Iterator[str]:
        folders = [start]
        while folders:
            folder = folders.pop()
            inside: list[str] = []
            for entry in self._entries(folder) if self._is_new(folder) else ():
                try:
                    kind = self._kind(entry)
                except OSError as error:
                    self._note(entry, error)
                    continue
                if kind == "folder":
                    (self._waiting if entry.is_symlink() else inside).append(entry.path)
                elif kind == "picture":
                    yield entry.path
                else:
                    self.left_alone[kind] += 1
            folders += sorted(inside, reverse=True)

    def _is_new(self, folder: str) -> bool:
        found = identity(folder)
        if found is None:
            return True  # to be listed in vain, with a reason
        if found == self.without:
            return False
        if found in self._seen:
            self.links.append(f"{folder} and {self._seen[found]} are the same folder; it is looked at once.")
            return False
        self._seen[found] = folder
        return True

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return list(entries)
        except OSError as error:
            self.unreadable[Path(folder)] = error.strerror or str(error)
            return []

    def _kind(self, entry: os.DirEntry[str]) -> str:
        """`folder`, `picture`, or what it is left alone as; raises OSError for a link that leads nowhere."""
        if (why := why_left_alone(entry.name)) is not None:
            return why
        if entry.is_symlink():
            mode = entry.stat().st_mode
            is_folder, is_file = stat.S_ISDIR(mode), stat.S_ISREG(mode)
        else:
            is_folder = entry.is_dir(follow_symlinks=False)
            is_file = not is_folder and entry.is_file(follow_symlinks=False)
        if is_folder:
            return "folder"
        _, dot, suffix = entry.name.rpartition(".")
        if f"{dot}{suffix.lower()}" not in self._suffixes:
            return OTHER
        return "picture" if is_file else SPECIAL

    def _note(self, entry: os.DirEntry[str], error: OSError) -> None:
        if error.errno in _NOWHERE and entry.is_symlink():
            way = "in a circle"
            if error.errno != errno.ELOOP:
                way = f"to {Path(entry.path).readlink()}, which is not there"
            self.links.append(f"{entry.path} is a link that leads {way}.")
        elif error.errno not in _NOWHERE:  # else it has just been removed
            self.unreadable[Path(entry.path)] = error.strerror or str(error)
