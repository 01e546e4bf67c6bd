"""Draws docs/images/architecture.svg from the rows of tests/test_imports.py: `python docs/images/architecture.py`.

Packages stand on floors, and import only from floors below. Three columns (`datasets/`, training in `i2i/`, `serving/`)
stand on what all of them share, and carry what wires them together. An arrow is drawn where a package imports another
of its column, unless a way through a third says so already. Sizes are SVG user units (pixels at 100 %).
"""

from __future__ import annotations

import ast
import html
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TARGET = Path(__file__).with_suffix(".svg")

WIDTH, MARGIN, GAP, FLOOR_GAP = 1200, 20, 16, 26
SIDE = 274
"""Width of the columns at the sides."""
LANE = 22
"""Width that an arrow takes where it passes a floor."""
TEXT, LINE = 13, 17
"""Font size of the texts, and the height of a line."""

LONGEST = 84
"""Characters of what a package says of itself, as far as it can be cut."""

TITLES = {
    "top": "",
    "datasets": "datasets/: folders → samples",
    "training": "i2i/: samples → a run → one ONNX file",
    "serving": "serving/: ONNX file → pictures",
    "base": "i2i/: shared by all of the above",
}

STYLE = """
  .paper { fill: #fbfaf7; stroke: #d9d4c7 }
  text { font-family: system-ui, "Segoe UI", Helvetica, Arial, "DejaVu Sans", sans-serif; fill: #2b2a27 }
  .title { font-size: 14px; font-weight: 600; fill: #6a6558 }
  .name { font-size: 17px; font-weight: 650 }
  .says { font-size: 13px; fill: #57534a }
  .frame { fill: none; stroke: #d9d4c7; stroke-dasharray: 3 4 }
  .box { stroke-width: 1.3 }
  .top { fill: #f3ead9; stroke: #c9a96a }
  .datasets { fill: #e4f0e6; stroke: #7fae88 }
  .training { fill: #e5ecf8; stroke: #86a3d3 }
  .serving { fill: #f7e6e9; stroke: #cf8f9b }
  .base { fill: #eeece6; stroke: #aaa494 }
  .arrow { fill: none; stroke: #8a8578; stroke-width: 1.5 }
  .head { fill: #8a8578 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #1d1f23; stroke: #3a3d44 }
    text { fill: #ecebe7 }
    .title { fill: #a9a598 }
    .says { fill: #c3c0b7 }
    .frame { stroke: #41444c }
    .top { fill: #3a3222; stroke: #a98a4d }
    .datasets { fill: #22332a; stroke: #5d8f69 }
    .training { fill: #232d40; stroke: #6384bb }
    .serving { fill: #3b262b; stroke: #ad6c79 }
    .base { fill: #2b2c2f; stroke: #77756e }
  }
"""


def read_rows(source: str) -> tuple[list[str], dict[str, set[str]]]:
    """The names of BASE and the table PACKAGES, as the source of tests/test_imports.py assigns them."""
    wanted = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("BASE", "PACKAGES")
    ]
    values: dict[str, object] = {}
    exec(compile(ast.Module(wanted, []), "test_imports.py", "exec"), values)
    base, packages = values["BASE"], values["PACKAGES"]
    assert isinstance(base, str)
    assert isinstance(packages, dict)
    return base.split(), {name: set(may.split()) for name, may in packages.items()}


def says(name: str) -> str:
    """The first sentence of the package's docstring, without its full stop and, where it is long, its second half."""
    mounted = name.split(".")[0] in ("datasets", "serving")
    path = ROOT.joinpath(*([] if mounted else ["i2i"]), *name.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    doc = (ast.get_docstring(ast.parse(source.read_text("utf-8"))) or "").replace("`", "")
    sentence = doc.split("\n\n")[0].replace("\n", " ").split(". ")[0].removesuffix(".")
    for mark in ("; ", ", as ", ": ", " ("):
        if len(sentence) > LONGEST:
            sentence = sentence.split(mark)[0]
    return sentence


@dataclass
class Box:
    """A package, or a lane where an arrow passes a floor (`name` is empty)."""

    name: str
    group: str
    order: float
    x: float = 0
    width: float = 0
    y: float = 0
    height: float = 0
    text: list[str] = field(default_factory=list)


def group_of(name: str, base: Iterable[str], rows: Mapping[str, set[str]]) -> str:
    """The part of the drawing that a row stands in."""
    if name in {one.split(".")[0] for one in base}:
        return "base"
    if name.split(".")[0] in ("datasets", "serving"):
        return name.split(".")[0]
    return "top" if {"datasets", "serving"} <= rows[name] else "training"


def needs(names: list[str], rows: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """What each of the names imports of the others, without what follows from the rest (transitive reduction)."""
    direct = {name: rows[name] & set(names) - {name} for name in names}

    def reach(name: str) -> set[str]:
        return direct[name].union(*(reach(one) for one in direct[name]))

    def beyond(name: str) -> set[str]:
        return set().union(*(reach(one) for one in direct[name]))

    return {name: direct[name] - beyond(name) for name in names}


def floors_of(names: list[str], edges: Mapping[str, set[str]]) -> list[list[str]]:
    """The names by floors, the lowest first; each just below the lowest that imports it."""

    def depth(name: str) -> int:
        return 1 + max((depth(user) for user in names if name in edges[user]), default=-1)

    depths = {name: depth(name) for name in names}
    return [[name for name in names if depths[name] == floor] for floor in reversed(range(max(depths.values()) + 1))]


def with_lanes(
    floors: list[list[str]], edges: Mapping[str, set[str]], group: str
) -> tuple[list[list[Box]], list[list[Box]]]:
    """The boxes of every floor with a lane for each arrow that passes, and the way of every arrow, downwards."""
    order = {name: place for place, name in enumerate(name for floor in floors for name in floor)}
    level = {name: place for place, floor in enumerate(floors) for name in floor}
    boxes = {name: Box(name, group, order[name]) for name in order}
    rows = [[boxes[name] for name in floor] for floor in floors]
    ways = []
    for user, used in edges.items():
        for one in sorted(used, key=order.__getitem__):
            lanes = [Box("", group, -1) for _ in range(level[one] + 1, level[user])]
            for floor, lane in zip(range(level[user] - 1, level[one], -1), lanes, strict=True):
                rows[floor].insert(0, lane)
            ways.append([boxes[user], *lanes, boxes[one]])
    return rows, ways


def place_floor(row: list[Box], x: float, width: float) -> None:
    """Give every box of a floor its place along it, and its text, wrapped; lanes stay narrow."""
    named = [box for box in row if box.name]
    each = (width - GAP * (len(row) - 1) - LANE * (len(row) - len(named))) / len(named)
    for box in row:
        box.x, box.width = x, each if box.name else LANE
        x += box.width + GAP
        if box.name:
            box.text = textwrap.wrap(says(box.name), int((box.width - 24) / (0.53 * TEXT)))


def tall(row: list[Box]) -> float:
    """The least height of a floor."""
    return 34 + LINE * max(len(box.text) for box in row) + 8


def stack(rows: list[list[Box]], bottom: float, height: float | None = None) -> float:
    """Place floors upwards from `bottom`, stretched to `height` if that is given; returns the top."""
    least = sum(tall(row) for row in rows) + FLOOR_GAP * (len(rows) - 1)
    more = 0 if height is None else (height - least) / len(rows)
    y = bottom
    for row in rows:
        for box in row:
            box.height = tall(row) + more
            box.y = y - box.height
        y -= tall(row) + more + FLOOR_GAP
    return y + FLOOR_GAP


def draw_box(box: Box) -> str:
    """A rounded box with the package's name and what it says of itself."""
    if not box.name:
        return ""
    top = box.y + (box.height - (34 + LINE * len(box.text) + 8)) / 2
    shown = box.name.split(".")[-1]
    lines = [
        f'<rect class="box {box.group}" x="{box.x:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" '
        f'height="{box.height:.0f}" rx="8"/>',
        f'<text class="name" x="{box.x + 12:.0f}" y="{top + 25:.0f}">{shown}</text>',
    ]
    for number, line in enumerate(box.text):
        y = top + 34 + LINE * (number + 0.65)
        lines.append(f'<text class="says" x="{box.x + 12:.0f}" y="{y:.0f}">{html.escape(line)}</text>')
    return "\n".join(lines)


def draw_way(way: list[Box]) -> str:
    """An arrow from the bottom of the first box to the top of the last, through the lanes between."""
    path, x = "", 0.0
    for above, below in pairwise(way):
        left, right = max(above.x, below.x), min(above.x + above.width, below.x + below.width)
        start, end = above.y + above.height, below.y
        x = (left + right) / 2 if left < right else below.x + below.width / 2
        before = x if left < right else above.x + above.width / 2
        path += f"M{before:.0f} {start:.0f}" if above is way[0] else f"L{before:.0f} {start:.0f}"
        if before != x:
            path += f"C{before:.0f} {end:.0f} {x:.0f} {start:.0f} {x:.0f} {end:.0f}"
        else:
            path += f"L{x:.0f} {end:.0f}"
    y = way[-1].y
    return f'<path class="arrow" d="{path}"/>\n<path class="head" d="M{x - 4:.0f} {y - 7:.0f}h8l-4 7z"/>'


def draw(base: list[str], rows: Mapping[str, set[str]]) -> str:
    """The whole picture as SVG."""
    groups: dict[str, list[str]] = {name: [] for name in TITLES}
    for name in rows:
        if name not in ("datasets", "serving"):  # only the doors of their folders
            groups[group_of(name, base, rows)].append(name)
    laid = {}
    for group in ("top", "datasets", "training", "serving"):
        edges = needs(groups[group], rows)
        laid[group] = with_lanes(floors_of(groups[group], edges), edges, group)
    shared = [Box(name, "base", 0) for name in groups["base"]]
    half = (len(shared) + 1) // 2
    laid["base"] = [shared[:half], shared[half:]], []

    inner, middle = WIDTH - 2 * MARGIN, MARGIN + SIDE + 2 * GAP
    columns = {
        "top": (MARGIN, inner),
        "datasets": (MARGIN, SIDE),
        "training": (middle, inner - 2 * SIDE - 4 * GAP),
        "serving": (WIDTH - MARGIN - SIDE, SIDE),
        "base": (MARGIN, inner),
    }
    for group, (x, width) in columns.items():
        for row in laid[group][0]:
            place_floor(row, x, width)

    title = 30
    base_top = stack(laid["base"][0], 0)
    columns_bottom = base_top - title - FLOOR_GAP
    least = {
        group: columns_bottom - stack(laid[group][0], columns_bottom) for group in ("datasets", "training", "serving")
    }
    height = max(least.values())
    for group in least:
        stack(laid[group][0], columns_bottom, height)
    columns_top = columns_bottom - height
    top = stack(laid["top"][0], columns_top - title - FLOOR_GAP)

    drawn = []
    titles = dict.fromkeys(least, columns_top - 12) | {"base": base_top - 12}
    for group, y in titles.items():
        drawn.append(f'<text class="title" x="{columns[group][0]:.0f}" y="{y:.0f}">{html.escape(TITLES[group])}</text>')
    for laid_rows, ways in laid.values():
        drawn += [draw_way(way) for way in ways]
        drawn += [draw_box(box) for row in laid_rows for box in row if box.name]
    full = MARGIN - top + MARGIN
    frame = f'viewBox="0 {top - MARGIN:.0f} {WIDTH} {full:.0f}" width="{WIDTH}" height="{full:.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame} role="img">\n'
        "<title>The packages of i2i, floor by floor; each imports only from floors below</title>\n"
        f"<style>{STYLE}</style>\n"
        f'<rect class="paper" x="1" y="{top - MARGIN + 1:.0f}" width="{WIDTH - 2}" height="{full - 2:.0f}" rx="12"/>\n'
        + "\n".join(drawn)
        + "\n</svg>\n"
    )


def drawing() -> str:
    """The picture of the project as it is now."""
    return draw(*read_rows((ROOT / "tests" / "test_imports.py").read_text("utf-8")))


if __name__ == "__main__":
    TARGET.write_text(drawing(), "utf-8")
    print(f"{TARGET.relative_to(ROOT)} is drawn.")
