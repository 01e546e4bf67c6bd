"""Data for super-resolution: MATLAB's reduction, what a folder is taken for, aligned crops that are functions of (seed, n)."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from i2i.datasets import DATASETS
from i2i.datasets.streams.augment import AUGMENTATIONS
from i2i.datasets.streams.imresize import cubic, imresize, taps
from i2i.datasets.streams.loading import ResizePolicy
from i2i.datasets.streams.superres import SuperResPictures, SuperResSource
from i2i.datasets.streams.superres_cache import MARGIN, SuperResCache, margin
from i2i.errors import ConfigError, DataError, PictureError
from i2i.evaluation.metrics import psnr_y
from i2i.images.decode import read_picture


def picture(seed, height=64, width=80, channels=3, dtype=np.uint8):
    """Smooth enough that reduced pictures say where they lie."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 80
    waves = [0.5 + 0.4 * np.sin(7 * (a * x + b * y) + c) for a, b, c in rng.uniform(1, 4, (channels, 3))]
    top = np.iinfo(dtype).max
    return np.asarray(np.stack(waves, -1) * top, dtype)


def save(path: Path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(path)


def hr_folder(root: Path, count=6, **sizes):
    for n in range(count):
        save(root / f"{n}.png", picture(n, **sizes))
    return root


def to_pixels(tensor):
    return np.rint((tensor.transpose(1, 2, 0) + 1) * 127.5).astype(np.uint8)


# MATLAB's imresize


def test_the_kernel_is_keys_cubic_with_a_of_one_half():
    assert cubic(np.array([0, 0.5, 1, 1.5, 2, 2.5])).tolist() == [1, 0.5625, 0, -0.0625, 0, 0]


def test_reduction_stretches_the_kernel_and_normalises_it_per_pixel():
    index, weight = taps(16, 0.5)
    assert weight.sum(1) == pytest.approx(1)
    assert index[3].tolist() == [3, 4, 5, 6, 7, 8, 9, 10]
    by_hand = cubic((np.arange(8) - 3.5) / 2)
    assert weight[3] == pytest.approx(by_hand / by_hand.sum())


def test_borders_go_on_as_their_border_pixel():
    index, _ = taps(8, 0.5)
    assert index[0].tolist() == [0, 0, 0, 0, 1, 2, 3, 4]


@pytest.mark.parametrize("scale", [1 / 4, 1 / 3, 1 / 2, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_constant_stays_constant_and_keeps_its_type(scale, dtype):
    pixels = np.full((24, 36, 3), 7, dtype)
    out = imresize(pixels, scale)
    assert out.dtype == dtype
    assert out.shape == (round(24 * scale), round(36 * scale), 3)
    np.testing.assert_allclose(out, 7, atol=1e-5)


def test_enlarging_a_ramp_keeps_its_slope_and_its_place():
    ramp = np.tile(np.arange(12, dtype=np.float32)[None, :, None], (12, 1, 1))
    out = imresize(ramp, 2)
    np.testing.assert_allclose(out[6, 4:-4, 0], (np.arange(24) + 0.5)[4:-4] / 2 - 0.5, atol=1e-5)


@pytest.mark.parametrize("scale", [0, -1, float("nan")])
def test_a_scale_that_is_none_is_refused(scale):
    with pytest.raises(ValueError, match="cannot be resized"):
        imresize(picture(0), scale)


@pytest.mark.parametrize(("which", "scale"), [("Set5", 2), ("Set5", 4), ("Set14", 4)])
def test_matlabs_own_small_pictures_are_reproduced(which, scale, real_data):
    folder = real_data / "superres" / which
    originals = sorted(p for p in (folder / "original").iterdir() if p.suffix == ".png")
    small = sorted((folder / f"x{scale}" / "LR").iterdir())
    assert len(originals) == len(small) >= 5
    for original, given in zip(originals, small, strict=True):
        whole, wanted = read_picture(original).pixels, read_picture(given).pixels
        height, width = (length // scale * scale for length in whole.shape[:2])
        made = imresize(whole[:height, :width], 1 / scale)
        if made.shape[2] != wanted.shape[2]:  # a grey original whose small one was saved as RGB
            wanted = wanted[..., :1]
        np.testing.assert_array_equal(made, wanted, original.name)


@pytest.mark.parametrize(("which", "scale", "published"), [("Set5", 2, 33.66), ("Set5", 4, 28.42), ("Set14", 4, 26.00)])
def test_the_bicubic_line_is_the_published_one(which, scale, published, real_data):
    found = []
    for path in sorted((real_data / "superres" / which / "original").glob("*.png")):
        truth = read_picture(path).pixels
        truth = truth[: truth.shape[0] // scale * scale, : truth.shape[1] // scale * scale]
        enlarged = imresize(imresize(truth, 1 / scale), scale)
        found.append(psnr_y(np.float32(enlarged) / 255, np.float32(truth) / 255, scale))
    assert np.mean(found) == pytest.approx(published, abs=0.1)


# What a folder is taken for


def test_a_folder_of_hr_pictures_is_made_small_and_says_so(tmp_path):
    hr_folder(tmp_path / "photos" / "some")
    hr_folder(tmp_path / "photos" / "others")
    source = SuperResSource(tmp_path / "photos", scale=2, holdout=0)
    assert "HR pictures in train (12)" in source.layout.description
    assert "2 times smaller" in source.layout.description
    assert source.count == 12


def test_splits_above_hr_pictures_are_found(tmp_path):
    for split, count in (("train", 4), ("val", 2), ("test", 3)):
        hr_folder(tmp_path / split, count)
    source = SuperResSource(tmp_path, scale=4)
    assert {k: len(v) for k, v in source.layout.splits.items()} == {"train": 4, "val": 2, "test": 3}


LR_HR = [("LR", "HR", "{}", "{}"), ("low", "high", "{}", "{}"), ("LR_bicubic_X2", "HR", "{}x2", "{}"),
         ("lr_x2", "gt", "{}_LR", "{}_HR"), ("input", "target", "{}", "{}")]  # fmt: skip


@pytest.mark.parametrize(("low", "high", "low_name", "high_name"), LR_HR)
@pytest.mark.parametrize("split", ["", "train/"])
def test_folders_of_low_and_high_resolution_are_matched_by_name(low, high, low_name, high_name, split, tmp_path):
    for n in range(4):
        truth = picture(n)
        save(tmp_path / split / high / f"{high_name.format(f'000{n}')}.png", truth)
        save(tmp_path / split / low / f"{low_name.format(f'000{n}')}.png", 255 - imresize(truth, 0.5))
    source = SuperResSource(tmp_path, scale=2, holdout=0)
    assert source.count == 4
    stream = source.read(size=32, augment=()).training
    whole = stream.whole(0)
    assert whole["a"].shape == (32, 40, 3)
    np.testing.assert_array_equal(whole["a"], 255 - imresize(whole["b"], 0.5))  # the file's, and not made


def test_of_several_small_sizes_that_of_the_scale_is_taken(tmp_path):
    for n in range(3):
        save(tmp_path / "HR" / f"{n}.png", picture(n))
        for scale in (2, 4):
            save(tmp_path / f"LR_x{scale}" / f"{n}.png", imresize(picture(n), 1 / scale))
    for scale in (2, 4):
        source = SuperResSource(tmp_path, scale=scale, holdout=0)
        assert source.layout.names[0] == f"LR_x{scale}"
        source.read(size=32)


def test_of_a_test_set_with_small_sizes_beside_the_originals_those_are_taken(tmp_path):
    """Set5 as it is passed around: original/, x2/LR/, x4/LR/. Folders that say nothing of sizes all count."""
    hr_folder(tmp_path / "set" / "original", 5)
    for scale in (2, 4):
        hr_folder(tmp_path / "set" / f"x{scale}" / "LR", 5)
    source = SuperResSource(tmp_path / "set", scale=4, holdout=0)
    assert source.count == 5
    assert "HR pictures of 'original' in train (5)" in source.layout.description
    hr_folder(tmp_path / "photos" / "original", 2)
    hr_folder(tmp_path / "photos" / "holidays", 3)
    assert SuperResSource(tmp_path / "photos", scale=4, holdout=0).count == 5


def test_two_folders_can_be_named(tmp_path):
    for n in range(3):
        save(tmp_path / "phone" / f"{n}.png", imresize(picture(n), 0.5))
        save(tmp_path / "camera" / f"{n}.png", picture(n))
    source = SuperResSource(tmp_path, "phone", "camera", scale=2, holdout=0)
    assert source.layout.names == ("phone", "camera")
    source.read(size=32)


def published(root: Path, name: str, splits=("train_", "valid_"), scales=(2, 4), count=3):
    """A set as DIV2K and Flickr2K are unpacked; the small pictures are negatives, to tell them from made ones."""
    for number, split in enumerate(splits):
        for n in range(count - number):
            truth = picture(10 * number + n)
            save(root / f"{name}_{split}HR" / f"{n:04}.png", truth)
            for scale in scales:
                small = 255 - imresize(truth, 1 / scale)
                save(root / f"{name}_{split}LR_bicubic" / f"X{scale}" / f"{n:04}x{scale}.png", small)
    return root


def files_of(layout):
    return {
        split: [tuple(str(path.relative_to(layout.root)) for path in item.files) for item in items]
        for split, items in layout.splits.items()
    }


def test_div2k_as_it_is_published_is_pairs_of_the_scale_with_a_split_that_validates(tmp_path):
    published(tmp_path, "DIV2K")
    save(tmp_path / "DIV2K_test_LR_bicubic" / "X4" / "0901x4.png", picture(0))  # its truths never were published
    for scale in (2, 4):
        source = SuperResSource(tmp_path, scale=scale)
        low = f"DIV2K_{{}}_LR_bicubic/X{scale}/{{}}x{scale}.png"
        assert files_of(source.layout) == {
            "train": [(low.format("train", n), f"DIV2K_train_HR/{n}.png") for n in ("0000", "0001", "0002")],
            "val": [(low.format("valid", n), f"DIV2K_valid_HR/{n}.png") for n in ("0000", "0001")],
        }
        assert source.layout.names == (f"DIV2K_train_LR_bicubic/X{scale}", "DIV2K_train_HR")
        assert "in train (3) and val (2)" in source.layout.description
        whole = source.read(size=32).training.whole(0)
        np.testing.assert_array_equal(whole["a"], 255 - imresize(whole["b"], 1 / scale))


@pytest.mark.parametrize("low", ["Flickr2K_LR_bicubic", "LR_bicubic"])
def test_a_published_set_without_splits_is_pairs_in_train(low, tmp_path):
    published(tmp_path, "Flickr2K", [""])
    (tmp_path / "Flickr2K_LR_bicubic").rename(tmp_path / low)
    source = SuperResSource(tmp_path, scale=4, holdout=0)
    assert [len(item.files) for item in source.layout.splits["train"]] == [2, 2, 2]
    assert source.layout.names == (f"{low}/X4", "Flickr2K_HR")


def test_a_pipeline_takes_the_hr_pictures_of_a_published_set_alone(tmp_path):
    published(tmp_path, "DIV2K")
    layout = SuperResSource(tmp_path, scale=4, pipeline=True).layout
    assert {split: len(items) for split, items in layout.splits.items()} == {"train": 3, "val": 2}
    assert all("_HR/" in file for files in files_of(layout).values() for (file,) in files)


def test_published_hr_pictures_alone_are_made_small(tmp_path):
    published(tmp_path / "both", "DIV2K", scales=())
    layout = SuperResSource(tmp_path / "both", scale=4).layout
    assert layout.description.startswith("HR pictures of 'DIV2K_train_HR' and 'DIV2K_valid_HR' in train (3) and val")
    assert SuperResSource(tmp_path / "both" / "DIV2K_train_HR", scale=4, holdout=0).count == 3
    published(tmp_path / "other", "DIV2K")
    layout = SuperResSource(tmp_path / "other", scale=3).layout
    assert "HR' in train (3) and val (2); the inputs are made 3 times smaller" in layout.description
    published(tmp_path / "more", "DIV2K", scales=())
    hr_folder(tmp_path / "more" / "others", 4)
    assert SuperResSource(tmp_path / "more", scale=4, holdout=0).count == 9


@pytest.mark.parametrize("split", ["", "train"])
def test_folders_of_a_published_set_can_be_named_by_their_path(split, tmp_path):
    published(tmp_path / split, "DIV2K", ["train_"])
    names = "DIV2K_train_LR_bicubic/X4", "DIV2K_train_HR"
    layout = SuperResSource(tmp_path, *names, scale=4, holdout=0).layout
    assert layout.names == names
    assert [item.name for item in layout.splits["train"]] == ["0000", "0001", "0002"]
    assert SuperResSource(tmp_path, None, names[1], scale=4, holdout=0).count == 3
    for wrong in ("DIV2K_train_LR_bicubic/X8", f"../{tmp_path.name}/DIV2K_train_HR", str(tmp_path), "."):
        with pytest.raises(DataError, match="holds no folder"):
            SuperResSource(tmp_path, wrong, names[1], scale=4)


def test_small_pictures_of_a_set_are_never_taken_for_truths(tmp_path):
    published(tmp_path / "two", "DIV2K")
    published(tmp_path / "two", "Flickr2K", [""])
    published(tmp_path / "deeper" / "DIV2K", "DIV2K")
    published(tmp_path / "lacking", "DIV2K", ["train_"])
    published(tmp_path / "lacking", "DIV2K", ["valid_"], scales=())
    for name in ("two", "deeper", "lacking"):
        with pytest.raises(DataError) as caught:
            SuperResSource(tmp_path / name, scale=4)
        assert "DIV2K_train_LR_bicubic/X4" in str(caught.value)
        assert "--set data.a=LOW --set data.b=HIGH" in str(caught.value)
    with pytest.raises(DataError, match="of low and of high resolution"):
        SuperResSource(tmp_path / "two", scale=4, pipeline=True)


def test_pairs_of_another_scale_are_refused_with_the_one_that_fits(tmp_path):
    for n in range(3):
        save(tmp_path / "LR" / f"{n}.png", imresize(picture(n), 0.25))
        save(tmp_path / "HR" / f"{n}.png", picture(n))
    with pytest.raises(DataError, match=r"2 times as large.*20x16.*80x64.*Try --set scale=4"):
        SuperResSource(tmp_path, scale=2, holdout=0).read(size=16)


def test_at_scale_1_two_folders_of_one_size_are_pairs(tmp_path):
    for n in range(3):
        save(tmp_path / "noisy" / f"{n}.png", 255 - picture(n))
        save(tmp_path / "clean" / f"{n}.png", picture(n))
    stream = SuperResSource(tmp_path, scale=1, holdout=0).read(size=32).training
    sample = stream[0]
    assert sample["a"].shape == sample["b"].shape == (3, 32, 32)
    np.testing.assert_allclose(sample["a"], -sample["b"], atol=1e-6)


def test_at_scale_1_hr_pictures_alone_are_refused_with_the_ways_out(tmp_path):
    hr_folder(tmp_path)
    with pytest.raises(DataError, match=r"no two folders.*--preset noise, blur or jpeg"):
        SuperResSource(tmp_path, scale=1)
    SuperResSource(tmp_path, scale=1, pipeline=True)


def test_pictures_smaller_than_the_crop_are_left_out_and_named_while_most_are_not(tmp_path):
    hr_folder(tmp_path, 6)
    save(tmp_path / "tiny.png", picture(9, 20, 30))
    ready = SuperResSource(tmp_path, scale=2, holdout=0).read(size=48)
    assert ready.counts["train"] == 6
    assert any("left out, tiny with 30x20" in note for note in ready.notes)
    with pytest.raises(DataError, match="smaller than the 96 pixels"):
        SuperResSource(tmp_path, scale=2, holdout=0).read(size=96)


# Samples


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_both_sides_of_a_sample_show_the_same_place_however_it_is_turned(scale, tmp_path):
    for n in range(3):
        save(tmp_path / "LR" / f"{n}.png", imresize(picture(n, 60, 84), 1 / scale))
        save(tmp_path / "HR" / f"{n}.png", picture(n, 60, 84))
    options = {"augment": ("crop", "flip", "vertical_flip", "rotate90")}
    stream = SuperResSource(tmp_path, scale=scale, holdout=0).read(size=36, **options).training
    for n in range(24):
        a, b = to_pixels(stream[n]["a"]), to_pixels(stream[n]["b"])
        again = imresize(b, 1 / scale)
        inside = (slice(3, -3), slice(3, -3))  # at its borders the crop knows less
        assert np.abs(again[inside].astype(int) - a[inside]).max() <= 6


def test_every_turn_and_flip_and_place_comes(tmp_path):
    save(tmp_path / "a.png", picture(0, 34, 34))
    save(tmp_path / "b.png", picture(0, 34, 34))
    stream = SuperResSource(tmp_path, scale=2, holdout=0).read(size=32).training
    assert len({stream[n]["b"].tobytes() for n in range(400)}) == 8 * 4  # eight turns, two by two places


def test_a_sample_is_a_function_of_seed_and_number(tmp_path):
    hr_folder(tmp_path)
    one, two = (SuperResSource(tmp_path, scale=2, holdout=0).read(size=32, seed=s).training for s in (1, 1))
    forwards = [one[n] for n in range(12)]
    for n in reversed(range(12)):
        assert all(np.array_equal(two[n][side], forwards[n][side]) for side in "ab")
    other = SuperResSource(tmp_path, scale=2, holdout=0).read(size=32, seed=2).training
    assert any(not np.array_equal(other[n]["b"], forwards[n]["b"]) for n in range(12))


def test_an_epoch_shows_every_picture_once(tmp_path):
    hr_folder(tmp_path)
    stream = SuperResSource(tmp_path, scale=2, holdout=0).read(size=32).training
    assert sorted(stream.index(n) for n in range(6)) == list(range(6))
    assert [stream.index(n) for n in range(6)] != [stream.index(n) for n in range(6, 12)]


def test_the_pipelines_samples_are_crops_with_a_margin_and_their_number(tmp_path):
    hr_folder(tmp_path)
    for scale in (1, 2, 3, 4):
        ready = SuperResSource(tmp_path, scale=scale, holdout=0, pipeline=True).read(size=48)
        sample = ready.training[5]
        assert sample["b"].shape == (3, 48 + margin(scale), 48 + margin(scale))
        assert int(sample["number"]) == 5
        assert margin(scale) % (2 * scale) == 0
        assert MARGIN - 2 * scale < margin(scale) <= MARGIN
        shown = ready.validation[1]
        assert len({int(s["number"]) for s in shown}) == len(shown)
        assert all(int(s["number"]) >= 2**40 for s in shown)


def test_beyond_its_borders_a_picture_of_the_pipeline_goes_on_mirrored(tmp_path):
    save(tmp_path / "a.png", picture(0, 48, 48))
    save(tmp_path / "b.png", picture(1, 48, 48))
    stream = SuperResSource(tmp_path, scale=2, holdout=0, pipeline=True).read(size=48, augment=()).training
    index = stream.index(0)
    padded = np.pad(read_picture(stream.items[index].path).pixels, ((16, 16), (16, 16), (0, 0)), "symmetric")
    np.testing.assert_array_equal(to_pixels(stream[0]["b"]), padded)


def test_grey_among_colour_is_read_as_colour_and_sixteen_bits_keep_their_depth(tmp_path):
    hr_folder(tmp_path, 3)
    save(tmp_path / "grey.png", picture(7, channels=1))
    ready = SuperResSource(tmp_path, scale=2, holdout=0).read(size=32)
    assert ready.channels == {"a": 3, "b": 3}
    assert all(ready.training[n]["a"].shape[0] == 3 for n in range(4))
    deep = tmp_path / "deep"
    deep.mkdir()
    for n in range(2):
        Image.fromarray(picture(n, channels=1, dtype=np.uint16)[..., 0]).save(deep / f"{n}.png")
    sample = SuperResSource(deep, scale=2, holdout=0).read(size=32).training[0]
    assert len(np.unique(sample["b"])) > 300


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_augmentation_works_or_says_why_not(name, tmp_path):
    hr_folder(tmp_path)
    source = SuperResSource(tmp_path, scale=2, holdout=0)
    if name in ("jitter", "none"):
        with pytest.raises(ConfigError, match="resizes pictures"):
            source.read(size=32, augment=(name,))
        return
    sample = source.read(size=32, augment=(name,)).training[3]
    assert sample["a"].shape == (3, 16, 16)
    assert sample["b"].shape == (3, 32, 32)


def test_what_changes_the_input_alone_leaves_the_truth_and_is_refused_with_a_pipeline(tmp_path):
    hr_folder(tmp_path)
    plain, noisy = (
        SuperResSource(tmp_path, scale=2, holdout=0).read(size=32, augment=names).training
        for names in (("crop",), ("crop", "noise"))
    )
    changed = [not np.array_equal(plain[n]["a"], noisy[n]["a"]) for n in range(20)]
    assert 3 < sum(changed) < 17
    assert all(np.array_equal(plain[n]["b"], noisy[n]["b"]) for n in range(20))
    with pytest.raises(ConfigError, match="degradation makes the inputs"):
        SuperResSource(tmp_path, scale=2, holdout=0, pipeline=True).read(size=32, augment=("noise",))


def test_squeezing_is_refused(tmp_path):
    hr_folder(tmp_path)
    with pytest.raises(ConfigError, match=r"data\.stretch"):
        SuperResSource(tmp_path, scale=2, holdout=0).read(size=32, stretch=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("scale", [1 / 2, 1 / 3, 1 / 4, 2])
def test_a_part_of_a_resized_picture_is_that_of_the_whole(scale, dtype):
    pixels = np.random.default_rng(0).integers(0, 256, (107, 95, 3)).astype(dtype)
    whole = imresize(pixels, scale)
    height, width = whole.shape[:2]
    for y in (0, 1, 5, height // 2, height - 9):
        for x in (0, 3, width // 2, width - 10, width - 1):
            part = slice(y, y + 9), slice(x, x + 10)
            np.testing.assert_array_equal(imresize(pixels, scale, part), whole[part])


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(("channels", "dtype"), [(3, np.uint8), (1, np.uint8), (1, np.uint16)])
def test_a_picture_that_is_not_kept_gives_the_samples_of_a_kept_one(scale, channels, dtype, tmp_path, monkeypatch):
    for n in range(4):
        pixels = np.random.default_rng(n).integers(0, np.iinfo(dtype).max, (61 + n, 73 - n, channels)).astype(dtype)
        save(tmp_path / f"{n}.png", pixels)
    source = SuperResSource(tmp_path, scale=scale, holdout=0)
    kept, anew = (source.read(size=48, cache_mb=budget) for budget in (64, 0))
    assert kept.training.cached
    assert not len(anew.training.cache)
    made = set()

    def watched(*given):
        small = imresize(*given)
        made.add(small.shape[:2])
        return small

    monkeypatch.setattr("i2i.datasets.streams.superres.imresize", watched)
    draws = [(kept.training[n], anew.training[n]) for n in range(200)]  # few places, so that borders come too
    assert made == {(48 // scale, 48 // scale)}  # and never the whole picture
    for one, other in draws + list(zip(kept.validation[1], anew.validation[1], strict=True)):
        assert all(np.array_equal(one[side], other[side]) for side in "ab")


def test_pictures_are_kept_with_their_small_sides_while_there_is_room(tmp_path):
    hr_folder(tmp_path, 4, height=512, width=512)  # 0.75 MB each, and 0.1875 MB small
    cache = SuperResCache(ResizePolicy(None), 2, scale=2, pipeline=False)
    items = SuperResSource(tmp_path, scale=2, holdout=0).layout.splits["train"]
    assert [len(cache.read(item)) for item in items] == [2, 2, 1, 1]
    assert [item in cache for item in items] == [True, True, False, False]


def test_real_folders_are_understood(real_data):
    source = DATASETS["superres"](real_data / "superres" / "train", scale=4)
    assert len(source.layout.splits["train"]) + len(source.held_out) == 191
    lol = DATASETS["superres"](real_data / "lol", scale=1)
    assert lol.layout.names == ("low", "high")


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("{}_LR.png", "{}_HR.png"),
        ("{}.LR.png", "{}.HR.png"),
        ("{}LRx2.png", "{}HR.png"),
        ("{}_lr_x2.png", "{}_hr.png"),
        ("{}_LR.png", "{}.png"),
        ("{}_x2.png", "{}.png"),
        ("{}x2.png", "{}.png"),
    ],
)
def test_lr_and_hr_files_in_one_folder_are_pairs_by_their_names(tmp_path, low, high):
    for split in ("train", "val"):
        for n in range(3):
            save(tmp_path / split / high.format(f"boat{n}"), picture(n, 64, 80))
            save(tmp_path / split / low.format(f"boat{n}"), picture(n, 32, 40))
    if "HR" not in high.upper() and "LR" in low:  # then some name must say HR
        assert SuperResSource(tmp_path, scale=2).layout.kind == "high resolution"
        return
    source = SuperResSource(tmp_path, scale=2)
    assert source.layout.description == (
        "Pairs of LR and HR files in one folder, told apart by their names, in train (3) and val (3)."
    )
    assert [item.name for item in source.layout.splits["train"]] == ["boat0", "boat1", "boat2"]
    sample = source.read(size=32).training[0]
    assert (sample["a"].shape, sample["b"].shape) == ((3, 16, 16), (3, 32, 32))
    truths = SuperResSource(tmp_path, scale=2, pipeline=True).layout
    assert {item.path.name for item in truths.splits["train"]} == {high.format(f"boat{n}") for n in range(3)}


def test_of_flat_files_of_several_scales_those_of_the_run_are_taken(tmp_path):
    for n in range(3):
        save(tmp_path / f"{n}.png", picture(n, 64, 80))
        for scale in (2, 4):
            save(tmp_path / f"{n}_x{scale}.png", picture(n, 64 // scale, 80 // scale))
    for scale in (2, 4):
        splits = SuperResSource(tmp_path, scale=scale, holdout=0).layout.splits
        assert [pair.a.name for pair in splits["train"]] == [f"{n}_x{scale}.png" for n in range(3)]


def test_a_flat_lr_file_without_its_hr_file_is_named(tmp_path):
    for n in range(3):
        save(tmp_path / f"{n}_LR.png", picture(n, 32, 40))
        if n:
            save(tmp_path / f"{n}_HR.png", picture(n, 64, 80))
    with pytest.raises(DataError, match=r"no partner in 'HR': 0_LR\.png"):
        SuperResSource(tmp_path, scale=2)


def test_photographs_whose_names_end_like_a_scale_by_chance_stay_hr_pictures(tmp_path):
    for name in ("car_x2", "car", "boat", "color", "solr"):
        save(tmp_path / f"{name}.png", picture(1, 64, 80))
    layout = SuperResSource(tmp_path, scale=2, holdout=0).layout
    assert (layout.kind, len(layout.splits["train"])) == ("high resolution", 5)


@pytest.mark.parametrize("pipeline", [False, True])
def test_a_picture_thinner_than_the_scale_is_left_out_in_a_sentence(tmp_path, pipeline):
    hr_folder(tmp_path, 4)
    save(tmp_path / "line.png", picture(9, 3, 200))
    (note,) = SuperResSource(tmp_path, scale=4, holdout=0, pipeline=pipeline).read(size=32).notes
    assert note == "one picture is smaller than the crop and left out, line with 200x3."


def test_a_picture_thinner_than_the_scale_cannot_be_scored_and_says_so(tmp_path):
    hr_folder(tmp_path, 2)
    save(tmp_path / "line.png", picture(9, 3, 200))
    items = SuperResSource(tmp_path, scale=4, holdout=0).layout.splits["train"]
    pictures = SuperResPictures(items, scale=4, size=4, cache_mb=0)
    (index,) = (n for n, item in enumerate(items) if item.name == "line")
    with pytest.raises(PictureError, match=r"line\.png: A picture of 200x3 pixels is thinner than the scale 4"):
        pictures.whole(index)
