"""`--include` and `--exclude` pick pictures by their path below the source; what they leave out is counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

NAMES = ("a.jpg", "b.png", "x/a.jpg", "x/y/c.jpg", "x/y/[1].png", "drafts/d.jpg")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in NAMES:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
    return tmp_path / "in"


def converted(target: Path) -> set[str]:
    """Beside the journal, which is hidden."""
    files = (path.relative_to(target) for path in target.rglob("*") if path.is_file())
    return {path.as_posix() for path in files if not path.parts[0].startswith(".")}


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("--include", "*.jpg"), {"a.jpg"}),
        (("--include", "**/*.jpg"), {"a.jpg", "x/a.jpg", "x/y/c.jpg", "drafts/d.jpg"}),
        (("--include", "**/*.jpg", "--exclude", "drafts/**"), {"a.jpg", "x/a.jpg", "x/y/c.jpg"}),
        (("--include", "a.*", "--include", "x/*/?.jpg"), {"a.jpg", "x/y/c.jpg"}),
        (("--include", "x/**/*.[!p]*"), {"x/a.jpg", "x/y/c.jpg"}),
        (("--exclude", "**/[[]1].png", "--exclude", "b.png"), set(NAMES) - {"x/y/[1].png", "b.png"}),
        (("--include", "./[ab].*"), {"a.jpg", "b.png"}),
    ],
)
def test_patterns_are_of_the_path_below_the_source_and_what_they_leave_is_counted(
    i2i, make_model, source, tmp_path, words, wanted
):
    status, out, err = i2i("convert", make_model(), source, tmp_path / "out", "--device", "cpu", *words)
    assert status == 0, err
    assert converted(tmp_path / "out") == wanted
    assert f"pictures left out by --include and --exclude ({len(NAMES) - len(wanted)})" in out


def test_a_pattern_that_names_nothing_is_told(i2i, make_model, source, tmp_path):
    _, out, _ = i2i("convert", make_model(), source, tmp_path / "out", "--device", "cpu", "--exclude", "*.gif")
    assert "--exclude *.gif names no picture." in out
    assert converted(tmp_path / "out") == set(NAMES)


def test_patterns_that_leave_nothing_are_refused_before_anything_is_written(i2i, make_model, source, tmp_path):
    status, _, err = i2i("convert", make_model(), source, tmp_path / "out", "--device", "cpu", "--include", "*.tiff")
    assert status == 2
    assert "leave none of the 6 pictures" in err
    assert not (tmp_path / "out").exists()


def test_what_is_no_pattern_is_refused_in_a_sentence(i2i, make_model, source, tmp_path):
    status, _, err = i2i("convert", make_model(), source, tmp_path / "out", "--device", "cpu", "--include", "[z-a]*")
    assert status == 2
    assert "'[z-a]*' is no pattern of paths" in err
