"""What was measured, as a table for people."""

from __future__ import annotations

from ..runtime.providers import BACKENDS
from .tune import Tuned, Way, in_words

HEAD = ("", "", "", "ms a megapixel", "as fast as usual", "dB against fp32")


def told(tuned: Tuned, floor: float | None) -> str:
    """A line a way, the usual one first; what is refused, and what is kept."""
    rows = [HEAD, *(_row(way, tuned, floor) for way in tuned.ways)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    best, profile = tuned.best, tuned.profile
    together = "" if profile.batch == 1 else f" Small pictures of one size go up to {profile.batch} together."
    lines += [f"Not tried: {why}" for why in tuned.refused]
    lines.append(
        f"Best here: {BACKENDS[best.device].title} in {best.precision}, {in_words(best.tile)}; {tuned.gain:.2f} times "
        f"as fast as usual.{together} i2i convert and i2i serve take it from now on, by {tuned.path}."
    )
    return "\n".join(lines)


def _row(way: Way, tuned: Tuned, floor: float | None) -> tuple[str, ...]:
    quality = f"{way.psnr:.1f}{'' if way.reaches(floor) else ' (below the floor)'}"
    if way.loss is not None:
        quality += f", {way.loss:.2f} lost on held-out pictures{'' if way.keeps_detail else ' (too much)'}"
    return (
        BACKENDS[way.device].title,
        way.precision,
        in_words(way.tile),
        f"{way.median / tuned.megapixels * 1000:.0f}",
        f"{tuned.ways[0].median / way.median:.2f}",
        quality,
    )
