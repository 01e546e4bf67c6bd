"""A folder of unpaired pictures is scored on the scenes that it knows in both domains, beside colour transfers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_models import write_model

COUNT = 5


@pytest.fixture(scope="module")
def domains(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Colours and greys of other pictures to train on; in test each colour picture and its grey, and two without."""
    root = tmp_path_factory.mktemp("domains")
    rng = np.random.default_rng(0)
    for folder, names in (
        ("trainA", [f"a{n}" for n in range(8)]),
        ("trainB", [f"b{n}" for n in range(8)]),
        ("testA", [*(f"t{n}" for n in range(COUNT)), "only-a"]),
        ("testB", [*(f"t{n}" for n in range(COUNT)), "only-b"]),
    ):
        (root / folder).mkdir()
        for name in names:
            coarse = rng.integers(0, 256, (4, 4, 3), np.uint8) // np.array([1, 2, 4], np.uint8)
            if folder == "testB" and name.startswith("t"):
                coarse = np.asarray(Image.open(root / "testA" / f"{name}.png"))[8::16, 8::16]
            picture = np.kron(coarse, np.ones((16, 16, 1), np.uint8))
            if folder.endswith("B"):
                picture = np.repeat(np.rint(picture.mean(2, keepdims=True)).astype(np.uint8), 3, axis=2)
            Image.fromarray(picture).save(root / folder / f"{name}.png")
    return root


def facts_of(i2i, model: Path, root: Path, *words: str) -> dict[str, object]:
    out = model.parent / "s.json"
    status, _, err = i2i("evaluate", model, root, "--json", out, "--device", "cpu", *words)
    assert status == 0, err
    return json.loads(out.read_text())


@pytest.mark.parametrize("method", ["cyclegan", "adopted"])
def test_common_names_of_test_are_the_truth(i2i, domains, tmp_path, method):
    """The model says the mean of the channels, which is the truth; nothing that maps each channel apart does."""
    model = write_model(tmp_path, "mix", method=method, training={"size": 64})
    facts = facts_of(i2i, model, domains)
    assert facts["count"] == COUNT
    assert list(facts["baselines"]) == ["input", "transfer", "best transfer"]
    assert facts["metrics"]["l1"] < 0.003
    l1 = {name: figures["l1"] for name, figures in facts["baselines"].items()}
    assert l1["best transfer"] < 0.003  # an affine map of the colours is all that it takes
    assert l1["best transfer"] < l1["transfer"] < l1["input"]
    assert "only" not in (model.parent / "model-evaluation" / "scores.csv").read_text()


def test_the_other_direction_takes_the_other_domain_as_its_input(i2i, domains, tmp_path):
    """Of a grey picture the mean of the channels is the picture itself: the model is as far off as the input."""
    model = write_model(tmp_path, "mix", method="cyclegan", training={"size": 64, "direction": "b2a"})
    facts = facts_of(i2i, model, domains)
    l1 = {name: figures["l1"] for name, figures in facts["baselines"].items()}
    assert facts["metrics"]["l1"] == pytest.approx(l1["input"], abs=0.003)
    assert l1["input"] > 0.05
    assert l1["best transfer"] < l1["transfer"] < l1["input"] - 0.03


def test_whole_pictures_are_scored_too(i2i, domains, tmp_path):
    model = write_model(tmp_path, "mix", method="cyclegan", training={"size": 16})
    assert facts_of(i2i, model, domains, "--native")["metrics"]["l1"] < 0.003


def test_a_split_without_common_names_tells_no_truth(i2i, domains, tmp_path):
    model = write_model(tmp_path, "mix", method="cyclegan", training={"size": 64})
    status, _, err = i2i("evaluate", model, domains, "--split", "train")
    assert status == 2
    assert "tells no truth" in err
    assert "train" in err
    status, _, err = i2i("evaluate", model, domains, "--split", "trian")
    assert status == 2
    assert "Did you mean 'train'?" in err


def test_two_folders_whose_names_differ_tell_an_unpaired_model_no_truth(i2i, domains, tmp_path):
    for side in "AB":
        (tmp_path / "x" / side).mkdir(parents=True)
        for path in (domains / f"train{side}").iterdir():
            (tmp_path / "x" / side / path.name).write_bytes(path.read_bytes())
    model = write_model(tmp_path, "mix", method="cyclegan", training={"size": 64})
    status, _, err = i2i("evaluate", model, tmp_path / "x")
    assert status == 2
    assert "tells no truth" in err


def test_an_unpaired_model_learns_no_lookup_from_pairs(i2i, sample_pairs, tmp_path):
    """A folder of pairs scores it as well, beside baselines that know as little of the pairs as it did."""
    model = write_model(tmp_path, "mix", method="cyclegan", training={"size": 64})
    facts = facts_of(i2i, model, sample_pairs)
    assert facts["count"] == 2
    assert list(facts["baselines"]) == ["input", "transfer", "best transfer"]
    paired = write_model(tmp_path / "p", "mix", method="pix2pix", training={"size": 64})
    assert list(facts_of(i2i, paired, sample_pairs)["baselines"]) == ["input", "lookup"]


def test_a_broken_picture_costs_its_pair_alone(i2i, domains, tmp_path):
    root = tmp_path / "x"
    for path in domains.rglob("*.png"):
        copy = root / path.relative_to(domains)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    for broken in (root / "testA" / "t0.png", root / "trainA" / "a0.png"):
        broken.write_bytes(broken.read_bytes()[:60])
    model = write_model(tmp_path, "mix", method="cyclegan", training={"size": 64})
    status, _, err = i2i("evaluate", model, root, "--json", tmp_path / "s.json")
    assert status == 1
    assert "t0.png" in err
    assert json.loads((tmp_path / "s.json").read_text())["count"] == COUNT - 1


def test_domains_without_common_names_are_scored_as_sets(i2i, domains, tmp_path):
    """The distance of sets needs no truth: every picture of A's test is translated, all of B's are its measure."""
    for path in domains.rglob("*.png"):
        name = f"other-{path.name}" if path.parent.name == "testB" else path.name
        (tmp_path / "x" / path.parent.name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / path.parent.name / name).write_bytes(path.read_bytes())
    model = write_model(tmp_path, "mix", method="cyclegan", training={"size": 64})
    facts = facts_of(i2i, model, tmp_path / "x", "--metrics", "swd")
    assert facts["count"] == COUNT + 1
    assert list(facts["metrics"]) == ["swd"]
    assert list(facts["baselines"]) == ["input", "transfer"]
    assert facts["metrics"]["swd"] < facts["baselines"]["input"]["swd"]
    assert facts["intervals"]["swd"] is None  # too few pictures
    assert Image.open(model.parent / "model-evaluation" / "sheet.png").width == 2 * 264 + 8
    assert i2i("evaluate", model, tmp_path / "x", "--metrics", "swd,l1")[0] == 2
    facts = facts_of(i2i, model, tmp_path / "x", "--metrics", "all", "--features", "pixels", "--back", str(model))
    assert list(facts["metrics"]) == ["cycle", "identity", "swd"]


def test_a_broken_picture_of_either_set_is_left_out_and_told(i2i, domains, tmp_path):
    for path in domains.rglob("*.png"):
        name = f"other-{path.name}" if path.parent.name == "testB" else path.name
        copy = tmp_path / "x" / path.parent.name / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes()[:60] if path.name == "t0.png" else path.read_bytes())
    model = write_model(tmp_path, "mix", method="cyclegan", training={"size": 64})
    status, _, err = i2i("evaluate", model, tmp_path / "x", "--metrics", "swd", "--json", tmp_path / "s.json")
    assert status == 1
    assert json.loads((tmp_path / "s.json").read_text())["count"] == COUNT
    assert "testA/t0.png" in err
    assert "testB/other-t0.png" in err


def test_pairs_are_scored_as_sets_and_as_pairs_at_once(i2i, sample_pairs, tmp_path):
    model = write_model(tmp_path, "mix", method="pix2pix", training={"size": 64})
    facts = facts_of(i2i, model, sample_pairs, "--metrics", "swd,l1")
    assert facts["count"] == 2
    assert set(facts["metrics"]) == set(facts["baselines"]["lookup"]) == {"swd", "l1"}
    assert facts_of(i2i, model, sample_pairs, "--metrics", "swd")["metrics"]["swd"] == facts["metrics"]["swd"]
