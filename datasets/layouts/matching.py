"""Pictures of two folders matched by name, never by order: what pairs up, what is left, what is there twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path

from ...errors import DataError
from ...images.find import composed, find_pictures

SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Matched:
    """One split's pictures, by name."""

    pairs: dict[str, tuple[Path, Path]]
    unmatched_a: dict[str, Path]
    """Pictures of side A without a partner."""
    unmatched_b: dict[str, Path]
    duplicate_names: tuple[Path, ...]
    """Pictures whose name (without suffix) another one of the same side has already."""

    @property
    def is_incomplete(self) -> bool:
        """Whether a picture has no partner, or a name is there twice."""
        return bool(self.unmatched_a or self.unmatched_b or self.duplicate_names)

    def refuse_leftovers(self, root: Path, split: str, a_name: str, b_name: str) -> None:
        """Raise DataError when a name is there twice or a picture has no partner."""
        if self.duplicate_names:
            have = "has" if len(self.duplicate_names) == 1 else "have"
            raise DataError(
                f"Names must differ before the suffix, but {listed(_below(root, self.duplicate_names))} {have} the "
                f"name of another picture in the same folder; rename or remove one of the two."
            )
        if not self.pairs and self.unmatched_a and self.unmatched_b:
            raise DataError(
                f"No picture of {a_name!r} has the name of one of {b_name!r} in {split} ({a_name!r} begins "
                f"with {next(iter(self.unmatched_a))!r}, {b_name!r} with {next(iter(self.unmatched_b))!r}); pairs are "
                f"matched by name, so name them alike."
            )
        for unmatched, other in ((self.unmatched_a, b_name), (self.unmatched_b, a_name)):
            if unmatched:
                names = listed(_below(root, unmatched.values()))
                one = len(unmatched) == 1
                raise DataError(
                    f"{len(unmatched)} picture{'' if one else 's'} in {split} {'has' if one else 'have'} no partner "
                    f"in {other!r}: {names}; add the missing or remove {'it' if one else 'them'}."
                )


def match_sides(a: Path, b: Path, plain: Callable[[str], str] = str) -> Matched:
    """Pictures below two folders, matched by their path below them without suffix (Unicode-normalised).

    `plain` takes out of a name what does not count.
    """
    of_a, twice_a = _by_name(a, plain)
    of_b, twice_b = _by_name(b, plain)
    return Matched(
        {name: (path, of_b[name]) for name, path in of_a.items() if name in of_b},
        {name: path for name, path in of_a.items() if name not in of_b},
        {name: path for name, path in of_b.items() if name not in of_a},
        (*twice_a, *twice_b),
    )


def match_single(folder: Path) -> Matched:
    """Side-by-side pictures below a folder: each is its own partner."""
    found, twice = _by_name(folder)
    return Matched({name: (path, path) for name, path in found.items()}, {}, {}, tuple(twice))


def named_pictures(folder: Path) -> dict[str, Path]:
    """Every picture below a folder by its name; one whose name is taken keeps its suffix in its own."""
    found, twice = _by_name(folder)
    return found | {path.relative_to(folder).as_posix(): path for path in twice}


def listed(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _below(root: Path, paths: Iterable[Path]) -> list[str]:
    return [str(path.relative_to(root)) for path in paths]


def _by_name(folder: Path, plain: Callable[[str], str] = str) -> tuple[dict[str, Path], list[Path]]:
    found: dict[str, Path] = {}
    twice = []
    for path in find_pictures(folder):
        name = plain(composed(path.relative_to(folder).with_suffix("").as_posix()))
        if name in found:
            twice.append(path)
        found.setdefault(name, path)
    return found, twice
