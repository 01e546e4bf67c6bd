"""`i2i directions`: ways along which pictures change, found, named by people, and gone along."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from latent_models import write_latent_model
from PIL import Image

from i2i.errors import ModelFileError, RequestError
from i2i.serving.generation.components import Components
from i2i.serving.generation.directions import Direction, place_of, read_directions, write_directions
from i2i.serving.generation.finding import _Sums, find_directions
from i2i.serving.generation.generator import Generator
from i2i.serving.generation.picks import Pick, arrays_of, pairs


@pytest.fixture
def plain(tmp_path) -> Generator:
    return Generator(write_latent_model(tmp_path, "plain", classes=True), device="cpu")


@pytest.fixture
def style(tmp_path) -> Generator:
    return Generator(write_latent_model(tmp_path, "style", style=True), device="cpu")


def test_of_a_latent_those_are_found_that_change_the_picture_and_no_others(plain):
    """Numbers 6 and 7 of the discs change nothing, and class differences count in none."""
    found = find_directions(plain, 8, samples=1500)
    vectors = np.array([each.vector for each in found])
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(8), atol=1e-5)
    shares = [each.share for each in found]
    assert shares == sorted(shares, reverse=True)
    assert 0.3 < sum(shares[:5]) < 1
    assert max(shares[6:]) < 0.003
    assert np.abs(vectors[:5, 6:]).max() < 0.15
    place, colour = np.square(vectors[:5, :2]).sum(axis=1), np.square(vectors[:5, 3:6]).sum(axis=1)
    assert sorted(np.where(place > colour, "place", "colour")) == ["colour"] * 3 + ["place"] * 2
    again = np.array([each.vector for each in find_directions(plain, 5, samples=1500)])
    np.testing.assert_allclose(again, vectors[:5], atol=1e-4)


def test_of_a_net_with_maps_they_are_the_components_of_its_first_map_whatever_the_pixels_say(tmp_path):
    """Numbers 6 and 7, which change no pixel, move the map most; the map is linear in the latent."""
    scales = np.array([2, 2.4, 2.9, 3.5, 4.2, 5, 6, 8.0])
    matrix = scales[:, None] * np.linalg.qr(np.random.default_rng(0).normal(size=(24, 8)))[0].T
    deep = Generator(write_latent_model(tmp_path, "deep", classes=True, first_map=matrix), device="cpu")
    assert deep.early is not None
    assert deep.early[1] == (2, 3, 4)
    picks = [Pick(number=n) for n in range(3)]
    latents = np.concatenate([arrays_of(deep.card, pick)["latent"] for pick in picks])
    np.testing.assert_allclose(deep.features(picks).reshape(3, 24), latents @ matrix, rtol=1e-4, atol=1e-5)

    found = find_directions(deep, 8, samples=1500)
    assert deep.varying == "early features"
    vectors = np.array([each.vector for each in found])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=0.1)
    assert [int(np.abs(vector).argmax()) for vector in vectors] == [7, 6, 5, 4, 3, 2, 1, 0]
    assert np.abs(vectors).max(axis=1).min() > 0.85
    np.testing.assert_allclose([each.share for each in found], scales[::-1] ** 2 / np.sum(scales**2), rtol=0.1)
    assert find_directions(deep, 1, samples=100) == find_directions(deep, 1, samples=100)
    mapped = vectors @ matrix  # components of a map are orthogonal, as are those of the sample exactly
    cosines = mapped @ mapped.T / np.outer(*2 * [np.linalg.norm(mapped, axis=1)])
    np.testing.assert_allclose(cosines, np.eye(8), atol=1e-3)


def test_components_of_rows_that_come_in_parts_are_those_of_all_with_each_class_centred():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(900, 12)) @ rng.normal(size=(12, 400))
    classes = rng.integers(0, 3, 900).astype(float)
    components = Components()
    for part in np.array_split(np.arange(900), 7):
        components.add(rows[part] + 50 * classes[part, None], classes[part])
    axes, variances = components.found()
    for each in range(3):
        rows[classes == each] -= rows[classes == each].mean(axis=0)
    _, lengths, wanted = np.linalg.svd(rows, full_matrices=False)
    assert axes.shape == (12, 400)
    np.testing.assert_allclose(variances, lengths[:12] ** 2 / 900, rtol=1e-6)
    np.testing.assert_allclose(np.abs(np.sum(axes * wanted[:12], axis=1)), 1, rtol=1e-6)


def test_a_step_is_one_standard_deviation_of_the_prior(tmp_path):
    uniform = Generator(write_latent_model(tmp_path, "uniform", prior="uniform"), device="cpu")
    found = find_directions(uniform, 2, samples=200)
    assert np.linalg.norm(found[0].vector) == pytest.approx(3**-0.5, rel=1e-5)
    assert {each.port for each in found} == {"latent"}


def test_principal_components_are_numpy_s_with_each_class_centred():
    rng = np.random.default_rng(0)
    mixing, offsets = rng.normal(size=(5, 5)), 50 * rng.normal(size=(3, 5))
    classes = rng.integers(0, 3, 3000).astype(float)
    w = rng.normal(size=(3000, 5)) @ mixing
    sums = _Sums()
    for part in np.array_split(np.arange(3000), 7):
        moved = w[part] + offsets[classes[part].astype(int)]
        sums.add(moved, moved, classes[part])
    vectors, shares = sums.components()
    for each in range(3):
        w[classes == each] -= w[classes == each].mean(axis=0)
    variances, axes = np.linalg.eigh(w.T @ w / 3000)
    np.testing.assert_allclose(shares, variances[::-1] / variances.sum(), rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), np.sqrt(variances[::-1]), rtol=1e-6)
    cosines = np.abs(np.sum(vectors * axes.T[::-1], axis=1)) / np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(cosines, 1, rtol=1e-6)


def test_a_direction_of_w_moves_the_layers_that_it_names(style):
    vector = (0, 0, 2.0, 0, 0, 0, 0, 0)
    style.directions = (Direction("all", "w", vector), Direction("fine", "w", vector, layers=(2, 4)))
    usual, every, fine = style.w([Pick(), Pick(controls=pairs({"direction.all": 1.5})),
                                  Pick(controls=pairs({"direction.fine": -1}))])  # fmt: skip
    np.testing.assert_allclose(every - usual, np.broadcast_to([0, 0, 3, 0, 0, 0, 0, 0], (4, 8)), atol=1e-6)
    np.testing.assert_allclose((fine - usual)[:, 2], [0, 0, -2, -2], atol=1e-6)


def test_the_command_writes_them_and_a_picture_and_names_that_are_given_are_taken(i2i, style, tmp_path):
    model = style.path
    status, said, _ = i2i("directions", model, "--count", 3, "--samples", 300, "--device", "cpu")
    assert status == 0, said
    assert said.startswith("1: ")
    assert "% of the variance of w" in said
    file = tmp_path / "style.directions.json"
    with Image.open(tmp_path / "style.directions.png") as picture:
        assert picture.size == (150 + 2 * (3 * 100 - 4 + 20), 44 + 3 * 76)  # 96x72 pixels each
    told = json.loads(file.read_text())
    assert [row["name"] for row in told["directions"]] == ["1", "2", "3"]
    told["directions"][1]["name"] = "how wide"
    file.write_text(json.dumps(told))
    assert "steps along 1, how wide, 3" in i2i("info", model)[1]
    status, said, err = i2i("generate", model, tmp_path / "out", "--count", 1, "--device", "cpu", "--with",
                            "direction.how wide=2")  # fmt: skip
    assert status == 0, err
    moved = np.asarray(Image.open(tmp_path / "out/000000.png"))
    wanted = Generator(model, device="cpu").pictures([Pick(controls=pairs({"direction.how wide": 2}))])[0]
    np.testing.assert_array_equal(moved, np.rint(wanted.transpose(1, 2, 0) * 255))
    assert not np.array_equal(moved, np.rint(style.pictures([Pick()])[0].transpose(1, 2, 0) * 255))

    status, _, err = i2i("directions", model, "--device", "cpu")
    assert (status, "perhaps with names that somebody gave. --overwrite makes it anew" in err) == (2, True)
    assert "how wide" in file.read_text()
    assert i2i("directions", model, "--count", 3, "--samples", 300, "--device", "cpu", "--overwrite")[0] == 0
    assert "how wide" not in file.read_text()


def test_directions_of_another_file_of_that_name_are_none_of_it(plain):
    write_directions(plain.path, "0" * 64, (Direction("1", "latent", (1.0,) * 8),))
    assert Generator(plain.path, device="cpu").directions == ()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"name": "a=b"}, "a name is a text without '='"),
        ({"vector": [1.0, 2.0]}, "does not fit plain.onnx"),
        ({"port": "w"}, "does not fit plain.onnx"),
        ({"vector": "far"}, "says no directions"),
        ({"name": "2"}, "Two directions in .* have the same name"),
        ({"layers": [0]}, "layers are two whole numbers"),
        ({"layers": [0, float("inf")]}, "layers are two whole numbers"),
        ({"share": float("nan")}, "says no directions"),
        ({"vector": [10**400] * 8}, "says no directions"),
    ],
)
def test_a_file_that_somebody_spoiled_is_told_with_the_way_out(i2i, plain, row, words):
    place = write_directions(plain.path, plain.sha256, tuple(Direction(n, "latent", (1.0,) * 8) for n in "12"))
    assert [each.name for each in read_directions(plain.path, plain.sha256)] == ["1", "2"]
    told = json.loads(place.read_text())
    told["directions"][0] |= row
    place.write_text(json.dumps(told))
    with pytest.raises(ModelFileError, match=words):
        Generator(plain.path, device="cpu")
    assert Generator(plain.path, device="cpu", is_lenient=True).directions == ()
    Path(place).write_text("{")
    with pytest.raises(ModelFileError, match="Mend it, or make it again: i2i directions --overwrite"):
        Generator(plain.path, device="cpu")
    assert place == place_of(plain.path)
    assert i2i("directions", plain.path, "--samples", 100, "--device", "cpu", "--overwrite")[0] == 0
    assert len(Generator(plain.path, device="cpu").directions) == 8  # no more than the latent has numbers


def test_while_they_are_read_again_others_still_have_them(plain, monkeypatch):
    write_directions(plain.path, plain.sha256, (Direction("1", "latent", (1.0,) * 8),))
    plain.read_directions()
    had = []

    def reading(*of):
        had.append([each.name for each in plain.directions])
        return read_directions(*of)

    monkeypatch.setattr("i2i.serving.generation.generator.read_directions", reading)
    plain.read_directions()
    assert had == [["1"]]


def test_counts_that_make_no_sense_are_refused(plain):
    with pytest.raises(RequestError, match="it must lie between 1 and 64"):
        find_directions(plain, 65)
    with pytest.raises(RequestError, match="10 directions need 100 samples at least"):
        find_directions(plain, 10, samples=99)
