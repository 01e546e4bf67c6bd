"""What the figures of diagnostics/figures.py mean: when one is bad, what it is called, and what helps. No torch.

Figures stand in `log.jsonl` as `fail_identity_a2b`: the row's name or one of its further figures, and the direction.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .finding import Finding

DIRECTIONS = {"a2b": "A to B", "b2a": "B to A"}

VARIANTS = {"changed": "pixels changed by ", "cycle_8bit": "in 8 bits ", "cycle_noise": "with noise "}
"""What is said before a figure that is not a failure mode's first."""

Figures = Mapping[str, float]
"""Figures of one direction, by name without `fail_` and the direction."""


class FailureMode(NamedTuple):
    """One failure mode, and how it is detected."""

    title: str
    """What is said of a run that does it."""
    figures: tuple[str, ...]
    """Names of its figures in the log; the first is the one that `limit` speaks of."""
    definition: str
    limit: float | None
    """Where the figure turns bad, for the curve; None where it is no fixed value."""
    when: str
    """The test in words."""
    bad: Callable[[Figures], bool]
    """The test: of the figures of a direction, the first of which is there."""
    text: str
    """What that means."""
    advice: str
    """What helps, with the settings of CycleGAN."""
    of_discogan: str = ""
    """The same where DiscoGAN has other settings."""

    def helps(self, method: str) -> str:
        """What helps in a run of this method."""
        return (self.of_discogan if method == "discogan" else "") or self.advice


LEAST_GROWTH = 0.02
"""Growth of the cycle's error, in [0, 1], below which nobody would see it: five grey levels."""

LEAST_CHANGE = 0.012
"""Mean change of a pixel, in [0, 1], below which a picture looks as before: three grey levels."""

FAILURE_MODES: dict[str, FailureMode] = {
    "identity": FailureMode(
        title="The input is handed back",
        figures=("identity", "changed"),
        definition="mean abs(G(x) - x) over the 1-Wasserstein distance of the colours of x from those of y, which is "
        "the least mean change that gives x the colours of y; on pictures of 16 pixels; from 4 pictures on; and mean "
        "abs(G(x) - x) at full size, for domains of one colour that differ in texture",
        limit=0.25,
        when="below 0.25, or less than 0.012 (3 of 255 levels) at full size",
        bad=lambda seen: seen["identity"] < 0.25 or seen.get("changed", 1.0) < LEAST_CHANGE,
        text="the output differs from the input by less than a quarter of what the domains' colours are apart, or by "
        "less than one sees",
        advice="In a new run, take away what pulls towards the input (--set lambda_identity=0), let the cycle weigh "
        "less (--set lambda_cycle=5), or give the generator more capacity (--set generator.width=96) and more time.",
        of_discogan="In a new run, let the reconstruction weigh less (--set rate=0.3) or the adversarial loss more "
        "(--set lambda_gan=0.5), or give the generator more capacity (--set generator.width=96) and more time.",
    ),
    "inversion": FailureMode(
        title="Light and dark are swapped",
        figures=("inversion",),
        definition="correlation of the luminance of x and G(x), mean over pictures; on pictures of 16 pixels; "
        "flat pictures do not count",
        limit=-0.3,
        when="below -0.3",
        bad=lambda seen: seen["inversion"] < -0.3,
        text="what is light in the input is dark in the output, which the cycle turns back and so never punishes",
        advice="Unless the domains ask for it, start anew with more of the identity loss (--set lambda_identity=1), "
        "or with other initial weights (--set seed=1).",
        of_discogan="Unless the domains ask for it, start anew with other initial weights (--set seed=1).",
    ),
    "collapse": FailureMode(
        title="The outputs are all alike",
        figures=("collapse",),
        definition="mean absolute difference of two outputs, over all pairs, divided by that of x or of y, whichever "
        "is smaller; on pictures of 16 pixels; from 2 pictures on",
        limit=0.3,
        when="below 0.3",
        bad=lambda seen: seen["collapse"] < 0.3,
        text="outputs differ from each other far less than the pictures of either domain do",
        advice="In a new run, slow the discriminators down (--set optimizer.lr_d=0.0001), show them more variety "
        "(--set gan.augment=[colour,translation,cutout]) or what a batch has in common "
        "(--set discriminator.minibatch_std=true, from --batch 4 on), or try another loss (--set gan.loss=hinge).",
    ),
    "cycle": FailureMode(
        title="The cycle hides its information",
        figures=("cycle", "cycle_8bit", "cycle_noise"),
        definition="mean abs(F(G(x)) - x) in [0, 1]: plain; with G(x) rounded to 8 bits; and with fixed noise of "
        "standard deviation 2/255 on G(x); on at most 4 pictures",
        limit=None,
        when="rounding or noise makes it more than twice the plain one, and at least 0.02 more",
        bad=lambda seen: _growth(seen) >= LEAST_GROWTH and _growth(seen) > seen["cycle"],
        text="the way back reads a faint pattern that the output carries, not what the output shows: a trace of noise "
        "or rounding spoils it",
        advice="In a new run, let the cycle weigh less, so that less must be carried over (--set lambda_cycle=5), or "
        "use up-sampling that has a harder time painting fine patterns (--set generator.up=resize).",
        of_discogan="In a new run, let the reconstruction weigh less, so that less must be carried over (--set "
        "rate=0.3), or use a generator that has a harder time painting fine patterns (--set generator.name=resnet6 "
        "--set generator.up=resize).",
    ),
}
"""The failure modes by name; a name is also that of the figure which is looked at first."""


def alarms(record: Mapping[str, Any], ways: Mapping[str, str] = DIRECTIONS, method: str = "cyclegan") -> list[Finding]:
    """A sign of level `bad` for each failure mode that a line of the log shows, both directions in one sentence.

    `ways` says what the directions are called; what helps is told in the settings of `method`.
    """
    signs = []
    for name, mode in FAILURE_MODES.items():
        seen = {direction: _of(record, mode, direction) for direction in ways}
        found_in = {direction: found for direction, found in seen.items() if name in found and mode.bad(found)}
        if found_in:
            signs.append(Finding("bad", mode.title, f"{_where(found_in, ways)} {mode.text}. {mode.helps(method)}"))
    return signs


def findings(
    records: Sequence[Mapping[str, Any]], ways: Mapping[str, str] = DIRECTIONS, method: str = "cyclegan"
) -> list[Finding]:
    """What the last lines with figures say: the alarms, or else one sign; nothing where there are no figures.

    It is good where every failure mode was looked for, and a note where too few pictures were there for one.
    """
    last = typical(records)
    if not any(f"fail_{name}_{direction}" in last for name in FAILURE_MODES for direction in ways):
        return []
    said, unmeasured = [], []
    for name, mode in FAILURE_MODES.items():
        seen = [found for direction in ways if name in (found := _of(last, mode, direction))]
        if seen:
            said.append(
                f"{name} {' and '.join(map(_brief, seen))}" + (f" (bad {mode.when})" if mode.limit is not None else "")
            )
        else:
            unmeasured.append(name)
    trained = " and ".join(f"from {way}" for d, way in ways.items() if any(key.endswith(f"_{d}") for key in last))
    text = f"Translations {trained} show: {'; '.join(said)}."
    return alarms(last, ways, method) or [_all_clear(text, unmeasured)]


def _all_clear(text: str, unmeasured: Sequence[str]) -> Finding:
    if not unmeasured:
        return Finding("good", "No failure mode found", text)
    missing = " and ".join(unmeasured)
    return Finding(
        "note",
        f"No failure mode found, but {missing} not looked for",
        f"{text} For {missing} there are too few validation pictures, or flat ones: four or more in each domain's test "
        "or val folder, or --set data.holdout=0.2 in a new run.",
    )


def typical(records: Iterable[Mapping[str, Any]], count: int = 3) -> dict[str, float]:
    """The median of each figure over the last `count` lines that have any, by its name in the log."""
    last = [record for record in records if any(key.startswith("fail_") for key in record)][-count:]
    keys = dict.fromkeys(key for record in last for key in record if key.startswith("fail_"))
    values = {key: [v for r in last if math.isfinite(v := r.get(key, math.nan))] for key in keys}
    return {key: statistics.median(found) for key, found in values.items() if found}


def _of(record: Mapping[str, Any], mode: FailureMode, direction: str) -> dict[str, float]:
    """The failure mode's finite figures of one direction."""
    values = {name: record.get(f"fail_{name}_{direction}", math.nan) for name in mode.figures}
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _where(found_in: Mapping[str, Figures], names: Mapping[str, str]) -> str:
    """`From A to B (0.03) and from B to A (0.1)`."""
    ways = " and ".join(f"from {names[direction]} ({_figures(seen)})" for direction, seen in found_in.items())
    return ways[0].upper() + ways[1:]


def _figures(seen: Figures) -> str:
    """`0.03`, or of the cycle `0.03, in 8 bits 0.04, with noise 0.1`."""
    return ", ".join(f"{VARIANTS.get(name, '')}{value:.2g}" for name, value in seen.items())


def _brief(seen: Figures) -> str:
    """`0.03`, or of the cycle `0.03 (with noise 0.1)`."""
    first, *others = _figures(seen).split(", ")
    return f"{first} ({', '.join(others)})" if others else first


def _growth(seen: Figures) -> float:
    """By how much rounding or noise raises the error of the cycle."""
    return max(seen.get("cycle_8bit", 0.0), seen.get("cycle_noise", 0.0)) - seen["cycle"]
