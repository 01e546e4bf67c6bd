"""A picture in tiles is the picture computed whole; the mean over flips and turns is what it says."""

import dataclasses

import numpy as np
import pytest
from exports import ENLARGERS
from small_models import card_for, write_model

from i2i.errors import ProviderError, RequestError
from i2i.images.image import Picture
from i2i.ports import Port
from i2i.serving import Engine
from i2i.serving.inference.ensemble import Ensemble
from i2i.serving.inference.executors import Tiled
from i2i.serving.inference.tiles import LARGEST_WHOLE, WIDEST_HALO, grid, halo, parse_tile, side_for, windows

LOCAL = {f"{name}x{scale}": (name, {"scale": scale}) for name in ENLARGERS for scale in (1, 2, 3, 4)}
LOCAL["resnet6x1"] = ("resnet6", {"norm": "none"})


@pytest.fixture(scope="module")
def model(exported):
    """`model(row)`: the file of that network."""

    def path(row):
        name, options = LOCAL[row]
        return exported(name, **options).path

    return path


def photo(height, width, seed=0):
    """(1, 3, height, width) in [0, 1], smooth with noise on it."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 40
    waves = np.stack([0.5 + 0.3 * np.sin(a * x + b * y) for a, b in rng.uniform(1, 9, (3, 2))])
    return np.clip(waves + rng.normal(0, 0.1, waves.shape), 0, 1).astype(np.float32)[None]


@pytest.mark.parametrize("size", [(150, 233), (97, 64), (256, 40)])
@pytest.mark.parametrize("row", LOCAL)
def test_tiles_give_the_whole_picture(row, size, model):
    whole = Engine(model(row), device="cpu", tile="off")
    for side in (32, 100):
        tiled = Engine(model(row), device="cpu", tile=side)
        batch = photo(*size)
        ours, theirs = tiled.run(batch), whole.run(batch)
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() < 1 / 255


@pytest.mark.parametrize("row", ["compactx4", "compactx1", "resnet6x1"])
def test_with_less_halo_there_would_be_seams(row, model, monkeypatch):
    """So the halo is what makes tiles exact, and the test above could fail."""
    batch = photo(150, 150)
    whole = Engine(model(row), device="cpu", tile="off").run(batch)
    monkeypatch.setattr("i2i.serving.inference.tiles.halo", lambda card: card.multiple)
    tiled = Engine(model(row), device="cpu", tile=50).run(batch)
    assert np.abs(tiled - whole).max() > 2 / 255


def test_tiles_cover_the_picture_once_and_begin_at_multiples():
    card = card_for(scale=2, multiple=4, receptive_field=37)
    for height, width, side in ((150, 97, 32), (64, 64, 64), (65, 10, 16), (2000, 1000, 512)):
        seen = np.zeros((height, width), int)
        for down, right in grid(height, width, side, card):
            seen[down.inner, right.inner] += 1
            for window, length in ((down, height), (right, width)):
                assert window.outer.start % 4 == window.inner.start % 4 == 0
                assert window.inner.start - window.outer.start in (window.inner.start, halo(card))
                assert window.outer.stop in (length, window.inner.stop + halo(card))
        assert (seen == 1).all()


def test_tiles_are_of_like_length_and_no_sliver_is_left():
    lengths = [w.inner.stop - w.inner.start for w in windows(1025, 512, card_for(receptive_field=3))]
    assert lengths == [341, 342, 342]


def test_the_halo_is_half_of_what_a_pixel_sees_on_the_grid_and_bounded():
    assert halo(card_for(receptive_field=37)) == 19
    assert halo(card_for(receptive_field=37, multiple=8)) == 24
    assert halo(card_for(receptive_field=698)) == WIDEST_HALO


def test_auto_takes_tiles_for_large_pictures_alone_and_never_where_they_would_differ():
    local, whole = card_for(tiling="local"), card_for(tiling="global")
    side = int(LARGEST_WHOLE**0.5)
    assert side_for(local, side, side, "auto") is None
    assert side_for(local, side, side + 1, "auto") == 512
    assert side_for(whole, side, side + 1, "auto") is None
    assert side_for(local, 9000, 9000, "off") is None
    assert side_for(local, 100, 300, 256) == 256
    assert side_for(local, 100, 200, 256) is None


def test_tiles_are_refused_for_a_model_that_must_see_the_whole(tmp_path):
    path = write_model(tmp_path, "network", tiling="global")
    with pytest.raises(RequestError, match="statistics of the whole picture"):
        Engine(path, device="cpu", tile=128)
    Engine(path, device="cpu", tile="off")


@pytest.mark.parametrize(("text", "tile"), [("auto", "auto"), ("off", "off"), ("256", 256)])
def test_what_the_user_types_is_understood(text, tile):
    assert parse_tile(text) == tile


@pytest.mark.parametrize("text", ["", "8", "-64", "big", "2.5"])
def test_what_is_no_tile_is_refused_in_a_sentence(text):
    with pytest.raises(RequestError, match="auto, off or a number of pixels from 16"):
        parse_tile(text)


def test_too_little_memory_means_smaller_tiles_and_the_same_picture(model, monkeypatch):
    engine = Engine(model("compactx2"), device="cpu")
    batch = photo(300, 420)
    wanted, asked, compute = engine.run(batch), [], engine._executor.whole.session.run

    class Short:
        def run(self, names, feed):
            asked.append(feed["image"].shape[2:])
            if feed["image"].shape[2] * feed["image"].shape[3] > 150 * 150:
                raise MemoryError("bad allocation")
            return compute(names, feed)

    monkeypatch.setattr(engine._executor.whole, "session", Short())
    monkeypatch.setattr(engine._executor.whole, "reopen", Short)
    np.testing.assert_allclose(engine.run(batch), wanted, atol=1e-4)
    assert asked[0] == (300, 420)
    monkeypatch.setattr(engine._executor, "tile", "off")
    with pytest.raises(ProviderError, match="not enough memory for a picture of 420x300"):
        engine.run(batch)


def test_a_2_megapixel_photograph_is_the_same_whole_and_in_tiles(model, real_data):
    """Four pictures of the sets side by side, as the model x4 file takes them."""
    from i2i.images.decode import read_picture

    shown = read_picture(real_data / "superres" / "Set5" / "original" / "baby.png").pixels
    picture = np.tile(shown, (3, 3, 1))[:1250, :1500]
    whole, tiled = (Engine(model("compactx4"), device="cpu", tile=tile) for tile in ("off", "auto"))
    a, b = (engine.translate(Picture(picture)).pixels.astype(int) for engine in (whole, tiled))
    assert a.shape == (5000, 6000, 3)
    assert np.abs(a - b).max() <= 1


# Self-ensemble


def test_the_ensemble_is_the_mean_over_eight_flips_and_turns():
    rng = np.random.default_rng(0)
    weights = rng.random((6, 9)).astype(np.float32)
    batch = rng.random((2, 3, 6, 9), dtype=np.float32)

    class Weighted:
        def run(self, feeds, _into=None):
            return run(feeds["image"])

    def run(pictures):
        return pictures * (weights if pictures.shape[2:] == weights.shape else weights.T)

    by_hand = 0
    for turns in range(4):
        for flip in (False, True):
            view = np.rot90(batch, turns, (2, 3))
            out = run(view[..., ::-1] if flip else view)
            by_hand = by_hand + np.rot90(out[..., ::-1] if flip else out, -turns, (2, 3)) / 8
    np.testing.assert_allclose(Ensemble(Weighted(), card_for()).run({"image": batch}), by_hand, rtol=1e-5)


def test_a_model_that_treats_all_directions_alike_gives_the_same_with_the_ensemble(tmp_path):
    path = write_model(tmp_path, "enlarge", scale=3)
    picture = np.random.default_rng(0).integers(0, 256, (20, 31, 3), np.uint8)
    plain, mean = Engine(path, device="cpu"), Engine(path, device="cpu", ensemble=True)
    np.testing.assert_array_equal(mean(picture), plain(picture))


@pytest.mark.parametrize("row", ["compactx4", "compactx1"])
def test_the_ensemble_treats_all_directions_alike(row, model):
    engine = Engine(model(row), device="cpu", ensemble=True)
    picture = (photo(24, 37)[0].transpose(1, 2, 0) * 255).astype(np.uint8)
    turned = np.ascontiguousarray(np.rot90(picture[:, ::-1]))
    back = np.rot90(engine(turned), -1)[:, ::-1]
    assert np.abs(back.astype(int) - engine(picture)).max() <= 1


def test_masks_are_turned_and_cut_with_the_picture_and_other_arrays_are_not():
    mask = Port("mask", "mask", (1, None, None))
    card = card_for(tiling="local", receptive_field=3)
    card = dataclasses.replace(card, inputs=(*card.inputs, mask, Port("latent", "latent", (1, 40, 40))))
    batch, latent = photo(40, 40), photo(40, 40, seed=1)[:, :1]

    class Masked:
        def run(self, feeds, _into=None):
            assert feeds["latent"] is latent
            return feeds["image"] * feeds["mask"]

    feeds = {"image": batch, "mask": batch[:, :1], "latent": latent}
    np.testing.assert_allclose(Ensemble(Masked(), card).run(feeds), batch * batch[:, :1], rtol=1e-5)
    np.testing.assert_array_equal(Tiled(Masked(), card, 16).run(feeds), batch * batch[:, :1])
