"""What a folder's pictures are to training: pairs, pictures of one domain, or truths that inputs are made of."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal, TypeVar

Alpha = Literal["bled", "white", "channel"]
"""Colours go on where it hides them, as a translator sees them; the picture is laid on white; or, where anything is
transparent, it is a fourth channel that the colours were multiplied by."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two pictures that belong together, or the two halves of one."""

    name: str
    """Path below the folder, without suffix, with `/` between its parts."""
    a: Path
    b: Path
    """The same file as `a` where they lie side by side."""
    side_by_side: bool

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of its sides."""
        return self.a, self.b

    @property
    def domains(self) -> tuple[int, ...]:
        """The domains whose pictures it has, by their place in the layout: 0 is side A, 1 is side B."""
        return 0, 1

    @property
    def key(self) -> str:
        """What it is called among all of a split."""
        return self.name


@dataclasses.dataclass(frozen=True)
class Single:
    """A picture of one domain, which belongs to no other picture."""

    name: str
    """Path below the domain's folder, without suffix, with `/` between its parts; other domains may have it too."""
    path: Path
    domain: int
    """Which domain, by its place in the layout; of two domains 0 is A, 1 is B."""
    half: bool = False
    """Whether it is only that domain's half of the file: left for A, right for B."""
    alpha: Alpha = "bled"
    """What becomes of its alpha."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The one file."""
        return (self.path,)

    @property
    def domains(self) -> tuple[int, ...]:
        """Its one domain."""
        return (self.domain,)

    @property
    def key(self) -> str:
        """What it is called among all of a split; part of a folder's fingerprint, so it stays as it is."""
        return f"{'ab'[self.domain] if self.domain < 2 else self.domain}\0{self.name}"


@dataclasses.dataclass(frozen=True)
class HighRes:
    """A high-resolution picture of which both sides of a pair are made: B is the picture, A its degraded copy."""

    name: str
    """Path below the folder, without suffix, with `/` between its parts."""
    path: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """The one file."""
        return (self.path,)

    @property
    def domains(self) -> tuple[int, ...]:
        """Both, which come from it."""
        return 0, 1

    @property
    def key(self) -> str:
        """What it is called among all of a split."""
        return self.name


Item = Pair | Single | HighRes
T = TypeVar("T", Pair, Single, HighRes)
