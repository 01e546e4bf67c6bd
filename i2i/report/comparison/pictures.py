"""The validation pictures of several runs side by side, from the last sample grid of each and from its best one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..images import read_samples
from ..text import column_titles
from .runs import Compared

MOMENTS = ("last", "best")


def side_by_side(runs: Sequence[Compared]) -> dict[str, Any]:
    """`strips` (data URIs), `rows` (names of pictures), and for each moment its columns.

    A column is {"title", "runs": [numbers], "strip", "rows", "cell": [height, width], "images"}; one that several runs
    have alike, such as the input, stands once. Titles keep the order of the first run that has them.
    """
    strips: dict[str, int] = {}
    moments: dict[str, list[dict[str, Any]]] = {}
    rows: dict[str, None] = {}
    for moment in MOMENTS:
        columns: list[dict[str, Any]] = []
        for number, one in enumerate(runs):
            _add(columns, number, one, moment, strips, rows)
        titles = list(dict.fromkeys(column["title"] for column in columns))
        last = [title for title in titles if title in ("truth", "HR")]
        order = [title for title in titles if title not in last] + last
        moments[moment] = sorted(columns, key=lambda column: order.index(column["title"]))
    return {"strips": list(strips), "rows": list(rows), "moments": moments}


def _add(
    columns: list[dict[str, Any]],
    number: int,
    one: Compared,
    moment: str,
    strips: dict[str, int],
    rows: dict[str, None],
) -> None:
    """The columns of one run's grid; rows come in order, and a strip is kept once."""
    at = _moment(one, moment)
    found = read_samples(one.run.samples, () if at is None else (at,))
    if not found["times"]:
        return
    rows.update(dict.fromkeys(found["rows"]))
    titles = column_titles(found["columns"], one.config, one.environment)
    for title, index in zip(titles, found["times"][0]["strips"], strict=True):
        if index is None:
            continue
        strip = strips.setdefault(found["strips"][index], len(strips))
        same = next((c for c in columns if (c["title"], c["strip"], c["rows"]) == (title, strip, found["rows"])), None)
        if same:
            same["runs"].append(number)
        else:
            columns.append({"title": title, "runs": [number], "strip": strip, "rows": found["rows"],
                            "cell": found["cell"], "images": at})  # fmt: skip


def _moment(one: Compared, moment: str) -> int | None:
    """The images of the grid: the last, or the one nearest to the run's best validation figure."""
    grids = [images for images, _ in one.run.grids()]
    if not grids:
        return None
    figure = one.figure
    if moment == "last" or figure is None:
        return grids[-1]
    return min(grids, key=lambda images: abs(images - figure[1].images))
