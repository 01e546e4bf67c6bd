"""What alpha hides is the same to training, scoring and serving: the visible colours around it, never hidden black."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from i2i.datasets.layouts.domains import find_single
from i2i.datasets.layouts.paired import find_pairs
from i2i.datasets.layouts.superres import find_superres
from i2i.datasets.layouts.unpaired import find_unpaired
from i2i.datasets.streams.loading import decode
from i2i.datasets.streams.paired import PairedPictures
from i2i.datasets.streams.superres import SuperResPictures
from i2i.images.alpha import seen_pixels
from i2i.images.decode import read_picture
from i2i.images.image import Picture, to_float
from i2i.serving.inference.engine import Engine

SIDE = 64
KINDS = {"8 bits": (np.uint8, ".png"), "16 bits": (np.uint16, ".tif"), "floats": (np.float32, ".tif")}


def sprite(seed: int, dtype: type = np.uint8) -> np.ndarray:
    """(64, 64, 4): something of changing colours on hidden black, in parts half seen through."""
    rng = np.random.default_rng(seed)
    whole = np.zeros((SIDE, SIDE, 4))
    top, left = rng.integers(8, 24, 2)
    whole[top : top + 24, left : left + 30, :3] = rng.uniform(0.3, 1, (24, 30, 3))
    whole[top : top + 24, left : left + 30, 3] = rng.choice([0.4, 1], (24, 30))
    return whole.astype(dtype) if dtype is np.float32 else np.rint(whole * np.iinfo(dtype).max).astype(dtype)


def save(whole: np.ndarray, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        tifffile.imwrite(path, whole, photometric="rgb", extrasamples=["unassalpha"])
    else:
        Image.fromarray(whole).save(path)
    return path


@pytest.fixture
def served(make_model):
    """What a model is fed for a file: (H, W, 3) float32 in [0, 1]."""
    engine = Engine(make_model(), device="cpu")
    return lambda path: engine.prepare(read_picture(path)).feeds["image"][0].transpose(1, 2, 0)


def folders(root: Path, *names: str, suffix: str = ".png", dtype: type = np.uint8) -> Path:
    for place, name in enumerate(names):
        for number in range(3):
            save(sprite(10 * place + number, dtype), root / name / f"{number}{suffix}")
    return root


def files_of(layout):
    """Each side of each item, with the file that would be served in its place."""
    for item in layout.splits["train"]:
        yield from zip(item.files, decode(item), strict=False)  # an HR picture is both sides


LAYOUTS = {
    "pairs": (find_pairs, ("A", "B")),
    "unpaired": (find_unpaired, ("trainA", "trainB")),
    "single": (find_single, ("",)),
    "high resolution": (lambda root: find_superres(root, None, None, 2, False), ("",)),
    "low and high resolution": (lambda root: find_superres(root, "LR", "HR", 1, False), ("LR", "HR")),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_training_sees_the_values_that_a_served_model_is_fed(served, tmp_path, layout, kind):
    find, names = LAYOUTS[layout]
    dtype, suffix = KINDS[kind]
    checked = 0
    for path, pixels in files_of(find(folders(tmp_path, *names, suffix=suffix, dtype=dtype))):
        np.testing.assert_array_equal(to_float(pixels), served(path))
        assert (pixels.reshape(-1, 3).max(1) > 0).all(), "nothing hidden and black is left"
        checked += 1
    assert checked >= 3 * len(names)


def test_each_half_of_a_side_by_side_picture_goes_on_by_itself(served, tmp_path):
    halves = [[sprite(2 * number + side) for side in (0, 1)] for number in range(2)]
    for number, sides in enumerate(halves):
        save(np.hstack(sides), tmp_path / f"data/{number}.png")
    for sides, pair in zip(halves, find_pairs(tmp_path / "data").splits["train"], strict=True):
        for half, pixels in zip(sides, decode(pair), strict=True):
            np.testing.assert_array_equal(to_float(pixels), served(save(half, tmp_path / "half.png")))


def test_samples_are_crops_of_the_whole_picture_as_it_is_served(served, tmp_path):
    """Though the crop may be hidden whole, and comes out of the cache."""
    pairs = find_pairs(folders(tmp_path, "A", "B")).splits["train"]
    stream = PairedPictures(pairs, size=16, augment=["crop"])
    for number in (*range(12), *range(12)):
        crop = (stream[number]["a"].transpose(1, 2, 0) + 1) / 2
        whole = served(pairs[stream.index(number)].a)
        windows = np.lib.stride_tricks.sliding_window_view(whole, (16, 16, 3))[:, :, 0]
        assert np.abs(windows - crop).max((2, 3, 4)).min() < 1e-6
    assert stream.cached


def test_low_resolution_is_made_of_what_is_seen(tmp_path):
    items = find_superres(folders(tmp_path, ""), None, None, 2, False).splits["train"]
    sample = SuperResPictures(items, scale=2, size=SIDE, augment=()).center_sample(0)
    assert min(sample["a"].max(0).min(), sample["b"].max(0).min()) > -0.9, "hidden black has come in"


def test_scores_are_of_what_is_seen(i2i, make_model, tmp_path):
    """The model turns 1 to 0 exactly, and what differs is hidden alone."""
    rng = np.random.default_rng(0)
    for number in range(3):
        x = sprite(number)
        y = np.dstack([255 - x[..., :3], x[..., 3]])
        for picture in (x, y):
            hidden = picture[..., 3] == 0
            picture[hidden, :3] = rng.integers(0, 256, (int(hidden.sum()), 3))
        save(x, tmp_path / f"data/test/A/{number}.png")
        save(y, tmp_path / f"data/test/B/{number}.png")
    model = make_model(training={"size": SIDE})
    for how in ((), ("--native",)):
        status, _, err = i2i("evaluate", model, tmp_path / "data", "--json", tmp_path / "scores.json", *how)
        assert status == 0, err
        assert json.loads((tmp_path / "scores.json").read_text())["metrics"]["l1"] < 0.002


@pytest.mark.parametrize("alpha", [None, 0, 1, 255])
def test_a_picture_in_which_nothing_or_all_is_hidden_stays_the_very_array(alpha):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    assert seen_pixels(Picture(pixels, None if alpha is None else np.full((9, 7), alpha, np.uint8))) is pixels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(1, 1000), (37, 53), (3, 2)])
def test_what_is_visible_stays_and_what_is_hidden_lies_among_the_visible_colours(dtype, shape):
    rng = np.random.default_rng(1)
    top = 1 if dtype is np.float32 else np.iinfo(dtype).max
    pixels = (rng.uniform(0.5, 1, (*shape, 5)) * top).astype(dtype)
    alpha = np.zeros(shape, dtype)
    alpha[shape[0] // 2, shape[1] // 2 :] = top
    before = pixels.copy()
    pixels[alpha == 0] = 0
    seen = seen_pixels(Picture(pixels, alpha))
    np.testing.assert_array_equal(seen[alpha > 0], before[alpha > 0])
    low, high = (edge(before[alpha > 0], axis=0).astype(float) for edge in (np.min, np.max))
    near = 0.5 if top > 1 else 1e-6  # rounding
    assert (seen[alpha == 0] >= low - near).all()
    assert (seen[alpha == 0] <= high + near).all()
    assert not pixels[alpha == 0].any(), "the picture itself is left as it was"
