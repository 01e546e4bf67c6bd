"""A picture is a function of its seed and number alone; ways, mixtures and truncation lead where they should."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys

import numpy as np
import onnx
import pytest
from latent_models import AVERAGE, CLASSES, NZ, SIDES, write_latent_model
from markdown import ROOT, blocks
from PIL import Image

from i2i.errors import I2IError, ModelFileError, RequestError, UnknownNameError
from i2i.serving.generation.generator import Generator
from i2i.serving.generation.looks import picture_of
from i2i.serving.generation.picks import Pick, arrays_of, between, pairs, slerp
from i2i.serving.inference.engine import Engine


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("latent")


@pytest.fixture(scope="module")
def plain(folder) -> Generator:
    return Generator(write_latent_model(folder, "plain", classes=True), device="cpu")


@pytest.fixture(scope="module")
def style(folder) -> Generator:
    return Generator(write_latent_model(folder, "style", style=True, noise=True), device="cpu")


def pick(number=0, seed=0, **controls):
    return Pick(seed, number, pairs(controls))


@pytest.mark.parametrize("name", ["plain", "style"])
def test_picture_n_is_the_same_in_any_batch_in_any_order_and_in_another_engine(name, request):
    generator = request.getfixturevalue(name)
    many = generator.pictures([pick(n) for n in range(40)])
    assert many.shape == (40, 3, *SIDES)
    assert generator._proved == {(generator.card.outputs[0].name, size) for size in (16, 8)}
    another = Generator(generator.path, device="cpu")
    another.largest = 7
    back = another.pictures([pick(n) for n in reversed(range(40))])[::-1]
    np.testing.assert_array_equal(many, back)
    np.testing.assert_array_equal(many[31], generator.pictures([pick(31)])[0])
    assert len({sample.tobytes() for sample in many}) == 40
    assert not np.array_equal(many[3], generator.pictures([pick(3, seed=1)])[0])


def test_where_a_batch_changes_a_byte_pictures_go_one_by_one(plain, monkeypatch):
    generator = Generator(plain.path, device="cpu")
    real = generator._compute

    def unlike(feeds, output):
        return real(feeds, output) + np.float32(1e-6 if len(feeds["latent"]) > 1 else 0)

    monkeypatch.setattr(generator, "_compute", unlike)
    told = []
    generator.tell_batches(told.append)
    many = generator.pictures([pick(n) for n in range(20)])
    assert (generator.largest, told) == (1, [16, 1, 1, 1, 1])
    np.testing.assert_array_equal(many[[0, 15, 19]], plain.pictures([pick(0), pick(15), pick(19)]))


def test_a_batch_of_another_size_is_proved_anew(plain, monkeypatch):
    generator = Generator(plain.path, device="cpu")
    real = generator._compute

    def unlike(feeds, output):
        return real(feeds, output) + np.float32(1e-6 if len(feeds["latent"]) == 4 else 0)

    monkeypatch.setattr(generator, "_compute", unlike)
    many = generator.pictures([pick(n) for n in range(20)])
    assert generator.largest == 1
    np.testing.assert_array_equal(many, plain.pictures([pick(n) for n in range(20)]))


def test_no_more_than_a_batch_is_drawn_ahead(plain, monkeypatch):
    generator, fed, told = Generator(plain.path, device="cpu"), [], []
    real = generator._feeds
    monkeypatch.setattr(generator, "_feeds", lambda pick, known: fed.append(pick) or real(pick, known))
    generator.tell_batches(lambda _count: told.append(len(fed)))
    generator.pictures([pick(n) for n in range(40)])
    assert told == [16, 32, 40]


def test_labels_go_round_the_classes_unless_one_is_set(plain):
    assert [int(arrays_of(plain.card, pick(n))["label"][0]) for n in range(7)] == [0, 1, 2, 0, 1, 2, 0]
    assert all(arrays_of(plain.card, pick(n, label="blue"))["label"][0] == 2 for n in range(4))
    backgrounds = plain.pictures([pick(0, label=name) for name in CLASSES])[:, :, -1, -1]
    np.testing.assert_array_equal(backgrounds.argmax(axis=1), range(3))


def test_the_prior_of_the_card_is_what_latents_are_drawn_from(folder):
    for prior, low, spread in (("normal", -6, 1), ("uniform", -1, 3**-0.5)):
        card = Generator(write_latent_model(folder, prior, prior=prior), device="cpu").card
        drawn = np.concatenate([arrays_of(card, pick(n))["latent"] for n in range(500)])
        assert drawn.std() == pytest.approx(spread, rel=0.05)
        assert low <= drawn.min() < low / 2
        assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.2


def test_truncation_draws_again_what_is_too_large_and_keeps_the_rest(plain):
    for n in range(20):
        free, bound = (arrays_of(plain.card, Pick(0, n, truncation=limit))["latent"] for limit in (None, 0.8))
        assert np.abs(bound).max() <= 0.8
        kept = np.abs(free) <= 0.8
        np.testing.assert_array_equal(bound[kept], free[kept])
    assert np.abs(arrays_of(plain.card, Pick(truncation=0.01))["latent"]).max() <= 0.01
    for wrong in (0, -1, 0.001, float("nan")):
        with pytest.raises(RequestError, match=r"it must be 0\.01 or more"):
            plain.check(Pick(truncation=wrong))


def test_truncation_of_a_style_net_is_its_port(style):
    far, near = style.w([Pick(truncation=1.0), Pick(truncation=0.25)])
    np.testing.assert_allclose(near - AVERAGE, 0.25 * (far - AVERAGE), atol=1e-6)
    by_setting = style.pictures([pick(truncation=0.25)])
    np.testing.assert_array_equal(by_setting, style.pictures([Pick(truncation=0.25)]))
    with pytest.raises(RequestError, match=r"truncation is 2; it must be a number from 0 to 1\.5"):
        style.check(Pick(truncation=2))
    with pytest.raises(RequestError, match="Truncation is given twice"):
        style.check(Pick(truncation=0.25, controls=pairs({"truncation": 0.9})))


def test_the_way_on_the_sphere_keeps_its_length_and_even_angles():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 1, 64)).astype(np.float32)
    a *= 3 / np.linalg.norm(a)
    b *= 3 / np.linalg.norm(b)
    way = [slerp(a, b, at) for at in np.linspace(0, 1, 9)]
    np.testing.assert_allclose([np.linalg.norm(x) for x in way], 3, rtol=1e-5)
    cosines = [float((x * y).sum()) / 9 for x, y in itertools.pairwise(way)]
    np.testing.assert_allclose(cosines, cosines[0], rtol=1e-4)
    np.testing.assert_array_equal([way[0], way[-1]], [a, b])
    np.testing.assert_allclose(slerp(a, -a, 0.5), 0 * a, atol=1e-6)
    np.testing.assert_allclose(slerp(0 * a, b, 0.5), b / 2, rtol=1e-6)


def test_the_way_of_a_uniform_prior_stays_within_it(folder):
    card = Generator(write_latent_model(folder, "cube", prior="uniform"), device="cpu").card
    one, other = [1.0] * NZ, [1.0, -1.0] * (NZ // 2)
    ends = [arrays_of(card, pick(latent=latent)) for latent in (one, other)]
    for at in (0.0, 0.25, 0.5, 1.0):
        wanted = (1 - at) * np.array([one]) + at * np.array([other])
        np.testing.assert_array_equal(between(card, *ends, at)["latent"], wanted)


@pytest.mark.parametrize("name", ["plain", "style"])
def test_a_way_begins_and_ends_at_its_pictures_bit_for_bit(name, request):
    generator = request.getfixturevalue(name)
    a, b = pick(2, **({"noise.strength": 0.5} if name == "style" else {})), pick(4, seed=9)
    ends = [dataclasses.replace(a, to=b, at=at) for at in (0.0, 1.0)]
    np.testing.assert_array_equal(generator.pictures(ends), generator.pictures([a, b]))
    middle = generator.pictures([dataclasses.replace(a, to=b, at=0.4)])
    assert all(not np.array_equal(middle[0], end) for end in generator.pictures([a, b]))


def test_the_way_of_a_style_net_is_straight_in_w(style):
    a, b = Pick(0, 1, truncation=0.7), Pick(3, 2)
    ends = style.w([a, b])
    for at in (0.25, 0.75):
        on_the_way = style.w([dataclasses.replace(a, to=b, at=at)])[0]
        np.testing.assert_allclose(on_the_way, (1 - at) * ends[0] + at * ends[1], atol=1e-5)


def test_mixing_takes_coarse_layers_of_one_and_fine_layers_of_the_other(style):
    a, b = pick(0), pick(1, seed=5)
    mixed = dataclasses.replace(a, mix=b, layer=2)
    w_a, w_b, w = style.w([a, b, mixed])
    np.testing.assert_allclose(w, np.concatenate([w_a[:2], w_b[2:]]), atol=1e-6)
    for layer, whose in ((0, b), (4, a)):
        made, wanted = style.pictures([dataclasses.replace(a, mix=b, layer=layer), whose])
        np.testing.assert_allclose(made, wanted, atol=1e-5)
    with pytest.raises(RequestError, match="layer is 5; style has 4 layers"):
        style.check(dataclasses.replace(mixed, layer=5))


def test_a_file_without_w_says_so_where_mixing_is_asked_for(plain):
    with pytest.raises(RequestError, match="plain has no w to mix: mixing is of style nets"):
        plain.check(Pick(mix=Pick(1)))
    with pytest.raises(RequestError, match="plain has no w"):
        plain.w([Pick()])


def test_single_numbers_of_a_latent_are_set_by_their_place(plain):
    usual, moved = (arrays_of(plain.card, pick(3, **more))["latent"][0] for more in ({}, {"latent.1": "2.5"}))
    assert moved[1] == np.float32(2.5)
    np.testing.assert_array_equal(np.delete(moved, 1), np.delete(usual, 1))
    explicit = pick(3, latent=list(range(NZ)))
    np.testing.assert_array_equal(arrays_of(plain.card, explicit)["latent"][0], range(NZ))


@pytest.mark.parametrize(
    ("controls", "error", "words"),
    [
        ({"latent.8": 1}, RequestError, r"latent has 8 numbers, from latent\.0 to latent\.7"),
        ({"latent.1": "far"}, RequestError, r"latent\.1 is 'far'; it must be a number from -100 to 100"),
        ({"label": "rd"}, UnknownNameError, "Did you mean 'red'"),
        ({"lable": "red"}, UnknownNameError, "Did you mean 'label'"),
        ({"direction.age": 1}, UnknownNameError, "No direction is called 'age'"),
        ({"latent": [1, 2]}, RequestError, "latent takes 8 numbers"),
        ({"latent": [10**400] * 8}, RequestError, "latent takes 8 numbers"),
        ({"noise.strength": 1}, UnknownNameError, r"No control of plain is called 'noise\.strength'"),
    ],
)
def test_what_a_file_does_not_have_is_refused_with_what_there_is(plain, controls, error, words):
    with pytest.raises(error, match=words):
        plain.pictures([pick(0, **controls)])
    with pytest.raises(error, match=words):
        plain.check(Pick(to=Pick(to=pick(0, **controls))))


def test_noise_is_off_unless_its_strength_is_set_and_then_each_picture_s_own(style):
    off, own = style.pictures([pick(0), pick(0, **{"noise.strength": 1})])
    plain, other = style.pictures([pick(1), pick(1, **{"noise.strength": 1})])
    assert 0.03 < (own - off).std() < 0.12
    assert abs(np.corrcoef((own - off).ravel(), (other - plain).ravel())[0, 1]) < 0.2


def test_alpha_is_straight_in_files_and_was_multiplied_in_the_model(folder):
    generator = Generator(write_latent_model(folder, "clear", channels=4), device="cpu")
    sample = generator.pictures([pick(5)])[0]
    picture = picture_of(sample)
    assert picture.pixels.shape == (*SIDES, 3)
    solid = sample[3] > 0.3
    straight = (sample[:3] / np.maximum(sample[3], 1e-6)).transpose(1, 2, 0)[solid]
    np.testing.assert_allclose(picture.pixels[solid] / 255, straight, atol=0.01)
    assert np.ptp(straight, axis=0).max() < 0.01  # one colour, whatever the alpha
    assert generator(seed=0, number=5).mode == "RGBA"


def test_each_engine_refuses_the_files_of_the_other_and_names_its_command(plain, make_model):
    with pytest.raises(ModelFileError, match=r"makes pictures from noise\. i2i generate plain\.onnx OUT"):
        Engine(plain.path, device="cpu")
    with pytest.raises(ModelFileError, match=r"it translates pictures\. i2i convert model\.onnx SOURCE TARGET"):
        Generator(make_model(), device="cpu")


def test_a_file_whose_probe_is_not_met_is_refused(folder, plain):
    model = onnx.load(plain.path)
    weights = next(each for each in model.graph.initializer if list(each.dims) == [1, 1, *SIDES])
    weights.raw_data = (1.2 * np.frombuffer(weights.raw_data, np.float32)).astype(np.float32).tobytes()
    onnx.save(model, folder / "other.onnx")
    with pytest.raises(I2IError, match="golden probe"):
        Generator(folder / "other.onnx", device="cpu")


def test_the_script_of_the_docs_makes_the_pictures_without_i2i(tmp_path):
    (code,) = blocks(ROOT / "docs/generation/generate.md", "python")
    assert len(code.strip().splitlines()) <= 14
    assert "i2i" not in code
    path = write_latent_model(tmp_path, "digits", classes=True)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    z = np.random.default_rng(0).standard_normal((16, NZ)).astype(np.float32)
    picks = [pick(n, latent=z[n].tolist(), label=CLASSES[n % 3]) for n in range(16)]
    wanted = np.concatenate(list(Generator(path, device="cpu").pictures(picks).transpose(0, 2, 3, 1)), axis=1)
    with Image.open(tmp_path / "digits.png") as image:
        np.testing.assert_array_equal(np.asarray(image), np.rint(wanted * 255))


def test_w_is_computed_by_the_part_of_the_graph_that_gives_it(style, monkeypatch):
    generator = Generator(style.path, device="cpu")
    opened = []
    reopen = generator._reopen
    monkeypatch.setattr(generator, "_reopen", lambda raw: opened.append(onnx.ModelProto.FromString(raw)) or reopen(raw))
    mapped = arrays_of(style.card, pick(3))["latent"][0, ::-1]
    np.testing.assert_allclose(generator.w([pick(3)])[0], np.broadcast_to(mapped, (4, NZ)), atol=1e-6)
    (part,) = opened
    assert len(part.graph.node) < 10 < len(onnx.load(style.path).graph.node)
    generator.let_go()
    np.testing.assert_array_equal(generator.pictures([pick(3)]), style.pictures([pick(3)]))


def test_what_a_run_takes_is_foretold_from_the_graph(plain, style):
    for generator in (plain, style):
        assert 4 * 3 * SIDES[0] * SIDES[1] < generator.foretold(1, 1)[0] < 2**20
    assert Generator(plain.path).provider in ("cpu", "cuda")
