"""Copies of training pictures are found however they were changed, and honest pictures are left alone."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from i2i.datasets.synthetic.samples import SAMPLES
from i2i.evaluation.copies.metric import SURE, threshold
from i2i.evaluation.copies.search import Originals, Seen

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "scores" / "copies.py"
SPEC = importlib.util.spec_from_file_location("the_study", FILE)
the_study = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(the_study)
CHANGES, auroc, load = the_study.CHANGES, the_study.auroc, the_study.load


@pytest.fixture(scope="module")
def houses(tmp_path_factory):
    return load(SAMPLES["facades"].write(tmp_path_factory.mktemp("houses") / "f", count=60, size=64))


def test_planted_copies_are_found_and_lead_to_their_originals(houses):
    training, honest = houses[:40], houses[40:]
    originals = Originals((str(n), picture) for n, picture in enumerate(training))
    rng = np.random.default_rng(0)
    likest = [value for value, _ in originals.likest([Seen.of(picture) for picture in honest])]
    for name, (change, least) in CHANGES.items():
        found = originals.likest([Seen.of(change(rng, picture)) for picture in training[:25]])
        assert auroc([value for value, _ in found], likest) >= least, name
        assert np.mean([which == n for n, (_, which) in enumerate(found)]) >= 0.9, name


def test_a_copy_has_a_similarity_of_one_and_a_flat_picture_none(houses):
    originals = Originals([("a", houses[0])])
    assert originals.likest([Seen.of(houses[0])])[0] == (pytest.approx(1, abs=1e-3), 0)
    assert originals.likest([Seen.of(np.full_like(houses[0], 0.5))])[0][0] < 0.3


def test_the_threshold_lets_honest_pictures_through_as_often_as_it_says():
    """Over 2,000 draws of 50 and of 200 held-out pictures, further ones exceed it in at most 2.5 %."""
    draw = np.random.default_rng(0)
    for n in (50, 200):
        rates = [np.mean(draw.beta(8, 8, 200) > threshold(list(draw.beta(8, 8, n)))) for _ in range(2000)]
        assert np.mean(rates) <= 0.027


def test_duplicates_among_the_held_out_do_not_hide_copies():
    honest = list(np.linspace(0.3, 0.6, 60))
    assert threshold([*honest, 1.0, 0.99, 0.98]) == threshold(honest) < SURE
    assert threshold([1.0, 1.0]) == SURE


def save(folder, pictures, suffix="png"):
    folder.mkdir(parents=True)
    for n, picture in enumerate(pictures):
        Image.fromarray((picture * 255).astype(np.uint8)).save(folder / f"{n}.{suffix}")


def test_i2i_evaluate_tells_the_share_and_shows_the_pairs(i2i, tmp_path, monkeypatch):
    draw = np.random.default_rng(0)

    def scenes(count):
        return [np.kron(draw.random((6, 6, 3)), np.ones((8, 8, 1))).astype(np.float32) for _ in range(count)]

    training, held, outputs = scenes(30), scenes(52), scenes(50)
    outputs[3], outputs[7] = np.ascontiguousarray(training[11][:, ::-1]), training[4][..., ::-1]
    save(tmp_path / "training", training)
    save(tmp_path / "real", held)
    save(tmp_path / "made", outputs)
    words = ("--metrics", "swd", "--copies-of", tmp_path / "training", "--json", tmp_path / "s.json")
    status, out, err = i2i("evaluate", tmp_path / "made", tmp_path / "real", *words, "--out", tmp_path / "out")
    assert status == 0, err
    facts = json.loads((tmp_path / "s.json").read_text())
    assert 0.04 <= facts["metrics"]["copies"] <= 0.1
    low, high = facts["intervals"]["copies"]
    assert low < facts["metrics"]["copies"] < high
    assert "outputs are suspected" in out
    assert Image.open(tmp_path / "out" / "copies.png").width == 2 * 264 + 8
    assert i2i("evaluate", tmp_path / "made", tmp_path / "real", "--copies-of", tmp_path / "none")[0] == 2
