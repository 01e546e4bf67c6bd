"""Points and volumes as arrays: what is read, in which order, and what is refused with which way out."""

import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from i2i.datasets import opened
from i2i.datasets.arrays.files import holds_arrays
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


def test_beside_pictures_arrays_are_refused_if_they_are_samples_and_left_alone_if_not(tmp_path):
    for n in range(3):
        Image.new("RGB", (16, 16), (n, 0, 0)).save(tmp_path / f"{n}.png")
    np.savez(tmp_path / "statistics.npz", mean=np.zeros(2048), deviation=np.zeros(2048))
    np.save(tmp_path / "labels.npy", np.zeros(3))
    assert opened("single", tmp_path).shape is None
    (tmp_path / "volumes").mkdir()
    np.save(tmp_path / "volumes" / "chair.npy", np.zeros((8, 8, 8)))
    with pytest.raises(DataError, match=r"pictures \(0\.png\) and arrays of points or volumes \(chair\.npy\)"):
        opened("single", tmp_path)


def test_a_class_may_lack_in_test_and_names_say_the_class(tmp_path):
    for name, count in {"train/cat": 3, "train/dog": 3, "train/eel": 3, "test/cat": 2, "test/dog": 2}.items():
        points(tmp_path / name / "points.npy", count)
    source = ArraySource(tmp_path)
    assert source.labels == ("cat", "dog", "eel")
    names, samples = source.read(size=1).validation
    assert names == ["cat/points/000000", "cat/points/000001", "dog/points/000000", "dog/points/000001"]
    assert [int(sample["label"]) for sample in samples] == [0, 0, 1, 1]
    held_out = ArraySource(tmp_path / "train", holdout=0.5).held_out
    assert len(set(held_out)) == len(held_out) == 4
    points(tmp_path / "test" / "yak" / "points.npy", 2)
    with pytest.raises(DataError, match="test holds yak, which .*train lacks"):
        ArraySource(tmp_path)
    assert ArraySource(tmp_path, "eel", "cat").read(size=1).counts == {"train": 6, "val": 2, "test": 2}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            ("train/cat/a", "train/dog/a", "val/a"),
            "train holds a folder for each class and .*val has its arrays without",
        ),
        (("train/a", "val/cat/a", "val/dog/a"), "val holds a folder for each class and .*train has its arrays without"),
        (("train/a", "a"), "holds train and besides arrays of its own"),
        (("train/a", "cat/a"), "holds train and besides arrays in cat"),
        (("train/a", "val/a", "valid/a"), "val and valid, which mean the same"),
        (("cat/a", "dog/a", "a"), "not clear whether the folders are classes"),
        (("cat/a", "dog/small/a"), "dog is the folder of a class and holds folders of arrays itself .small"),
    ],
)
def test_no_array_is_left_out_without_a_word(tmp_path, files, said):
    for name in files:
        points(tmp_path / f"{name}.npy")
    with pytest.raises(DataError, match=said):
        ArraySource(tmp_path)


def damaged(path, change):
    np.savez_compressed(path, np.random.default_rng(0).random((4, 8, 8, 8)))
    with zipfile.ZipFile(path) as archive:
        whole = archive.read("arr_0.npy")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(*change(whole))


@pytest.mark.parametrize(
    "change",
    [
        lambda _: ("readme.txt", b"no array"),
        lambda whole: ("arr_0.npy", whole.replace(b"(4, 8, 8, 8)", b"(4, 8, 8, 8 ")),
        lambda whole: ("arr_0.npy", whole.replace(b"(4, 8, 8, 8)", b"(8888888888)")),
        lambda whole: ("arr_0.npy", whole[:60]),
        lambda whole: ("arr_0.npy", whole[:-60]),
        lambda _: ("arr_0.npy", b""),
    ],
)
def test_a_damaged_archive_is_named_and_may_be_left_out(tmp_path, change):
    damaged(tmp_path / "bad.npz", change)
    np.save(tmp_path / "good.npy", np.zeros((4, 8, 8, 8)))
    with pytest.raises(DataError, match=r"bad\.npz cannot be read as an array of numbers \(.+\)\. Save it again"):
        ArraySource(tmp_path).read(size=8)
    assert len(ArraySource(tmp_path, holdout=0).read(size=8, skip_broken=True).broken) == 1


def test_flipped_bytes_of_an_archive_and_pickled_objects_are_refused_in_a_sentence(tmp_path):
    np.savez_compressed(tmp_path / "bad.npz", np.random.default_rng(0).random((4, 8, 8, 8)))
    whole = bytearray((tmp_path / "bad.npz").read_bytes())
    whole[2000:2100] = bytes(100)
    (tmp_path / "bad.npz").write_bytes(whole)
    with pytest.raises(DataError, match=r"bad\.npz cannot be read"):
        ArraySource(tmp_path / "bad.npz").read(size=8)
    np.save(tmp_path / "objects.npy", np.array([None, 1]), allow_pickle=True)
    with pytest.raises(DataError, match="holds object, not numbers") as caught:
        ArraySource(tmp_path / "objects.npy")
    assert "allow_pickle" not in str(caught.value)


def test_an_archive_of_many_samples_that_memory_has_no_room_for_is_not_unpacked_for_each(tmp_path):
    np.savez_compressed(tmp_path / "many.npz", np.zeros((40, 16, 16, 16)))
    source = ArraySource(tmp_path / "many.npz")
    with pytest.raises(DataError, match=r"numpy\.save\('many\.npy', numpy\.load\('many\.npz'\)\['arr_0'\]\)"):
        source.read(size=16, cache_mb=1, skip_broken=True)
    np.save(tmp_path / "other.npy", np.zeros((40, 16, 16, 16)))
    assert ArraySource(tmp_path).read(size=16, cache_mb=2).counts["train"] == 76  # what may stay on the disk waits


@pytest.mark.parametrize(
    "array",
    [
        RNG.uniform(-2.9912345678, 2.9912345678, (50, 2)),
        np.where(RNG.random((6, 4, 4, 4)) < 0.01, np.nan, 0.5),
        RNG.random((5, 4, 4, 4), np.float32) * 7.7777777,
    ],
)
@pytest.mark.parametrize("save", [np.save, np.savez])
def test_the_way_out_works_as_it_is_pasted(tmp_path, monkeypatch, array, save):
    monkeypatch.chdir(tmp_path)
    array[0].flat[0] = np.nan if np.isnan(array).any() else array.max() * 1.0000001
    save(f"samples.np{'yz'[save is np.savez]}", array)
    (path,) = tmp_path.iterdir()
    with pytest.raises(DataError) as caught:
        ArraySource(path).read(size=4)
    (line,) = re.findall(r"(?:them by [^ ]+|samples out): (.*)\.$", str(caught.value))
    exec(line, {"numpy": np})
    (mended,) = (one for one in tmp_path.iterdir() if one != path)
    assert ArraySource(mended).read(size=4).counts["train"] > 1


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.full((4, 2), 2.5), "points are trained on within [-1, 1]. Divide them by 2.5: numpy.save('scaled.npy'"),
        (np.array([[np.nan, 0], [0, 0]]), "of its samples 1 of 2 hold nan or infinity"),
        (np.full((4, 8, 8, 8), 255, np.uint8), "within [0, 1]. Divide them by 255: numpy.save("),
        (np.zeros((60, 28, 28)), "neither points (N, 2) nor volumes: cubes"),
        (np.zeros((4, 2), "<U3"), "not numbers"),
        (np.zeros((1, 2)), "fewer than two samples"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_with_the_way_out(tmp_path, array, said):
    np.save(tmp_path / "samples.npy", array)
    with pytest.raises(DataError, match=re.escape(said)):
        ArraySource(tmp_path).read(size=8)


def test_a_folder_that_cannot_be_read_is_said_so(tmp_path, monkeypatch):
    def refuse(_folder):
        raise PermissionError(13, "Permission denied")

    np.save(tmp_path / "samples.npy", np.zeros((4, 2)))
    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
    with pytest.raises(DataError, match="cannot be read: Permission denied"):
        holds_arrays(tmp_path)


def test_a_broken_file_is_named_and_may_be_left_out_and_two_arrays_in_a_file_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 8, 8, 8)))
    np.save(tmp_path / "b.npy", np.full((4, 8, 8, 8), 7.0))
    with pytest.raises(DataError, match=r"b\.npy"):
        ArraySource(tmp_path).read(size=8)
    ready = ArraySource(tmp_path, holdout=0).read(size=8, skip_broken=True)
    assert (len(ready.broken), ready.counts["train"]) == (1, 4)
    (tmp_path / "a.npy").write_bytes(b"no array")
    np.save(tmp_path / "b.npy", np.zeros((5, 8, 8, 8)))
    with pytest.raises(DataError, match="cannot be read as an array"):
        ArraySource(tmp_path).read(size=8)
    ready = ArraySource(tmp_path, holdout=0).read(size=8, skip_broken=True)
    assert ([one.item.files[0].name for one in ready.broken], ready.counts["train"]) == (["a.npy"], 5)
    np.savez(tmp_path / "a.npz", one=np.zeros((4, 2)), other=np.zeros(3))
    with pytest.raises(DataError, match="2 arrays"):
        ArraySource(tmp_path / "a.npz")


def test_what_is_for_pictures_is_refused(tmp_path):
    points(tmp_path / "points.npy")
    with pytest.raises(ConfigError, match="changes pictures, and these are points"):
        ArraySource(tmp_path).read(size=1, augment=("flip",))
    with pytest.raises(ConfigError, match="points have 2"):
        ArraySource(tmp_path).read(size=1, channels={"image": 3})
