"""Points and volumes as arrays: what is read, in which order, and what is refused with which way out."""

import re

import numpy as np
import pytest

from i2i.datasets import opened
from i2i.datasets.arrays.source import ArraySource
from i2i.datasets.streams.stream import Order
from i2i.errors import ConfigError, DataError

RNG = np.random.default_rng(0)


def points(path, count=10, high=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = RNG.uniform(-high, high, (count, 2)).astype(np.float32)
    values[0] = high
    np.save(path, values)
    return values


def test_points_come_in_the_order_of_their_file_each_once_an_epoch(tmp_path):
    values = points(tmp_path / "points.npy")
    source = opened("single", tmp_path / "points.npy", holdout=0, seed=5)
    samples, order = source.read(size=1, seed=5).training, Order(10, 5)
    for n in range(25):
        assert samples[n]["image"].shape == (2, 1, 1)
        np.testing.assert_array_equal(samples[n]["image"].ravel(), values[order(n)])
    in_a_folder = opened("single", tmp_path, holdout=0, seed=5).read(size=1, seed=5)
    np.testing.assert_array_equal(in_a_folder.training[7]["image"], samples[7]["image"])
    assert in_a_folder.channels == {"image": 2}


def test_what_is_held_out_is_not_trained_on_and_says_so(tmp_path):
    points(tmp_path / "points.npy", 40)
    source = ArraySource(tmp_path, holdout=0.25)
    ready = source.read(size=1)
    assert source.layout.description == "Points in train (40); 10 of train held out as val."
    assert ready.counts == {"train": 30, "val": 10}
    trained = {ready.training[n]["image"].tobytes() for n in range(30)}
    held_out = {sample["image"].tobytes() for sample in ready.validation[1]}
    assert (len(trained), len(held_out), trained & held_out) == (30, 10, set())


def test_folders_are_classes_below_splits(tmp_path):
    first = points(tmp_path / "train" / "left" / "points.npy", 3)
    points(tmp_path / "train" / "right" / "points.npy", 5)
    points(tmp_path / "val" / "right" / "points.npy", 2)
    points(tmp_path / "val" / "left" / "points.npy", 2)
    source = ArraySource(tmp_path)
    ready = source.read(size=1)
    assert (source.labels, ready.counts, source.held_out) == (("left", "right"), {"train": 8, "val": 4}, [])
    labels = [int(ready.training[n]["label"]) for n in range(8)]
    assert sorted(labels) == [0] * 3 + [1] * 5
    of_left = next(ready.training[n]["image"] for n in range(8) if labels[n] == 0)
    assert of_left.ravel().tolist() in first.tolist()
    assert ArraySource(tmp_path, "right", "left").labels == ("right", "left")


def test_volumes_of_one_file_or_of_many_are_the_same_and_are_averaged_down(tmp_path):
    volumes = RNG.random((5, 8, 8, 8)) < 0.5
    (tmp_path / "many").mkdir()
    for n, volume in enumerate(volumes):
        (np.save if n % 2 else np.savez_compressed)(tmp_path / "many" / f"{n}.np{'yz'[n % 2 == 0]}", volume)
    np.save(tmp_path / "one.npy", volumes.astype(np.float64))
    many, one = (opened("single", tmp_path / name, holdout=0) for name in ("many", "one.npy"))
    assert many.layout.description == "Volumes of 8 voxels a side in train (5)."
    assert (many.shape, many.count, one.count) == ((1, 8, 8, 8), 5, 5)
    for cache_mb in (2048, 0):
        a, b = (source.read(size=4, cache_mb=cache_mb).training for source in (many, one))
        for n in range(5):
            np.testing.assert_allclose(a[n]["image"], b[n]["image"])
    first = volumes[Order(5, 0)(0)].reshape(4, 2, 4, 2, 4, 2).mean((1, 3, 5))
    np.testing.assert_allclose(a[0]["image"], 2 * first[None] - 1)


def test_pictures_come_first_where_both_lie_in_a_folder(tmp_path):
    from PIL import Image

    points(tmp_path / "points.npy")
    for n in range(3):
        Image.new("RGB", (16, 16), (n, 0, 0)).save(tmp_path / f"{n}.png")
    assert opened("single", tmp_path).shape is None


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.full((4, 2), 2.5), "points are trained on within [-1, 1]. Divide them by 2.5: numpy.save('scaled.npy'"),
        (np.array([[np.nan, 0], [0, 0]]), "not all are finite"),
        (np.full((4, 8, 8, 8), 255, np.uint8), "within [0, 1]. Divide them by 255."),
        (np.zeros((60, 28, 28)), "neither points (N, 2) nor volumes: cubes"),
        (np.zeros((4, 2), "<U3"), "not numbers"),
        (np.zeros((1, 2)), "fewer than two samples"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_with_the_way_out(tmp_path, array, said):
    np.save(tmp_path / "samples.npy", array)
    with pytest.raises(DataError, match=re.escape(said)):
        ArraySource(tmp_path).read(size=8)


def test_a_broken_file_is_named_and_may_be_left_out_and_two_arrays_in_a_file_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 8, 8, 8)))
    np.save(tmp_path / "b.npy", np.full((4, 8, 8, 8), 7.0))
    with pytest.raises(DataError, match=r"b\.npy"):
        ArraySource(tmp_path).read(size=8)
    ready = ArraySource(tmp_path, holdout=0).read(size=8, skip_broken=True)
    assert (len(ready.broken), ready.counts["train"]) == (1, 4)
    (tmp_path / "a.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match="cannot be read as an array"):
        ArraySource(tmp_path)
    np.savez(tmp_path / "a.npz", one=np.zeros((4, 2)), other=np.zeros(3))
    with pytest.raises(DataError, match="2 arrays"):
        ArraySource(tmp_path / "a.npz")


def test_what_is_for_pictures_is_refused(tmp_path):
    points(tmp_path / "points.npy")
    with pytest.raises(ConfigError, match="changes pictures, and these are points"):
        ArraySource(tmp_path).read(size=1, augment=("flip",))
    with pytest.raises(ConfigError, match="points have 2"):
        ArraySource(tmp_path).read(size=1, channels={"image": 3})
