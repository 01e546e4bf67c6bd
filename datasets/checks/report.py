"""What `i2i data check` found, as data and as sentences."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ..layouts.items import Pair
from .duplicates import Duplicates


@dataclasses.dataclass(frozen=True)
class Side:
    """The pictures of one side, each property with how many have it."""

    name: str
    sizes: dict[tuple[int, int], int]
    """By width and height, in pixels."""
    channels: dict[int, int]
    depths: dict[int, int]
    """By bits a channel."""

    def extent(self) -> str:
        """Smallest, median and largest size by area, in words."""
        ordered = sorted((size for size, many in self.sizes.items() for _ in range(many)), key=lambda s: s[0] * s[1])
        if not ordered:
            return "nothing readable"
        least, middle, most = (f"{w}x{h}" for w, h in (ordered[0], ordered[len(ordered) // 2], ordered[-1]))
        if len(self.sizes) == 1:
            return f"all {least}"
        return f"{least} to {most}, median {middle}, {len(self.sizes)} different sizes"

    def kinds(self) -> str:
        """Channels and bits, in words."""
        names = {1: "grey", 3: "RGB"}
        many = ", ".join(f"{count} {names.get(c, f'with {c} bands')}" for c, count in sorted(self.channels.items()))
        return f"{many or 'none'}; {' and '.join(str(bits) for bits in sorted(self.depths))} bits a channel"


@dataclasses.dataclass(frozen=True)
class Suspect:
    """A pair whose sides seem not to belong together as they are."""

    title: str
    kind: str
    """`shifted` or `mismatched`."""
    shift: tuple[int, int]
    """Pixels by which side B lies right of and below side A."""

    def sentence(self) -> str:
        """In words."""
        if self.kind == "mismatched":
            return f"{self.title} looks mismatched: its sides agree no better than those of different pairs."
        x, y = self.shift
        ways = [f"{abs(x)} pixels {'right' if x > 0 else 'left'}"] if x else []
        ways += [f"{abs(y)} pixels {'down' if y > 0 else 'up'}"] if y else []
        return f"{self.title} looks shifted: side B lies about {' and '.join(ways)} of side A."


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckReport:
    """A folder of pairs, or of two unpaired domains, as it is, faults included."""

    root: Path
    kind: str
    """`side by side`, `two folders`, `trainA/trainB`, or `unknown` when `trouble` says why."""
    description: str | None
    """What two unpaired domains are, in a sentence; None where the folder was checked as pairs."""
    trouble: str | None
    counts: dict[str, int]
    """Pairs by split; of an unknown layout, pictures by folder."""
    sides: tuple[Side, ...]
    unmatched: tuple[str, ...]
    """Pictures without a partner."""
    duplicate_names: tuple[str, ...]
    """Pictures whose name another one of the same side has."""
    corrupt: tuple[tuple[str, str], ...]
    """`split/name` and the reason."""
    unequal: tuple[str, ...]
    """Pairs whose sides differ in size."""
    duplicates: tuple[Duplicates, ...]
    suspects: tuple[Suspect, ...]
    compared: int
    """Pairs whose edges were compared."""
    representative: bool
    """Whether that could tell anything in this folder."""
    notes: tuple[str, ...]
    """What is no fault, but good to know: a sentence each."""
    pairs: dict[str, Pair]
    """By title, for showing; of unpaired domains, pictures that stand side by side by chance."""

    @property
    def unpaired(self) -> bool:
        """Whether it was checked as two domains, whose pictures have no partners."""
        return self.description is not None

    @property
    def problems(self) -> int:
        """How many faults were found."""
        lists = (self.unmatched, self.duplicate_names, self.corrupt, self.unequal, self.duplicates, self.suspects)
        return sum(map(len, lists)) + (self.trouble is not None)

    def sections(self) -> dict[str, list[str]]:
        """The faults in words, by heading; headings without any are there too."""
        return {
            "Layout": [self.trouble] if self.trouble else [],
            "Cannot be read": [reason for _, reason in self.corrupt],
            "Without a partner": list(self.unmatched),
            "Name taken twice": list(self.duplicate_names),
            "Sides of different size": list(self.unequal),
            "The same picture twice": [group.sentence() for group in self.duplicates],
            "Sides that seem not to belong together": [suspect.sentence() for suspect in self.suspects],
        }

    def summary(self) -> list[str]:
        """Sentences on what the folder is, faults apart."""
        counts = ", ".join(f"{split} ({count})" for split, count in self.counts.items()) or "nothing"
        arranged = {"side by side": "Side-by-side pairs", "two folders": "Pairs from two folders"}
        lines = [self.description or f"{arranged.get(self.kind, 'Pictures that are no pairs')}: {counts}."]
        lines += [f"Side {side.name!r}: {side.extent()}; {side.kinds()}." for side in self.sides]
        lines += [self.alignment()] if self.pairs and not self.unpaired else []
        return [*lines, *self.notes]

    def alignment(self) -> str:
        """How far the comparison of edges could be trusted, in one sentence."""
        if self.representative:
            return f"Edges of {self.compared} pairs compared, to find sides that do not belong together."
        if self.compared < 4:
            return "Too few pairs to tell whether their sides belong together."
        return "The two sides share too few edges to tell whether they belong together."

    def sentences(self, most: int = 10) -> list[str]:
        """Everything for a terminal, with at most so many lines under each heading."""
        lines = self.summary()
        for heading, faults in self.sections().items():
            if faults:
                lines.append(f"{heading} ({len(faults)}):")
                lines += [f"  {fault}" for fault in faults[:most]]
                lines += [f"  and {len(faults) - most} more"] if len(faults) > most else []
        count = self.problems
        return [*lines, "No problems found." if not count else f"{count} problem{'s' if count > 1 else ''} found."]
