"""`i2i evaluate MODEL DATA` for what makes pictures from noise: sets, classes, what a classifier sees, smoothness."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from latent_models import CLASSES, write_latent_model
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from i2i.errors import ModelFileError
from i2i.evaluation.classifier import Classifier
from i2i.evaluation.path_length import path_length
from i2i.evaluation.sets import seen
from i2i.serving.generation.generator import Generator
from i2i.serving.generation.picks import Pick
from i2i.workflows.scoring.generated import generated
from i2i.workflows.scoring.real import RealPictures
from i2i.workflows.scoring.smoothness import smoothness


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_latent_model(folder, "plain")
    write_latent_model(folder, "classes", classes=True)
    write_latent_model(folder, "style", style=True, noise=True)
    write_latent_model(folder, "alpha", channels=4)
    return folder


@pytest.fixture(scope="module")
def corner(models):
    """`corner("rgb")`: a classifier of the background's colour by the first pixel, its classes in that order."""

    def write(order):
        places = numpy_helper.from_array(np.array(["rgb".index(c) for c in order], np.int64), "order")
        zero, sharp = (
            numpy_helper.from_array(np.array(0, np.int64), "zero"),
            numpy_helper.from_array(np.float32(20), "sharp"),
        )
        nodes = [
            helper.make_node("Gather", ["x", "zero"], ["row"], axis=2),
            helper.make_node("Gather", ["row", "zero"], ["pixel"], axis=2),
            helper.make_node("Gather", ["pixel", "order"], ["colour"], axis=1),
            helper.make_node("Mul", ["colour", "sharp"], ["logits"]),
        ]
        given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])
        answer = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(order)])
        graph = helper.make_graph(nodes, "corner", [given], [answer], [places, zero, sharp])
        path = models / f"{order}.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
        return path

    return write


@pytest.fixture(scope="module")
def real(models):
    """Pictures of another seed as the real ones, in class folders: 20 of each."""
    folder = models / "real"
    made = Generator(models / "classes.onnx", device="cpu")
    for n in range(60):
        path = folder / CLASSES[n % 3] / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        made(seed=9, number=n).save(path)
    return folder


@pytest.fixture
def score(i2i, models, tmp_path, monkeypatch):
    monkeypatch.setenv("I2I_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("I2I_SQUEEZENET", raising=False)

    def run(name, data, *words):
        to = ("--json", tmp_path / "s.json", "--out", tmp_path / "out", "--features", "pixels", "--device", "cpu")
        status, out, err = i2i("evaluate", models / f"{name}.onnx", data, *words, *to)
        facts = json.loads((tmp_path / "s.json").read_text()) if (tmp_path / "s.json").is_file() else None
        return status, " ".join((out + err).split()), facts

    return run


def test_pictures_of_a_seed_are_scored_as_sets_and_by_class(score, real, tmp_path):
    wanted = "frechet,precision,mind,path_length"
    status, said, facts = score("classes", real, "--count", 150, "--seed", 4, "--metrics", wanted)
    assert status == 0, said
    assert facts["count"] == 150
    assert set(facts["metrics"]) == {"frechet_pixels", "precision_pixels", "path_length_pixels"}
    assert "mind_pixels needs 200 pictures of each set or more, here are 150 outputs and 60 real" in said
    for name, (low, high) in facts["intervals"].items():
        assert low <= facts["metrics"][name] <= high
    assert 0 < facts["metrics"]["path_length_pixels"] < 10  # a class that changed on the way would make it 10 ** 5
    assert set(facts["classes"]) == set(CLASSES)
    assert "20 real" in facts["classes"]["red"]["refused"]["all"]
    assert "Pictures 0 to 149 of seed 4, beside 60 real ones of test." in said
    assert Image.open(tmp_path / "out" / "sheet.png").width > 100
    assert not (tmp_path / "out" / "scores.csv").exists()


def test_a_classifier_of_known_accuracy_counts_modes_and_tells_what_was_asked(score, corner, real):
    wanted = "modes,modes_kl,sureness,as_asked"
    status, said, facts = score("classes", real, "--count", 150, "--classifier", corner("bgr"), "--metrics", wanted)
    assert status == 0, said  # classes are folders in their order: blue, green, red
    figures = facts["metrics"]
    assert figures["modes"] == 3
    assert figures["as_asked"] == 1
    assert figures["modes_kl"] == pytest.approx(0, abs=0.05)
    assert 0.5 < figures["sureness"] <= 1
    assert "as seen by bgr.onnx, which is right in 100.0% of 60 real pictures" in facts["definitions"]["modes"]
    assert facts["classes"]["green"]["metrics"] == {"as_asked": 1}

    status, said, facts = score("classes", real, "--count", 90, "--classifier", corner("brg"), "--metrics", wanted)
    assert "right in 33.3% of 60" in said
    assert facts["metrics"]["as_asked"] == pytest.approx(1 / 3)
    assert [facts["classes"][name]["metrics"]["as_asked"] for name in CLASSES] == [0, 0, 1]


def test_what_cannot_be_asked_is_refused_with_the_way_out(score, corner, real, models, i2i, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    Image.new("RGB", (24, 24)).save(flat / "0.png")
    for name, data, words, reason in [
        ("classes", real, ("--metrics", "modes"), "add --classifier FILE"),
        ("classes", real, ("--metrics", "l1,frechet"), "l1 compares an output with its truth"),
        ("classes", flat, ("--classifier", corner("bgr")), "has no class folders"),
        ("classes", real, ("--classifier", corner("rg")), "knows 2 classes, and the real pictures have 3"),
        ("classes", real, ("--classifier", models / "no.onnx"), "There is no classifier"),
        ("plain", real, ("--metrics", "as_asked", "--classifier", corner("bgr")), "of files that are told a class"),
        ("plain", real, ("--native",), "--native is for translators"),
        ("plain", real, ("--copies-of", "train"), "Name the folder of training pictures"),
    ]:
        status, said, _ = score(name, data, "--count", 60, *words)
        assert (status, reason in said) == (2, True), said
    status, _, err = i2i("evaluate", real, real, "--seed", 3)
    assert (status, "--seed is for models that make pictures from noise, and here is two folders" in err) == (2, True)
    status, _, err = i2i("evaluate", real, real, "--metrics", "path_length", "--out", tmp_path)
    assert (status, "name the run or the ONNX file itself" in err) == (2, True)


def test_alpha_is_scored_as_it_is_seen_on_white(score, models, tmp_path):
    made = Generator(models / "alpha.onnx", device="cpu")
    (tmp_path / "a").mkdir()
    wanted = []
    for n in range(60):
        picture = made(seed=0, number=n)
        picture.save(tmp_path / "a" / f"{n:02d}.png")
        white = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
        wanted.append(np.asarray(white, np.float32) / 255)
    fakes = [pixels for _, pixels, _ in generated(made, [Pick(0, n) for n in range(60)], None)]
    reals = list(RealPictures.find(made, tmp_path / "a", None, 60).pictures([]))
    for sees in (fakes, reals):
        np.testing.assert_allclose(np.stack(sees), np.stack(wanted), atol=0.012)
    _, said, facts = score("alpha", tmp_path / "a", "--count", 60, "--metrics", "precision,recall")
    assert facts["metrics"] == {"precision_pixels": 1, "recall_pixels": 1}, said


def test_real_pictures_are_those_that_training_held_out(models, real):
    made = Generator(models / "classes.onnx", device="cpu")
    assert (RealPictures.find(made, real, None, 100).split, len(RealPictures.find(made, real, None, 100))) == (
        "test",
        60,
    )
    assert len(RealPictures.find(made, real, None, 10)) == 10
    held = {"held_out": ["3", "4", "50"], "pictures": 57}
    made.card = dataclasses.replace(made.card, training=held)
    found = RealPictures.find(made, real, None, 100)
    assert found.split == "val"
    assert {item.path.name for item in found.items} == {"3.png", "4.png", "50.png"}
    assert [found.classes[item.domain] for item in found.items] == ["blue", "green", "red"]  # in turns
    assert len(RealPictures.find(made, real, "train", 100)) == 57


@pytest.mark.parametrize("name", ["plain", "style"])
def test_the_path_length_is_the_mean_squared_speed_of_pictures_on_the_way(models, name):
    made = Generator(models / f"{name}.onnx", device="cpu")
    (row,) = smoothness(made, 40, 5, None, "pixels", (), lambda *_: None, lambda *_, **__: None).values()
    asked = []
    spy = SimpleNamespace(
        card=made.card,
        size=made.size,
        is_style=made.is_style,
        pictures=lambda picks: asked.extend(picks) or made.pictures(picks),
    )
    (again,) = smoothness(spy, 40, 5, None, "pixels", (), lambda *_: None, lambda *_, **__: None).values()
    assert again.compute([], []) == row.compute([], [])
    assert len(asked) == 80
    wide = 2e-3
    speeds = []
    for pick in asked[::2]:
        at = min(max(pick.at, wide), 1 - wide)
        a, b = made.pictures([dataclasses.replace(pick, at=at - wide), dataclasses.replace(pick, at=at + wide)])
        speeds.append(float(((a.astype(float) - b) ** 2).mean()) / (2 * wide) ** 2)
    assert row.compute([], []) == pytest.approx(path_length(np.array(speeds), 1).value, rel=0.03)
    low, high = row.interval([], [])
    assert low < row.compute([], []) < high


def test_the_path_length_is_named_after_what_it_is_measured_on(models, tmp_path):
    from torchvision.models import squeezenet1_1

    torch.save(squeezenet1_1(weights=None).state_dict(), tmp_path / "s.pth")
    channels = [64, 128, 256, 384, 384, 512, 512]
    heads = {f"lin{n}.model.1.weight": torch.rand(1, c, 1, 1) for n, c in enumerate(channels)}
    torch.save(heads, tmp_path / "h.pth")
    made = Generator(models / "plain.onnx", device="cpu")

    def row(features, files):
        return smoothness(made, 6, 0, None, features, files, lambda *_: None, lambda *_, **__: None)

    for features, files, name in (
        (None, (tmp_path / "s.pth", tmp_path / "h.pth"), "lpips"),
        (str(tmp_path / "s.pth"), (), "squeezenet"),
    ):
        ((key, metric),) = row(features, files).items()
        assert key == f"path_length_{name}"
        assert metric.compute([], []) > 0
        assert metric.definition.startswith("perceptual path length (Karras et al. 2019) by ")
    with pytest.raises(ModelFileError, match="no file of weights"):  # a file that was named is not passed over
        row(None, (tmp_path / "nothing.pth", tmp_path / "h.pth"))


def test_the_path_length_leaves_out_the_longest_and_shortest_steps():
    distances = np.concatenate([np.full(98, 4e-8), [0.0, 1.0]])
    assert path_length(distances).value == pytest.approx(4.0)
    assert path_length(4 * distances, 2e-4).value == pytest.approx(4.0)


def test_the_interval_of_the_path_length_covers_the_truth():
    draw = np.random.default_rng(1)
    many = np.exp(draw.standard_normal(10**6))
    truth = path_length(many, 1).value
    found = [path_length(np.exp(draw.standard_normal(300)), 1) for _ in range(500)]
    assert 0.92 < np.mean([one.low <= truth <= one.high for one in found]) < 0.985


def rows(shares, n=400, asked=None):
    """(n, K + 1): as many pictures of each class, all seen with certainty."""
    which = np.repeat(np.arange(len(shares)), [round(share * n) for share in shares])
    classes = np.full(len(which), -1) if asked is None else np.resize(asked, len(which))
    return np.column_stack([np.eye(len(shares))[which], classes])


def test_figures_of_classes_are_those_of_known_shares():
    even = rows([0.25] * 4)
    assert seen.modes(even, even).value == 4
    few = rows([0.5, 0.48, 0.02, 0.0])
    found = seen.modes(few, even)
    assert (found.value, found.low, found.high) == (2, 2, 3)  # 2 of 100 may well be a tenth of a quarter
    assert seen.kl(even, even).value == pytest.approx(0, abs=1e-9)
    half = seen.kl(rows([0.5, 0.5, 0.0, 0.0]), even)
    assert half.value == pytest.approx(np.log(2))
    assert half.low <= half.value <= half.high
    assert seen.sureness(even, even).value == 1
    right = seen.as_asked(rows([0.5, 0.5], asked=[0]), even)
    assert (right.value, right.low < 0.5 < right.high) == (0.5, True)
    assert seen.accuracy(rows([1.0, 0.0], asked=[0, 0, 0, 1])) == 0.75
    assert np.isnan(seen.accuracy(even))


def test_the_interval_of_a_share_covers_the_truth():
    draw = np.random.default_rng(0).binomial(100, 0.9, 2000) / 100
    low, high = seen.wilson(draw, 100)
    assert 0.92 < ((low <= 0.9) & (high >= 0.9)).mean() < 0.98


def test_a_torchscript_classifier_is_asked_in_its_channels(tmp_path):
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    path = tmp_path / "grey.pt"
    torch.jit.trace(net.eval(), torch.zeros(1, 1, 8, 8)).save(path)
    classifier = Classifier(path)
    picture = np.random.default_rng(0).random((8, 8, 3)).astype(np.float32)
    shares = classifier(picture)
    assert shares.shape == (2,)
    assert shares.sum() == pytest.approx(1)
    grey = np.asarray(Image.fromarray(np.rint(picture * 255).astype(np.uint8)).convert("L"), np.float32) / 255
    wanted = net(torch.from_numpy(grey)[None, None]).softmax(1)[0].detach().numpy()
    np.testing.assert_allclose(shares, wanted, atol=1e-6)
    (tmp_path / "bad.pt").write_bytes(b"nothing")
    with pytest.raises(ModelFileError, match="neither ONNX"):
        Classifier(tmp_path / "bad.pt")


def test_python_scores_a_file_from_noise_as_well(real, models, tmp_path, monkeypatch):
    import i2i

    monkeypatch.setenv("I2I_CACHE", str(tmp_path))
    found = i2i.evaluate(models / "plain.onnx", real, metrics=["swd"])
    assert len(found.rows) == 1000
    low, high = found.interval("swd")
    assert low <= found.value("swd") <= high
