"""A folder understood: its domains, its splits, and the sentence that says so."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Generic, Literal

from .items import Item, Single, T

Kind = Literal["side by side", "two folders", "one folder", "trainA/trainB", "high resolution", "domains", "single"]


@dataclasses.dataclass(frozen=True)
class Domain:
    """Pictures of one kind: a side of pairs, one of several domains, or a class."""

    name: str
    """The folder's name, or what it was called by the user."""
    channels: int | None
    """Channels that its pictures are read with; None until the files have been scanned."""
    items: Mapping[str, tuple[Item, ...]]
    """What holds pictures of it, by split; a pair belongs to two domains."""


@dataclasses.dataclass(frozen=True)
class Layout(Generic[T]):
    """A folder, understood as pairs, as domains of single pictures, or as high-resolution pictures."""

    root: Path
    kind: Kind
    names: tuple[str, ...]
    """What the domains are called, in their order: sides A and B, or the labels 0, 1, 2, …"""
    splits: dict[str, tuple[T, ...]]
    """By split (`train`, `val`, `test`), by domain and name; a folder without splits is all `train`."""
    description: str
    """One sentence to print."""

    @property
    def domains(self) -> tuple[Domain, ...]:
        """The domains in their order."""
        return tuple(
            Domain(name, None, {split: tuple(item for item in items if place in item.domains)
                                for split, items in self.splits.items()})
            for place, name in enumerate(self.names)
        )  # fmt: skip

    def named(self, item: T) -> str:
        """What the item is called among all classes: two of them may have pictures of one name."""
        is_class = self.kind == "single" and len(self.names) > 1
        return f"{self.names[item.domains[0]]}/{item.name}" if is_class else item.name

    @property
    def drawn_apart(self) -> bool:
        """Whether each domain has an epoch and a held-out part of its own."""
        return self.kind != "single" and any(
            isinstance(item, Single) for split in self.splits.values() for item in split
        )


def counted(splits: Mapping[str, Sequence[object]]) -> str:
    """`train (400), val (100) and test (106)`."""
    return in_words([f"{split} ({len(items)})" for split, items in splits.items()])


def in_words(parts: Sequence[str]) -> str:
    """`one`, `one and two`, `one, two and three`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
