"""Every file is looked at before training: what cannot be trained on is named, and the rest is understood."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from i2i.datasets.layouts.paired import find_pairs
from i2i.datasets.streams.cache import PictureCache
from i2i.datasets.streams.loading import ResizePolicy
from i2i.datasets.streams.scan import Scan, scan
from i2i.errors import DataError

RNG = np.random.default_rng(0)


def save(path: Path, shape: tuple[int, ...] = (32, 32, 3), dtype: Any = np.uint8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, np.iinfo(dtype).max, shape).astype(dtype)
    if path.suffix == ".tif":
        tifffile.imwrite(path, pixels, photometric="minisblack", planarconfig="contig")
    else:
        Image.fromarray(pixels).save(path)


def folder(root: Path, count: int = 4) -> Path:
    for number in range(count):
        for side in "AB":
            save(root / side / f"{number}.png")
    return root


def look(root: Path, size: int = 16, **options: Any) -> Scan:
    return scan(find_pairs(root), size=size, **options)


def test_broken_files_are_all_listed_with_their_reasons(tmp_path: Path) -> None:
    folder(tmp_path)
    whole = (tmp_path / "A" / "1.png").read_bytes()
    (tmp_path / "A" / "1.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "B" / "2.png").write_text("no picture")
    with pytest.raises(DataError) as caught:
        look(tmp_path)
    said = str(caught.value)
    assert said.startswith("2 of 4 pairs")
    assert str(tmp_path / "A" / "1.png") in said
    assert str(tmp_path / "B" / "2.png") in said
    assert "skip_broken" in said


def test_broken_pairs_are_left_out_and_told_when_asked(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "A" / "1.png").write_bytes(b"")
    seen = look(tmp_path, skip_broken=True)
    assert [pair.name for pair in seen.splits["train"]] == ["0", "2", "3"]
    assert [bad.item.name for bad in seen.broken] == ["1"]


def test_nothing_left_to_train_on_is_refused_even_when_skipping(tmp_path: Path) -> None:
    folder(tmp_path, 2)
    (tmp_path / "A" / "1.png").write_bytes(b"")
    with pytest.raises(DataError, match="nothing is left"):
        look(tmp_path, skip_broken=True)


def test_sides_of_different_size_are_named(tmp_path: Path) -> None:
    folder(tmp_path)
    save(tmp_path / "B" / "3.png", (32, 48, 3))
    with pytest.raises(DataError, match=r"32x32 and .*3.png is 48x32"):
        look(tmp_path)


def test_a_side_by_side_picture_of_odd_width_has_no_middle(tmp_path: Path) -> None:
    save(tmp_path / "0.png", (32, 64, 3))
    save(tmp_path / "1.png", (32, 65, 3))
    with pytest.raises(DataError, match="65 pixels wide"):
        look(tmp_path)


def test_pictures_smaller_than_the_crop_are_refused_with_the_size_that_fits(tmp_path: Path) -> None:
    folder(tmp_path)
    save(tmp_path / "A" / "2.png", (24, 28, 3))
    save(tmp_path / "B" / "2.png", (24, 28, 3))
    with pytest.raises(DataError, match=r"2 with 28x24.*--size 16"):
        look(tmp_path, size=32)
    assert look(tmp_path, size=16).smallest == (28, 24)


def test_grey_and_rgb_together_are_rgb_and_all_grey_is_grey(tmp_path: Path) -> None:
    folder(tmp_path)
    for number in range(4):
        save(tmp_path / "B" / f"{number}.png", (32, 32))
    save(tmp_path / "A" / "0.png", (32, 32))
    seen = look(tmp_path)
    assert seen.channels == (3, 1)
    assert look(tmp_path, channels=(1, 3)).channels == (1, 3)


def test_bands_and_depth_are_found_and_bands_do_not_mix_with_rgb(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / "A" / f"{number}.tif", (32, 32, 5), np.uint16)
        save(tmp_path / "B" / f"{number}.png")
    seen = look(tmp_path)
    assert seen.channels == (5, 3)
    assert seen.depths == (16, 8)
    with pytest.raises(DataError, match="cannot be read with 3"):
        look(tmp_path, channels=(3, None))
    save(tmp_path / "A" / "3.png")
    save(tmp_path / "B" / "3.png")
    with pytest.raises(DataError, match="different numbers of channels"):
        look(tmp_path)


def test_the_fingerprint_follows_contents_and_names_and_nothing_else(tmp_path: Path) -> None:
    one = look(folder(tmp_path / "one")).fingerprint
    assert look(tmp_path / "one").fingerprint == one
    (tmp_path / "one").rename(tmp_path / "two")
    assert look(tmp_path / "two").fingerprint == one
    for side in "AB":
        (tmp_path / "two" / side / "3.png").rename(tmp_path / "two" / side / "4.png")
    renamed = look(tmp_path / "two").fingerprint
    assert renamed != one
    save(tmp_path / "two" / "A" / "0.png")
    assert look(tmp_path / "two").fingerprint not in (one, renamed)


def test_a_scan_fills_the_cache_so_that_files_are_decoded_once(tmp_path: Path) -> None:
    folder(tmp_path)
    cache = PictureCache(ResizePolicy(20))
    seen = look(tmp_path, cache=cache)
    for path in tmp_path.rglob("*.png"):
        path.unlink()
    for pair in seen.splits["train"]:
        a, b = cache.read(pair)
        assert a.shape == b.shape == (20, 20, 3)


def test_progress_counts_every_pair(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    look(folder(tmp_path), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
