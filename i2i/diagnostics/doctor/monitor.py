"""The detectors along a log: line by line while a run trains, or over a finished one; both say the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from ...text import listed
from ..failure_modes import DIRECTIONS
from .detectors import DETECTORS
from .history import Evidence, History, of_one_direction
from .remedies import Settings

CLEAR = 5
"""Lines in a row without a sign after which a failure is over."""


@dataclasses.dataclass
class Ailment:
    """A failure that was found."""

    name: str
    """A key of DETECTORS."""
    ending: str
    """Of the discriminator or direction that has it; "" where there is one."""
    images: int
    """When it began: images seen."""
    step: int
    found: int
    """When it was named: images seen."""
    evidence: Evidence
    """Figures of that line."""
    remedy: list[str]
    """What cures it: assignments for `--set`."""
    over: int | None = None
    """When it was over, where it was: images seen."""
    earlier: tuple[tuple[int, int], ...] = ()
    """From when to when it had been there before, oldest first: images seen."""

    @property
    def title(self) -> str:
        """What it is called."""
        return DETECTORS[self.name].title

    def when(self) -> str:
        """`since 1,000 images (step 250)`, with what was before it."""
        until = f" until {self.over:,}" if self.over is not None else ""
        before = listed(*(f"{began:,} to {over:,}" for began, over in self.earlier), last="and")
        return f"since {self.images:,} images (step {self.step:,}){until}" + (f", and from {before}" if before else "")

    def sentence(self, directions: Mapping[str, str] = DIRECTIONS) -> str:
        """What happens and since when, with the figures that show it; `directions` are names for `a2b` and `b2a`."""
        figures = ", ".join(f"{name} {value:.3g}" for name, value in self.evidence.items())
        way = directions.get(self.ending.removeprefix("_"))
        text = f"{f'From {way} ' if way else ''}{DETECTORS[self.name].text}"
        return f"{text[0].upper()}{text[1:]}, {self.when()}: {figures}."

    def settings(self) -> str:
        """The remedy as it is typed, `--set … --set …`; "" where there is none."""
        return " ".join(f"--set {one}" for one in self.remedy)

    def advice(self) -> str:
        """What to do, ready to copy."""
        if not self.remedy:
            return "Look at the pictures, and trust the measure no further than they go."
        row = DETECTORS[self.name]
        helps = "helps" if row.sure else "may help"
        return f"In a new run: {self.settings()}" if row.anew else f"What {helps}: {self.settings()}"

    def record(self) -> dict[str, Any]:
        """As a line of log.jsonl has it."""
        return {"name": self.name, "began": self.images, "step": self.step, "found": self.found, "remedy": self.remedy}


class Monitor:
    """Is told each line of the log, and names what it shows as soon as enough lines in a row agree.

    `total` is the length of the run in images, `settings` are those of the run by their names with dots.
    """

    def __init__(self, total: int | None = None, settings: Settings | None = None) -> None:
        self.total, self.settings = total, settings or {}
        self.seen = History()
        self.streaks: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self.clear: dict[str, int] = {}
        self.ailments: dict[str, Ailment] = {}
        """Those that are there, by name."""
        self.past: list[Ailment] = []
        """Those that are over; one a name."""

    @property
    def healthy(self) -> bool:
        """Whether nothing is named, and nothing shows signs of it."""
        return not self.ailments and not any(self.streaks.values())

    def add(self, record: Mapping[str, Any]) -> list[Ailment]:
        """What this line is the first to show."""
        self.seen.add(record)
        images = int(record.get("images", 0))
        new = []
        for name, row in DETECTORS.items():
            endings = self.seen.endings(row.figure)
            if name == "exploding" and "non_finite" in record:
                endings = [""]
            signs = {}
            for ending in endings:
                evidence = self._sign(name, images, ending)
                streak = self.streaks.setdefault((name, ending), [])
                if evidence is None:
                    streak.clear()
                    continue
                streak.append((images, int(record.get("step", 0))))
                signs[ending] = evidence
            if endings:
                self._settle(name, images, bool(signs))
            for ending, evidence in signs.items():
                streak = self.streaks[name, ending]
                if name not in self.ailments and (len(streak) >= row.hold or "non_finite" in evidence):
                    began, step = streak[0]
                    found = Ailment(name, ending, began, step, images, evidence, row.cure(self.settings))
                    found.earlier = self._taken_from_past(name)
                    self.ailments[name] = found
                    new.append(found)
        return new

    def _sign(self, name: str, images: int, ending: str) -> Evidence | None:
        row = DETECTORS[name]
        if name != "exploding" and self.total is not None and images < row.warm_up * self.total:
            return None
        if any(other in self.ailments for other in row.unless):
            return None
        if any(self.streaks.get((other, one)) for other in row.unless for one in of_one_direction(ending)):
            return None
        return row.test(self.seen, ending)

    def _settle(self, name: str, images: int, signs: bool) -> None:
        """Count the lines without a sign, and end what has had none for long."""
        self.clear[name] = 0 if signs else self.clear.get(name, 0) + 1
        if name in self.ailments and self.clear[name] >= CLEAR:
            past = self.ailments.pop(name)
            past.over = images
            self.past.append(past)

    def _taken_from_past(self, name: str) -> tuple[tuple[int, int], ...]:
        """When it was there before: what comes back is told once, with all of its spans."""
        same = [one for one in self.past if one.name == name]
        self.past = [one for one in self.past if one.name != name]
        return tuple(span for one in same for span in (*one.earlier, (one.images, one.over or one.found)))

    def summary(self) -> str:
        """A few words for a progress line: nothing while all is well."""
        return ", ".join(DETECTORS[name].title.lower() for name in self.ailments)


def examine(
    records: Iterable[Mapping[str, Any]], total: int | None = None, settings: Settings | None = None
) -> Monitor:
    """The monitor after a whole log."""
    monitor = Monitor(total, settings)
    for record in records:
        monitor.add(record)
    return monitor


def looked_for(monitor: Monitor) -> tuple[list[str], list[str]]:
    """Names of the failures that the log has figures for, and of those that it has none for."""
    columns = monitor.seen.columns
    there = [name for name, row in DETECTORS.items() if any(key.startswith(row.figure) for key in columns)]
    return there, [name for name in DETECTORS if name not in there]


def all_clear(monitor: Monitor) -> str:
    """What is said of a run with nothing to say of."""
    there, missing = looked_for(monitor)
    sentence = f"Healthy: none of {len(there)} failures shows in {len(monitor.seen.records)} lines of the log."
    return sentence + (f" Without figures, so not looked for: {', '.join(missing)}." if missing else "")
