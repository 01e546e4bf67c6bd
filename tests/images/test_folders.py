"""Folders as they are in the wild: training, `i2i data check` and conversion see the same pictures, and tell the rest."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from i2i.datasets.checks.check import check_folder
from i2i.datasets.checks.superres import check_high_res
from i2i.datasets.layouts.domains import find_domains
from i2i.datasets.layouts.paired import find_pairs
from i2i.datasets.layouts.unpaired import find_unpaired
from i2i.datasets.streams.paired import PairedSource
from i2i.datasets.streams.superres import SuperResSource
from i2i.errors import DataError, RequestError
from i2i.images.find import HIDDEN, LEFT_ALONE, find_pictures, folders_in, survey, why_left_alone
from i2i.serving.conversion.convert import convert_folder
from i2i.serving.inference.engine import Engine
from i2i.workflows.conversion_summary import summary

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def engine(make_model) -> Engine:
    return Engine(make_model(), device="cpu")


def put(path: Path, width: int = 8, height: int = 8) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), 90, np.uint8)).save(path)
    return path


def link(path: Path, target: Path | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


def wild_tree(folder: Path) -> tuple[Path, list[str]]:
    """A folder with everything that lies about beside pictures; it, and its seven pictures, each of another width."""
    root = folder / "photos"
    seen = ["a.png", "b.jpeg", "sub/c.png", "sub/folder.png/d.PNG", "linked/e.png", "linked/deeper/f.tif", "file.png"]
    for number, name in enumerate(seen[:4]):
        put(root / name, width=100 + number)
    put(folder / "store/e.png", width=104)
    put(folder / "store/deeper/f.tif", width=105)
    link(root / "linked", folder / "store")
    link(root / "file.png", put(folder / "elsewhere/any.png", width=106))
    left = ["@eaDir/a.png/SYNOPHOTO_THUMB_XL.png", "sub/@eadir/c.png", "#recycle/old.png", "@Recycle/old.png"]
    left += ["__MACOSX/a.png", "lost+found/x.png", "$RECYCLE.BIN/$R1.png", "System Volume Information/x.png"]
    left += [".thumbnails/a.png", ".i2i-0123456789ab.part/a.png", "._a.png", ".hidden.png"]
    for name in left:
        put(root / name)
    for name in (
        "Thumbs.db",
        "desktop.ini",
        "sub/Thumbs.db",
        "notes.txt",
        "a.png.part",
        "png",
        ".i2i-0123456789ab.part",
    ):
        if not (root / name).exists():
            (root / name).write_bytes(b"")
    link(root / "linked-again", folder / "store")
    link(root / "store-of-old/loop", "../..")
    link(root / "gone", folder / "was-here")
    link(root / "gone.png", folder / "was-here.png")
    link(root / "round", "roundabout")
    link(root / "roundabout", "round")
    os.mkfifo(root / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listener, contextlib.chdir(root):
        listener.bind("socket.png")
    return root, seen


def widths(paths) -> set[int]:
    found = set()
    for path in paths:
        with Image.open(path) as image:
            found.add(image.width)
    return found


def test_training_data_check_and_conversion_see_exactly_the_same_files(engine, tmp_path):
    root, names = wild_tree(tmp_path)
    expected = {root / name for name in names}

    trained = SuperResSource(root, holdout=0, scale=2)
    assert {item.path for item in trained.layout.splits["train"]} == expected
    converted = convert_folder(engine, root, tmp_path / "out")
    assert {file.source for file in converted.files} == expected
    assert (converted.status, converted.counts) == (0, {"written": 7})
    checked = check_folder(root)
    assert {size[0] for size in checked.sides[0].sizes} == widths(expected) == set(range(100, 107))
    high_res = check_high_res(root, None, None, 2)
    assert high_res.counts == {"train": 7}

    told = set(survey(root).notes())
    assert told == set(converted.notes) == set(checked.notes) == set(high_res.notes)
    prepared = SuperResSource(root, holdout=0, scale=2).read(size=4)
    assert set(prepared.notes) >= {note for note in told if not note.startswith("Left alone")}


def test_links_that_are_not_followed_are_told_in_a_sentence_each(tmp_path):
    root, _ = wild_tree(tmp_path)
    assert sorted(survey(root).links) == sorted([
        f"{root}/linked-again and {root}/linked are the same folder; it is looked at once.",
        f"{root}/store-of-old/loop leads back to a folder that it lies in; it is not followed.",
        f"{root}/gone is a link that leads to {tmp_path}/was-here, which is not there.",
        f"{root}/gone.png is a link that leads to {tmp_path}/was-here.png, which is not there.",
        f"{root}/round is a link that leads in a circle.",
        f"{root}/roundabout is a link that leads in a circle.",
    ])  # fmt: skip


def test_what_is_left_alone_is_counted_by_what_it_is(engine, tmp_path):
    root, _ = wild_tree(tmp_path)
    report = convert_folder(engine, root, tmp_path / "out")
    (said,) = [note for note in report.notes if note.startswith("Left alone")]
    assert "@eaDir, thumbnails of a Synology NAS (2)" in said
    assert "#recycle, what was deleted on a Synology NAS (1)" in said
    assert "Thumbs.db, thumbnails of Windows (2)" in said
    assert f"{HIDDEN} (4)" in said
    assert "files that are no pictures by their names (3)" in said
    assert "pipes, sockets and devices (2)" in said
    assert report.others == sum(map(int, re.findall(r"\((\d+)\)[;.]", said)))
    assert f"note: {said}" in summary(report, dry_run=False)
    assert said in check_folder(root).sentences()
    assert said in check_high_res(root, None, None, 2).sentences()


@pytest.mark.parametrize("name", [*LEFT_ALONE, ".thumbnails", ".@__thumb", "._x.jpg", ".i2i-0123456789ab.part"])
def test_each_name_is_left_alone_in_any_case_wherever_it_lies(tmp_path, name):
    for number, spelt in enumerate((name, name.lower(), name.upper())):
        put(tmp_path / str(number) / spelt / "x.png")
    picture = put(tmp_path / "deep" / "er" / "x.png")
    assert find_pictures(tmp_path) == [picture]
    assert folders_in(tmp_path / "0") == []
    assert why_left_alone(f"{name}x") is None or name.startswith(".")


def test_a_folder_that_is_named_is_looked_at_whatever_its_name(tmp_path):
    assert len(find_pictures(put(tmp_path / "#recycle/x.png").parent)) == 1
    assert len(find_pictures(put(tmp_path / ".hidden/x.png").parent)) == 1


def test_the_documentation_lists_every_name(tmp_path):
    text = (ROOT / "docs" / "pictures.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|$", text, re.MULTILINE))
    assert {name: rows.get(name) for name in LEFT_ALONE} == LEFT_ALONE


# Links


def test_linked_sides_pair_at_the_top_and_inside(tmp_path):
    for side in "AB":
        for number in range(3):
            put(tmp_path / f"big/{side}/{number}.png")
            put(tmp_path / f"more/{side}/{number + 3}.png")
        link(tmp_path / f"data/train/{side}", tmp_path / f"big/{side}")
        link(tmp_path / f"big/{side}/more", tmp_path / f"more/{side}")
    found = find_pairs(tmp_path / "data").splits["train"]
    assert sorted(pair.name for pair in found) == ["0", "1", "2", "more/3", "more/4", "more/5"]
    assert check_folder(tmp_path / "data").counts == {"train": 6}
    assert sum(check_folder(tmp_path / "data").sides[0].sizes.values()) == 6


def test_linked_domains_and_splits_train(tmp_path):
    for name in ("summer", "winter"):
        for number in range(3):
            put(tmp_path / f"big/{name}/{number}.png")
        link(tmp_path / f"data/train/{name}", tmp_path / f"big/{name}")
    link(tmp_path / "more/train", tmp_path / "data/train")
    for root in ("data", "more"):
        assert len(find_domains(tmp_path / root).splits["train"]) == 6
        assert len(find_unpaired(tmp_path / root).splits["train"]) == 6


def test_a_nas_does_not_add_domains_or_pictures(tmp_path):
    for side in "AB":
        for number in range(3):
            put(tmp_path / f"train/{side}/{number}.png")
            put(tmp_path / f"train/{side}/@eaDir/{number}.png/SYNOPHOTO_THUMB_M.png")
    put(tmp_path / "train/@eaDir/x.png")
    put(tmp_path / "#recycle/x.png")
    assert len(find_pairs(tmp_path).splits["train"]) == 3
    assert len(find_unpaired(tmp_path).splits["train"]) == 6


def test_a_real_folder_goes_before_the_links_to_it(tmp_path):
    picture = put(tmp_path / "z/x.png")
    link(tmp_path / "a", "z")
    link(tmp_path / "m/n", "../z")
    assert find_pictures(tmp_path) == [picture]


def test_a_link_to_a_folder_above_is_a_loop_however_far_above(tmp_path):
    put(tmp_path / "beside/secret.png")
    picture = put(tmp_path / "photos/x.png")
    link(tmp_path / "photos/up", "..")
    link(tmp_path / "photos/top", "/")
    assert find_pictures(tmp_path / "photos") == [picture]
    assert folders_in(tmp_path / "photos") == []
    assert len(survey(tmp_path / "photos").links) == 2


def test_a_dangling_side_is_named_as_the_reason(tmp_path):
    put(tmp_path / "A/0.png")
    link(tmp_path / "B", tmp_path / "unplugged")
    with pytest.raises(DataError, match=r"one folder of pictures \(A\).*B is a link that leads to .*unplugged, which"):
        PairedSource(tmp_path)


def test_of_a_thousand_dangling_links_the_first_are_told_and_the_report_has_all(engine, tmp_path):
    put(tmp_path / "in/a.png")
    for number in range(1000):
        link(tmp_path / f"in/{number:03}.png", "unplugged")
    assert len(check_folder(tmp_path / "in").notes) == 11
    assert check_folder(tmp_path / "in").notes[-1] == "So it is with 990 more."
    report = convert_folder(engine, tmp_path / "in", tmp_path / "out")
    assert len(report.notes) == 1000
    assert len(summary(report, dry_run=False).splitlines()) == 22


def test_a_deep_tree_is_walked_to_its_end(tmp_path):
    path = put(tmp_path.joinpath(*["d"] * 400, "x.png"))
    assert find_pictures(tmp_path) == [path]


# Folders that cannot be opened


@contextlib.contextmanager
def closed(folder: Path) -> Iterator[None]:
    """`folder` without rights, for root too: the thread gives up its right to pass over them."""
    libc, header, sets = ctypes.CDLL(None), (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    libc.capget(header, sets)
    before = sets[0]
    folder.chmod(0)
    try:
        sets[0] &= ~0b110
        libc.capset(header, sets)
        with contextlib.suppress(PermissionError):
            list(folder.iterdir())
            pytest.skip("rights do not count here")
        yield
    finally:
        sets[0] = before
        libc.capset(header, sets)
        folder.chmod(0o700)


def test_a_folder_that_cannot_be_opened_is_a_failure_and_the_rest_is_converted(engine, tmp_path):
    put(tmp_path / "in/a.png")
    put(tmp_path / "in/closed/b.png")
    put(tmp_path / "in/z.png")
    with closed(tmp_path / "in/closed"):
        report = convert_folder(engine, tmp_path / "in", tmp_path / "out")
    assert (report.status, report.counts) == (1, {"written": 2, "failed": 1})
    (failed,) = [file for file in report.files if file.status == "failed"]
    assert failed.source == tmp_path / "in/closed"
    assert failed.error == f"{tmp_path}/in/closed cannot be opened (Permission denied)."
    assert f"failed: {failed.error}" in summary(report, dry_run=False)


def test_a_folder_that_cannot_be_opened_is_a_problem_of_the_data_check(tmp_path):
    for number in range(3):
        put(tmp_path / f"A/{number}.png")
        put(tmp_path / f"B/{number}.png")
    put(tmp_path / "A/closed/b.png")
    with closed(tmp_path / "A/closed"):
        report = check_folder(tmp_path)
        high_res = check_high_res(tmp_path / "A", None, None, 2)
    said = f"{tmp_path}/A/closed cannot be opened (Permission denied)."
    assert report.sections()["Cannot be read"] == [said]
    assert report.corrupt == (("A/closed", said),)
    assert high_res.broken == (said,)


def test_training_refuses_a_folder_that_it_cannot_open_unless_told_to_skip(tmp_path):
    for number in range(3):
        put(tmp_path / f"A/{number}.png")
        put(tmp_path / f"B/{number}.png")
    put(tmp_path / "A/closed/b.png")
    with closed(tmp_path / "A/closed"):
        source = PairedSource(tmp_path)
        with pytest.raises(DataError, match=r"A/closed cannot be opened \(Permission denied\)\. .*skip_broken"):
            source.read(size=4)
        assert (
            f"{tmp_path}/A/closed cannot be opened (Permission denied)." in source.read(size=4, skip_broken=True).notes
        )


def test_a_closed_folder_that_was_named_is_refused_in_a_sentence(engine, tmp_path):
    put(tmp_path / "in/a.png")
    with closed(tmp_path / "in"):
        with pytest.raises(RequestError, match=r"cannot be opened \(Permission denied\)"):
            convert_folder(engine, tmp_path / "in", tmp_path / "out")
        for look in (check_folder, find_pairs, find_unpaired):
            with pytest.raises(DataError, match=r"cannot be opened \(Permission denied\)"):
                look(tmp_path / "in")
    with closed(tmp_path / "in"), pytest.raises(RequestError, match="no picture or folder"):
        convert_folder(engine, tmp_path / "in/sub", tmp_path / "out")
