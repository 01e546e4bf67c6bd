"""`i2i evaluate MODEL DATA` for what makes pictures from noise: sets, classes, what a classifier sees, smoothness."""

import dataclasses
import json
import re
import shutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from latent_models import CLASSES, write_latent_model
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from i2i.datasets.streams.single import SingleSource
from i2i.errors import ModelFileError, RequestError
from i2i.evaluation.classifier import Classifier
from i2i.evaluation.path_length import path_length
from i2i.evaluation.sets import seen
from i2i.serving.generation.generator import Generator
from i2i.serving.generation.picks import Pick
from i2i.workflows.scoring.generated import generated
from i2i.workflows.scoring.metrics import metrics_for, ready
from i2i.workflows.scoring.real import RealPictures
from i2i.workflows.scoring.smoothness import distance_of, smoothness


@pytest.fixture(autouse=True)
def without_weights(tmp_path, monkeypatch):
    """No weights are at hand, whatever this machine has."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for name in ("I2I_SQUEEZENET", "I2I_LPIPS", "I2I_VGG16", "I2I_INCEPTION"):
        monkeypatch.delenv(name, raising=False)


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


def test_all_of_pictures_from_noise_is_what_needs_no_truth(score, real):
    """With classes and smoothness; what takes more pictures is refused by name."""
    status, said, facts = score("classes", real, "--count", 60, "--metrics", "all")
    assert status == 0, said
    assert {"swd", "frechet_pixels", "recall_pixels", "path_length_pixels"} <= set(facts["metrics"])
    assert {"kernel_pixels", "mind_pixels", "density_pixels"} <= set(facts["refused"])
    assert not {"l1", "psnr", "identity"} & {*facts["metrics"], *facts["refused"]}


def test_a_classifier_of_known_accuracy_counts_modes_and_tells_what_was_asked(score, corner, real):
    wanted = "modes,modes_kl,confidence,label_accuracy"
    status, said, facts = score("classes", real, "--count", 150, "--classifier", corner("bgr"), "--metrics", wanted)
    assert status == 0, said  # classes are folders in their order: blue, green, red
    figures = facts["metrics"]
    assert figures["modes"] == 3
    assert figures["label_accuracy"] == 1
    assert figures["modes_kl"] == pytest.approx(0, abs=0.05)
    assert 0.5 < figures["confidence"] <= 1
    assert "as seen by bgr.onnx, which is right in 100.0% of 60 real pictures" in facts["definitions"]["modes"]
    assert facts["classes"]["green"]["metrics"] == {"label_accuracy": 1}

    status, said, facts = score("classes", real, "--count", 90, "--classifier", corner("brg"), "--metrics", wanted)
    assert "right in 33.3% of 60" in said
    assert facts["metrics"]["label_accuracy"] == pytest.approx(1 / 3)
    assert [facts["classes"][name]["metrics"]["label_accuracy"] for name in CLASSES] == [0, 0, 1]


def test_classes_that_the_folder_lacks_are_named_and_count_for_nothing(score, corner, real, tmp_path):
    some = tmp_path / "some"
    for name in CLASSES[:2]:
        shutil.copytree(real / name, some / name)
    order = "".join(sorted(name[0] for name in CLASSES[:2]))
    words = ("--count", 90, "--classifier", corner(order), "--metrics", "label_accuracy")
    status, said, facts = score("classes", some, *words)
    assert (status, facts["metrics"]["label_accuracy"]) == (0, 1), said
    assert f"label_accuracy is of the other classes: classes makes {CLASSES[2]}, and {some} has no such folder" in said
    for name in CLASSES[:2]:
        (some / name).rename(some / f"{name}ish")
    status, said, _ = score("classes", some, *words)
    assert (status, "label_accuracy has no figure: classes makes" in said) == (2, True), said


def test_what_cannot_be_asked_is_refused_with_the_way_out(score, corner, real, models, i2i, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    Image.new("RGB", (24, 24)).save(flat / "0.png")
    for name, data, words, reason in [
        ("classes", real, ("--metrics", "modes"), "add --classifier FILE"),
        ("classes", real, ("--metrics", "l1,frechet"), "l1 compares an output with its truth"),
        ("classes", flat, ("--classifier", corner("bgr")), "has no two class folders"),
        ("classes", real, ("--classifier", corner("rg")), "knows 2 classes, and the real pictures have 3"),
        ("classes", real, ("--classifier", models / "no.onnx"), "There is no classifier"),
        (
            "plain",
            real,
            ("--metrics", "label_accuracy", "--classifier", corner("bgr")),
            "of files that are told a class",
        ),
        ("plain", real, ("--native",), "--native is for translators"),
        ("plain", real, ("--copies-of", "train"), "Name the folder of training pictures"),
    ]:
        status, said, _ = score(name, data, "--count", 60, *words)
        assert (status, reason in said) == (2, True), said
    status, _, err = i2i("evaluate", real, real, "--seed", 3)
    assert (status, "--seed is for models that make pictures from noise, and here is two folders" in err) == (2, True)
    status, _, err = i2i("evaluate", real, real, "--metrics", "path_length", "--out", tmp_path)
    assert (status, "name the run or the ONNX file itself" in err) == (2, True)
    with pytest.raises(RequestError, match="modes is of models that make pictures from noise, and facades translates"):
        metrics_for(["modes"], (), SimpleNamespace(name="facades", output_channels=3))
    told = []
    assert "frechet_pixels" in ready(None, ("frechet", "classes"), 3, say=told.append, features="pixels")
    assert told == []  # pixels know no classes, and nobody asked for any


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
    found = RealPictures.find(made, tmp_path / "a", None, 60)
    by_name = {item.name: picture for item, (picture, _) in zip(found.items, found.labelled([]), strict=True)}
    reals = [by_name[name] for name in sorted(by_name)]
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


def test_held_out_pictures_are_found_where_classes_have_pictures_of_one_name(models, tmp_path):
    for name in CLASSES:
        (tmp_path / name).mkdir()
        for n in range(6):
            Image.new("RGB", (24, 24), (40 * n, 0, 0)).save(tmp_path / name / f"{n}.png")
    source = SingleSource(tmp_path, holdout=0.2)
    held = {source.layout.named(item) for item in source.layout.splits["val"]}
    assert len(held) == 3
    made = Generator(models / "classes.onnx", device="cpu")
    made.card = dataclasses.replace(made.card, training={"held_out": source.held_out, "pictures": source.count})
    found = RealPictures.find(made, tmp_path, None, 100)
    assert (found.split, {source.layout.named(item) for item in found.items}, found.note) == ("val", held, "")
    bare = sorted({name.split("/")[1] for name in source.held_out})  # as older files name them
    made.card = dataclasses.replace(made.card, training={"held_out": bare, "pictures": source.count})
    found = RealPictures.find(made, tmp_path, None, 100)
    assert (len(found), found.note.startswith("Training pictures are among the real ones")) == (18, True)


def test_real_pictures_have_the_shares_of_their_folder_unless_classes_are_asked_for(models, tmp_path):
    for name, count in zip(CLASSES, (90, 5, 5), strict=True):
        (tmp_path / name).mkdir()
        for n in range(count):
            (tmp_path / name / f"{n:02d}.png").touch()
    shares = {}
    for name in ("plain", "classes"):
        found = RealPictures.find(Generator(models / f"{name}.onnx", device="cpu"), tmp_path, None, 40)
        shares[name] = Counter(found.classes[item.domain] for item in found.items)
        again = RealPictures.find(Generator(models / f"{name}.onnx", device="cpu"), tmp_path, None, 40)
        assert found.items == again.items
    assert shares["plain"][CLASSES[0]] > 30
    assert shares["classes"] == {CLASSES[0]: 30, CLASSES[1]: 5, CLASSES[2]: 5}
    first = [item.path.name for item in found.items if item.domain == found.classes.index(CLASSES[0])]
    assert sorted(first) != [f"{n:02d}.png" for n in range(30)]  # drawn, and not the first by name


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


def test_the_path_length_is_named_after_what_it_is_measured_on(models, tmp_path, monkeypatch):
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
        (str(tmp_path / "s.pth"), (tmp_path / "s.pth", tmp_path / "h.pth"), "lpips"),
        ("inception", (), "pixels"),  # it rounds to 8 bits what differs by 1e-4
    ):
        ((key, metric),) = row(features, files).items()
        assert key == f"path_length_{name}"
        assert metric.compute([], []) > 0
        assert metric.definition.startswith("perceptual path length") == (name == "lpips")
        assert "path length (Karras et al. 2019) by " in metric.definition
    monkeypatch.setenv("I2I_SQUEEZENET", str(tmp_path / "s.pth"))
    monkeypatch.setenv("I2I_LPIPS", str(tmp_path / "h.pth"))
    assert list(row(None, ())) == ["path_length_lpips"]
    assert list(row("pixels", ())) == ["path_length_pixels"]  # what was named goes before what is at hand
    with pytest.raises(RequestError, match="LPIPS needs 17 pixels a side, and these pictures have 16"):
        distance_of(None, (tmp_path / "s.pth", tmp_path / "h.pth"), 16, lambda *_, **__: None)
    with pytest.raises(ModelFileError, match="no file of weights"):  # a file that was named is not passed over
        row(None, (tmp_path / "nothing.pth", tmp_path / "h.pth"))


def test_the_path_length_leaves_out_the_longest_and_shortest_steps():
    distances = np.concatenate([np.full(398, 4e-8), [0.0, 1.0]])
    assert path_length(distances).value == pytest.approx(4.0)
    assert path_length(4 * distances, 2e-4).value == pytest.approx(4.0)
    by_authors = np.random.default_rng(0).random(250)  # numpy's words for what their code cuts off
    low, high = (np.percentile(by_authors, q, method=m) for q, m in ((1, "lower"), (99, "higher")))
    kept = by_authors[(by_authors >= low) & (by_authors <= high)]
    assert path_length(by_authors, 1).value == pytest.approx(kept.mean())
    assert len(kept) == 246


def test_a_path_length_of_a_few_pictures_is_refused_and_real_ones_do_not_count(score, real, tmp_path):
    status, said, _ = score("plain", real, "--count", 2, "--metrics", "path_length")
    assert (status, "path_length_pixels needs 50 pictures" in said) == (2, True), said
    few = tmp_path / "few"
    few.mkdir()
    for n in range(3):
        Image.new("RGB", (24, 24), (n, 0, 0)).save(few / f"{n}.png")
    status, said, facts = score("plain", few, "--count", 50, "--metrics", "path_length")
    assert (status, list(facts["metrics"])) == (0, ["path_length_pixels"]), said


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
    assert seen.confidence(even, even).value == 1
    right = seen.label_accuracy(rows([0.5, 0.5], asked=[0]), even)
    assert (right.value, right.low < 0.5 < right.high) == (0.5, True)
    some = seen.label_accuracy(rows([0.5, 0.5], n=40, asked=[0, -1]), even)  # the interval is of those that are known
    assert (some.value, some.low) == (0.5, pytest.approx(float(seen.wilson(np.array([0.5]), 20)[0][0])))
    assert seen.accuracy(rows([1.0, 0.0], asked=[0, 0, 0, 1])) == 0.75
    assert np.isnan(seen.accuracy(even))


@pytest.mark.parametrize(("asked", "right"), [(False, 0.9), (True, 0.9), (True, 0.6)])
def test_the_interval_of_the_kl_of_classes_is_no_wider_than_chance_and_covers_what_such_sets_have(asked, right):
    draw, kinds, n = np.random.default_rng(2), 10, 200

    def drawn(share):
        wanted = np.arange(n) % kinds if asked else draw.integers(0, kinds, n)
        shown = np.where(draw.random(n) < share, wanted, draw.integers(0, 5, n))  # errs towards some classes
        return np.column_stack([np.eye(kinds)[shown], wanted if asked else np.full(n, -1)])

    found = [seen.kl(drawn(right), drawn(0.98)) for _ in range(400)]
    values = np.array([one.value for one in found])
    wide = np.array([one.high - one.low for one in found])
    assert np.mean([one.low <= values.mean() <= one.high for one in found]) > 0.9
    assert np.median(wide) < 1.5 * 2 * 1.96 * values.std()


def test_the_interval_of_a_share_covers_the_truth():
    draw = np.random.default_rng(0).binomial(100, 0.9, 2000) / 100
    low, high = seen.wilson(draw, 100)
    assert 0.92 < ((low <= 0.9) & (high >= 0.9)).mean() < 0.98


class Log(torch.nn.Module):
    """Of what is below 0 it is NaN."""

    def forward(self, x):
        return (x - 2).log()


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
    fixed = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
    torch.jit.trace(fixed.eval(), torch.zeros(1, 1, 8, 8)).save(tmp_path / "fixed.pt")
    with pytest.raises(
        ModelFileError, match=r"shapes cannot be multiplied.*export the classifier as ONNX with a fixed"
    ):
        Classifier(tmp_path / "fixed.pt")(np.zeros((9, 9, 1), np.float32))
    torch.jit.trace(torch.nn.Sequential(net, torch.nn.Hardtanh(), Log()), torch.zeros(1, 1, 8, 8)).save(path)
    with pytest.raises(ModelFileError, match="gives NaN or infinity"):
        Classifier(path)(picture)
    (tmp_path / "bad.pt").write_bytes(b"nothing")
    with pytest.raises(ModelFileError, match="neither ONNX"):
        Classifier(tmp_path / "bad.pt")


def test_the_line_that_exports_a_classifier_makes_one_file_that_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "evaluation" / "from-noise.md").read_text()
    line = re.search(r"^torch\.onnx\.export\(.*\)$", page, re.M).group()
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    exec(line, {"torch": torch, "net": net})
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["digits_classifier.onnx"]
    picture = np.random.default_rng(0).random((28, 28, 1)).astype(np.float32)
    wanted = net(torch.from_numpy(picture).reshape(1, 1, 28, 28)).softmax(1)[0].detach().numpy()
    np.testing.assert_allclose(Classifier(tmp_path / "digits_classifier.onnx")(picture), wanted, atol=1e-5)
    assert Classifier(tmp_path / "digits_classifier.onnx")(np.zeros((40, 30, 3), np.float32)).shape == (10,)


def test_python_scores_a_file_from_noise_as_well(real, models, tmp_path, monkeypatch):
    import i2i

    monkeypatch.setenv("I2I_CACHE", str(tmp_path))
    found = i2i.evaluate(models / "plain.onnx", real, metrics=["swd"])
    assert len(found.rows) == 1000
    low, high = found.interval("swd")
    assert low <= found.value("swd") <= high
    few = i2i.evaluate(models / "plain.onnx", real, metrics=["swd"], count=60, seed=3, truncation=0.7)
    assert len(few.rows) == 60
    with pytest.raises(RequestError, match="native is for translators"):
        i2i.evaluate(models / "plain.onnx", real, native=True)
    with pytest.raises(RequestError, match="count begins at 1"):
        i2i.evaluate(models / "plain.onnx", real, count=0)
