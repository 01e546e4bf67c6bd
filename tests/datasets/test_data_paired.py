"""Sample n is a function of (seed, n) alone, one draw serves both sides, and files keep their depth."""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from i2i.datasets import DATASETS
from i2i.datasets.layouts.holdout import hold_out
from i2i.datasets.layouts.items import Pair
from i2i.datasets.layouts.paired import find_pairs
from i2i.datasets.streams.augment import AUGMENTATIONS
from i2i.datasets.streams.cache import PictureCache
from i2i.datasets.streams.loading import load_pair, resize
from i2i.datasets.streams.paired import PairedPictures
from i2i.datasets.streams.scan import scan
from i2i.datasets.streams.stream import fit_for
from i2i.errors import ConfigError, DataError, UnknownNameError

ALL = [name for name in AUGMENTATIONS if name != "crop"]


@pytest.fixture
def pairs(tmp_path: Path) -> tuple[Pair, ...]:
    """Seven pairs of noise whose side B is the same picture as A, so that equal draws show."""
    rng = np.random.default_rng(1)
    for number in range(7):
        pixels = rng.integers(0, 256, (48, 48, 3), np.uint8)
        for side in "AB":
            (tmp_path / side).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / side / f"{number}.png")
    return find_pairs(tmp_path).splits["train"]


@contextlib.contextmanager
def often_switched() -> Iterator[None]:
    """Threads change places nearly at every step, so that what they share by mistake is hit."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(np.array_equal(one[side], other[side]) for side in "ab")


def test_a_sample_has_the_promised_shape_range_and_layout(pairs: tuple[Pair, ...]) -> None:
    root = pairs[0].a.parent.parent
    for name, kind in DATASETS.items():
        source = kind(root)
        channels = dict(zip(source.keys, (3, 1), strict=False))
        sample = source.read(size=32, channels=channels).training[5]
        for key, count in channels.items():
            side = 32 // getattr(source, "scale", 1) if key == "a" else 32
            array = sample[key]
            assert (array.shape, array.dtype) == ((count, side, side), np.float32), name
            assert array.flags.c_contiguous
            assert -1 <= array.min() < array.max() <= 1
        last = sample[source.keys[-1]]
        assert last.min() < -0.5
        assert last.max() > 0.5


def test_each_epoch_shows_every_pair_once_in_its_own_order(pairs: tuple[Pair, ...]) -> None:
    pictures = PairedPictures(pairs, size=32, seed=4)
    orders = [[pictures.index(epoch * 7 + place) for place in range(7)] for epoch in range(6)]
    assert all(sorted(order) == list(range(7)) for order in orders)
    assert len({tuple(order) for order in orders}) > 3
    again = PairedPictures(pairs, size=32, seed=4)
    assert [again.index(draw) for draw in reversed(range(42))] == [i for o in orders for i in o][::-1]
    other = PairedPictures(pairs, size=32, seed=5)
    assert [other.index(draw) for draw in range(42)] != [i for order in orders for i in order]


def test_a_sample_is_the_same_in_any_order_and_thread(pairs: tuple[Pair, ...]) -> None:
    wanted = [PairedPictures(pairs, size=32, seed=2, augment=ALL)[draw] for draw in range(30)]
    pictures = PairedPictures(pairs, size=32, seed=2, augment=ALL)
    draws = np.random.default_rng(0).permutation(np.repeat(np.arange(30), 10))
    with often_switched(), ThreadPoolExecutor(8) as executor:
        for draw, sample in zip(draws, executor.map(lambda n: pictures[int(n)], draws), strict=True):
            assert same(sample, wanted[draw])
    assert not same(PairedPictures(pairs, size=32, seed=3, augment=ALL)[0], wanted[0])


def _samples(pictures: PairedPictures, draws: list[int], answer: Any) -> None:
    answer.put([pictures[draw] for draw in draws])


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_a_sample_is_the_same_in_worker_processes(pairs: tuple[Pair, ...], start: str) -> None:
    if start not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {start} on this system")
    pictures = PairedPictures(pairs, size=32, seed=2, augment=ALL)
    wanted = [pictures[draw] for draw in (0, 9, 25)]
    context = multiprocessing.get_context(start)
    answer = context.Queue()
    worker = context.Process(target=_samples, args=(pictures, [0, 9, 25], answer), daemon=True)
    worker.start()
    try:
        got = answer.get(timeout=60)
    finally:
        worker.join(10)
        if worker.is_alive():
            worker.terminate()
    assert all(same(one, other) for one, other in zip(got, wanted, strict=True))


def test_one_draw_serves_both_sides(pairs: tuple[Pair, ...]) -> None:
    pictures = PairedPictures(pairs, size=32, augment=("jitter", "flip", "vertical_flip", "rotate90"))
    for draw in range(20):
        sample = pictures[draw]
        assert np.array_equal(sample["a"], sample["b"])


def test_flips_and_crops_are_drawn_independently(pairs: tuple[Pair, ...]) -> None:
    pictures = PairedPictures(pairs, size=48, augment=("none", "flip", "vertical_flip"))
    seen = set()
    for draw in range(60):
        sample = pictures[draw]["a"]
        plain = pictures.center_sample(pictures.index(draw))["a"]
        views = [plain, plain[:, :, ::-1], plain[:, ::-1], plain[:, ::-1, ::-1]]
        seen |= {number for number, view in enumerate(views) if np.array_equal(sample, view)}
    assert seen == {0, 1, 2, 3}


def test_colour_changes_the_input_side_alone(pairs: tuple[Pair, ...]) -> None:
    for channels in (1, 3):
        pictures = PairedPictures(pairs, size=48, augment=("none", "colour"), channels=(channels, channels))
        changed = 0
        for draw in range(10):
            sample, plain = pictures[draw], pictures.center_sample(pictures.index(draw))
            assert np.array_equal(sample["b"], plain["b"])
            changed += not np.array_equal(sample["a"], plain["a"])
        assert changed >= 5


def test_jitter_is_the_papers_resize_and_crop(tmp_path: Path) -> None:
    ramp = np.repeat(np.linspace(0, 255, 256).astype(np.uint8)[None], 256, 0)
    for number in range(2):
        Image.fromarray(np.concatenate([ramp, ramp], 1)).save(tmp_path / f"{number}.png")
    pictures = PairedPictures(find_pairs(tmp_path).splits["train"], size=256, channels=(1, 1), augment=("jitter",))
    starts = set()
    for draw in range(40):
        row = (pictures[draw]["a"][0, 0] + 1) / 2
        assert (row[-1] - row[0]) == pytest.approx(255 / 285, abs=0.02)
        starts.add(round(float(row[0]) * 285))
    assert min(starts) <= 4
    assert max(starts) >= 26


def test_pictures_that_are_not_square_keep_their_proportions_unless_stretched(tmp_path: Path) -> None:
    wide = np.zeros((40, 80, 3), np.uint8)
    wide[10:30, 32:52] = 255  # a square
    for number in range(2):
        for side in "AB":
            (tmp_path / side).mkdir(exist_ok=True)
            Image.fromarray(wide).save(tmp_path / side / f"{number}.png")
    pairs = find_pairs(tmp_path).splits["train"]
    kept = PairedPictures(pairs, size=20).center_sample(0)["a"][0] > 0
    assert (kept.any(0).sum(), kept.any(1).sum()) == (10, 10)
    stretched = PairedPictures(pairs, size=20, stretch=True).center_sample(0)["a"][0] > 0
    assert (stretched.any(0).sum(), stretched.any(1).sum()) == (5, 10)


def test_native_crops_show_the_files_own_pixels(pairs: tuple[Pair, ...]) -> None:
    pictures = PairedPictures(pairs, size=16, augment=("crop",))
    places = set()
    for draw in range(8):
        crop = np.rint((pictures[draw]["a"].transpose(1, 2, 0) + 1) * 127.5).astype(np.uint8)
        whole = pictures.whole(pictures.index(draw))["a"]
        windows = np.lib.stride_tricks.sliding_window_view(whole, (16, 16, 3))[:, :, 0]
        found = np.argwhere((windows == crop).all((2, 3, 4)))
        assert len(found) == 1
        places.add(tuple(found[0]))
    assert len(places) > 4


def test_swap_turns_the_direction_round(tmp_path: Path) -> None:
    left, right = np.full((32, 32, 3), 10, np.uint8), np.full((32, 32, 3), 240, np.uint8)
    for number in range(2):
        Image.fromarray(np.concatenate([left, right], 1)).save(tmp_path / f"{number}.png")
    pairs = find_pairs(tmp_path).splits["train"]
    plain = PairedPictures(pairs, size=32)
    turned = PairedPictures(pairs, size=32, swap=True, channels=(1, 3))
    for show in (plain.__getitem__, plain.center_sample):
        assert show(0)["a"].mean() < 0 < show(0)["b"].mean()
    for show in (turned.__getitem__, turned.center_sample):
        assert show(0)["b"].mean() < 0 < show(0)["a"].mean()
        assert show(0)["a"].shape == (1, 32, 32)
    assert turned.whole(0)["a"].min() == 240
    assert load_pair(pairs[0], (3, 3), swap=True)[1].max() == 10


@pytest.mark.parametrize(("dtype", "top"), [(np.uint16, 65535), (np.float32, 1.0)])
def test_deep_and_many_band_pictures_train_without_loss(tmp_path: Path, dtype: Any, top: float) -> None:
    rng = np.random.default_rng(0)
    made = []
    for number in range(2):
        values = (rng.random((32, 32, 6)) * top).astype(dtype)
        made.append(values)
        for side in "AB":
            (tmp_path / side).mkdir(exist_ok=True)
            path = tmp_path / side / f"{number}.tif"
            tifffile.imwrite(path, values, photometric="minisblack", planarconfig="contig")
    pairs = find_pairs(tmp_path).splits["train"]
    pictures = PairedPictures(pairs, size=32, channels=(6, 6), augment=("none", "noise", "colour"))
    sample = pictures[0]
    original = made[pictures.index(0)].astype(np.float64) / top
    assert np.abs((sample["b"].transpose(1, 2, 0) + 1) / 2 - original).max() < 1e-6
    assert sample["a"].shape == (6, 32, 32)
    assert pictures.whole(1)["a"].dtype == dtype
    every = tuple(name for name in ALL if name not in ("none",))
    deep = PairedPictures(pairs, size=16, channels=(6, 6), augment=every)[3]
    assert deep["a"].min() >= -1
    assert deep["a"].max() <= 1


def test_nearest_keeps_label_maps_pure(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).choice(np.array([0, 100, 200], np.uint8), (8, 8)).repeat(5, 0).repeat(5, 1)
    for number in range(2):
        Image.fromarray(np.concatenate([labels, labels], 1)).save(tmp_path / f"{number}.png")
    pairs = find_pairs(tmp_path).splits["train"]
    pure = PairedPictures(pairs, size=40, channels=(1, 1), interpolation="nearest")[0]["a"]
    assert set(np.rint((pure.ravel() + 1) * 127.5)) <= {0, 100, 200}
    smooth = PairedPictures(pairs, size=40, channels=(1, 1))[0]["a"]
    assert len(np.unique(smooth)) > 10


def test_shrinking_averages_instead_of_skipping_pixels() -> None:
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, 2)
    for pixels in (board, (board / 255).astype(np.float32), board.astype(np.uint16) * 257):
        small = resize(pixels, 16, 16)[4:12, 4:12].astype(np.float64)
        assert small.dtype == np.float64
        assert np.ptp(small) / pixels.max() < 0.1


def test_the_cache_keeps_to_its_budget_and_changes_nothing(pairs: tuple[Pair, ...]) -> None:
    with_cache = PairedPictures(pairs, size=32, augment=("jitter", "flip"))
    without = PairedPictures(pairs, size=32, augment=("jitter", "flip"), cache_mb=0)
    one = 36 * 36 * 3 * 2
    some = PairedPictures(pairs, size=32, augment=("jitter", "flip"), cache_mb=3.5 * one / 2**20)
    with_cache.preload()
    some.preload()
    assert with_cache.cached
    assert not some.cached
    assert len(some.cache) == 3
    assert some.cache.used <= some.cache.budget
    for draw in range(14):
        assert same(with_cache[draw], without[draw])
        assert same(some[draw], without[draw])
    assert len(without.cache) == 0
    for pair in pairs:
        pair.a.unlink()
    assert with_cache[3]["a"].shape == (3, 32, 32)


def test_a_pickled_copy_leaves_the_pictures_behind(pairs: tuple[Pair, ...]) -> None:
    pictures = PairedPictures(pairs, size=32)
    pictures.preload()
    sent = pickle.dumps(pictures)
    assert len(sent) < 8000
    assert same(pickle.loads(sent)[4], pictures[4])


def test_names_that_are_in_no_table_are_refused_with_a_guess(pairs: tuple[Pair, ...]) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'flip'"):
        PairedPictures(pairs, size=32, augment=("flop",))
    with pytest.raises(UnknownNameError, match="bicubic"):
        PairedPictures(pairs, size=32, interpolation="bicubik")
    with pytest.raises(ConfigError, match="exclude"):
        PairedPictures(pairs, size=32, augment=("jitter", "crop"))
    with pytest.raises(DataError, match="no pairs"):
        PairedPictures((), size=32)


def test_a_scan_fills_the_cache_and_another_fit_is_not_mistaken_for_it(tmp_path: Path, pairs: tuple[Pair, ...]) -> None:
    layout = hold_out(find_pairs(tmp_path), 0.3)
    cache = PictureCache(fit_for(32, ("jitter",)))
    seen = scan(layout, size=32, cache=cache)
    train = PairedPictures(seen.splits["train"], size=32, augment=("jitter",), cache=cache)
    assert train.cached
    assert len(train) == len(cache) == 5
    plain = PairedPictures(seen.splits["train"], size=32, augment=("jitter",), cache_mb=0)
    assert all(same(train[draw], plain[draw]) for draw in range(5))
    with pytest.raises(ValueError, match="cache was filled"):
        PairedPictures(seen.splits["train"], size=32, augment=("none",), cache=cache)


def test_real_facades_train_from_labels_to_photographs(real_data: Path) -> None:
    pairs = find_pairs(real_data / "facades").splits["val"]
    pictures = PairedPictures(pairs, size=128, swap=True)
    labels, photo = pictures.center_sample(0)["a"], pictures.center_sample(0)["b"]
    assert len(np.unique(labels.reshape(3, -1), axis=1).T) < len(np.unique(photo.reshape(3, -1), axis=1).T)
    whole = pictures.whole(0)
    assert whole["a"].shape == whole["b"].shape == (256, 256, 3)
