"""The picture of the architecture is drawn from the rows of test_imports.py, and the index leads to where things are."""

import importlib.util
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markdown import ROOT, names, table

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def architecture():
    """The program docs/images/architecture.py, which is no package's."""
    spec = importlib.util.spec_from_file_location("architecture", DOCS / "images" / "architecture.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows(architecture):
    return architecture.read_rows((ROOT / "tests/test_imports.py").read_text("utf-8"))


def texts(svg):
    return [one.text for one in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_the_picture_is_what_the_rows_give_now(architecture):
    same = architecture.TARGET.read_text("utf-8") == architecture.drawing()
    assert same, "docs/images/architecture.svg is not what tests/test_imports.py says now; draw it: make docs-diagram"


def test_the_index_begins_with_the_picture():
    first = (DOCS / "README.md").read_text("utf-8").split("\n\n")[1]
    assert first.startswith("![")
    assert first.endswith("(images/architecture.svg)")


def test_every_package_that_has_a_row_is_in_the_picture(architecture, rows):
    shown = texts(architecture.drawing())
    assert set(shown) >= {name.split(".")[-1] for name in rows[1] if name not in ("datasets", "serving")}


def test_a_new_row_changes_the_picture(architecture, rows, monkeypatch):
    base, packages = rows
    monkeypatch.setattr(architecture, "says", lambda name: name)
    shown = texts(architecture.draw(base, packages | {"gallery": {"errors", "report"}}))
    assert "gallery" in shown
    assert "gallery" not in texts(architecture.draw(base, packages))


def test_an_arrow_of_the_picture_goes_down_and_says_what_a_row_says(architecture, rows):
    base, packages = rows
    drawn = 0
    for group in ("datasets", "training", "serving"):
        inside = [name for name in packages if architecture.group_of(name, base, packages) == group]
        inside = [name for name in inside if name != group]
        edges = architecture.needs(inside, packages)
        floors = architecture.floors_of(inside, edges)
        level = {name: floor for floor, names_of_it in enumerate(floors) for name in names_of_it}
        assert set(level) == set(inside)
        for user, used in edges.items():
            for one in used:
                assert one in packages[user]
                assert level[one] < level[user]
                drawn += 1
    assert drawn > 8


PLACES = table(DOCS / "README.md", "where is")


@pytest.mark.parametrize("row", PLACES, ids=[row["where is"] for row in PLACES])
def test_what_the_index_looks_for_is_in_the_file_that_it_names(row):
    (path,) = re.findall(r"\]\(\.\./([^)]+)\)", row["file"])
    assert f"[{path}](../{path})" in row["file"]
    for name in names(row["look for"]):
        assert re.search(rf"\b{re.escape(name)}\b", (ROOT / path).read_text("utf-8")), f"{path} has no {name}"


def test_the_index_finds_twenty_things_and_more():
    assert len({row["where is"] for row in PLACES}) >= 20


def test_no_folder_of_the_project_holds_more_than_sixteen_files():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    counts = Counter(str(Path(name).parent) for name in listed.stdout.splitlines() if (ROOT / name).is_file())
    assert {folder: count for folder, count in counts.items() if count > 16} == {}


def test_no_module_outside_the_synthetic_pictures_is_longer_than_three_hundred_lines():
    modules = [path for folder in ("i2i", "serving", "datasets") for path in (ROOT / folder).rglob("*.py")]
    long = {path.relative_to(ROOT): len(path.read_text("utf-8").splitlines()) for path in modules}
    assert {path: lines for path, lines in long.items() if lines > 300 and "synthetic" not in path.parts} == {}
