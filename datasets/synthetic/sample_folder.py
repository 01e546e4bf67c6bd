"""A folder made by program that says how it was made, so that making it again costs nothing and harms nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ...errors import DataError, StorageError

Job = TypeVar("Job")
Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are."""

RECIPE = "sample.json"
LEAST_SIZE, LEAST_COUNT = 16, 2


def write_once(
    out: Path,
    recipe: dict[str, str | int],
    jobs: Sequence[Job],
    write: Callable[[Job], None],
    progress: Progress | None = None,
) -> None:
    """Run every job unless `out` was already made by this recipe, and leave the recipe in `sample.json`.

    Raises DataError for a size or count that is too small or when `out` holds anything else, StorageError when it
    cannot be written.
    """
    _check_recipe(recipe)
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file; name a folder for the sample pictures.")
    note = out / RECIPE
    made = _read_recipe(note)
    if made == {**recipe, "complete": True}:
        return
    started = made == {**recipe, "complete": False}
    if out.is_dir() and any(out.iterdir()) and not started:
        what = "another sample" if made else "other files"
        raise DataError(f"{out} already holds {what}; name an empty folder, or remove that one first.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps({**recipe, "complete": False}))
        for done, job in enumerate(jobs, 1):
            write(job)
            if progress:
                progress(done, len(jobs))
        note.write_text(json.dumps({**recipe, "complete": True}))
    except OSError as error:
        raise StorageError(f"The sample cannot be written to {out} ({error.strerror or error}).") from error


def _check_recipe(recipe: dict[str, str | int]) -> None:
    if int(recipe["size"]) < LEAST_SIZE:
        raise DataError(f"Sample pictures of {recipe['size']} pixels are too small; use {LEAST_SIZE} or more.")
    if int(recipe["count"]) < LEAST_COUNT:
        raise DataError(f"A sample of {recipe['count']} cannot train anything; use {LEAST_COUNT} or more.")
    if int(recipe["seed"]) < 0:
        raise DataError(f"The seed is {recipe['seed']}; it must be 0 or more.")


def _read_recipe(note: Path) -> dict[str, str | int | bool]:
    try:
        made = json.loads(note.read_text())
    except (OSError, ValueError):
        return {}
    return made if isinstance(made, dict) else {}
