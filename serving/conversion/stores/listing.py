"""What lies below a place in a store: asked once, and looked through as a folder is."""

from __future__ import annotations

import contextlib
import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from ....errors import RequestError
from ....images.find import OTHER, Survey, survey, why_left_alone
from ....images.formats import suffixes
from .url import Url, as_stat, asking, listings

NO_PATHS = "objects whose names are no paths"


@contextlib.contextmanager
def listed(*places: Path | None) -> Iterator[None]:
    """Within, what lies below those places that are in stores is as it was at the beginning, and no store is asked.

    Raises RequestError where a store does not answer.
    """
    before = dict(listings)
    try:
        for place in places:
            if isinstance(place, Url):
                listings[str(place)] = _everything(place)
        yield
    finally:
        listings.clear()
        listings.update(before)


def survey_of(root: Path, without: Path | None = None) -> Survey:
    """The survey of a folder, or of the place in a store that `listed` has; of this nothing in `without`."""
    if not isinstance(root, Url):
        return survey(root, without)
    found = listings[str(root)]
    start, left_alone, pictures = len(str(root)) + 1, Counter[str](), []
    for name, row in found.items():
        path = PurePosixPath(name[start:] or name)  # or the place is a file itself
        if stat.S_ISDIR(row.st_mode) or (without is not None and name.startswith(f"{without}/")):
            continue
        if "/".join(path.parts) != name[start:] or ".." in path.parts:
            left_alone[NO_PATHS] += 1
        elif why := next(filter(None, map(why_left_alone, path.parts)), None):
            left_alone[why] += 1
        elif path.suffix.lower() not in suffixes():
            left_alone[OTHER] += 1
        else:
            pictures.append(root / path)
    return Survey(sorted(pictures), left_alone, (), {})


def names_in(folder: Url) -> list[Url]:
    """The files below a folder, sorted; raises OSError."""
    return sorted(Url(name) for name in _below(folder))


def _everything(root: Url) -> Mapping[str, os.stat_result]:
    """Files below `root`, and the folders that they lie in; or the file that `root` is."""
    try:
        found = _below(root)
    except OSError as error:
        raise RequestError(
            f"{root} cannot be listed ({error.strerror}). Look at its name, and at the driver's settings."
        ) from error
    folders: dict[str, os.stat_result] = {}
    for name in found:
        folder = name.rpartition("/")[0]
        while len(folder) >= len(str(root)) and folder not in folders:
            folders[folder] = as_stat(folder, {"type": "directory"})
            folder = folder.rpartition("/")[0]
    return found | folders


def _below(root: Url) -> dict[str, os.stat_result]:
    """The files below `root`, by URL; none where there is nothing. Raises OSError."""
    with contextlib.suppress(FileNotFoundError), asking(root):
        there = root.name_there
        root.store.invalidate_cache(there)
        found = root.store.find(there, detail=True)
        rows = {f"{root}{name[len(there) :]}": info or root.store.info(name) for name, info in found.items()}
        return {name: as_stat(name, info) for name, info in rows.items() if info.get("type") != "directory"}
    return {}
