"""`i2i evaluate MODEL DATA` for what makes points or volumes: sets of plain numbers, without a network or a picture."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from i2i.errors import DataError, RequestError, UnknownNameError
from i2i.evaluation.sets import frechet
from i2i.workflows.scoring.evaluate import Scoring, table
from i2i.workflows.scoring.generated import Sampling, score_generator
from i2i.workflows.scoring.numbers import OF_NUMBERS


def generator_of(kind, shape, draw, held_out=()):
    """Makes what `draw` makes of each sample's own chance."""
    card = SimpleNamespace(
        name="made", outputs=[SimpleNamespace(kind=kind, shape=shape)], training={"held_out": list(held_out)}
    )
    return SimpleNamespace(
        card=card, kind=kind, pictures=lambda picks: np.stack([draw(np.random.default_rng(p.number)) for p in picks])
    )


def points(shift=0.0, held_out=()):
    return generator_of("point", (2,), lambda r: (r.normal(0, 0.2, 2) + shift).astype(np.float32), held_out)


def volumes():
    return generator_of("volume", (4, 4, 4), lambda r: r.uniform(0, 1, (4, 4, 4)).astype(np.float32))


@pytest.fixture
def plane(tmp_path):
    """250 real points around the middle."""
    np.save(tmp_path / "plane.npy", np.random.default_rng(99).normal(0, 0.2, (250, 2)).clip(-1, 1).astype(np.float32))
    return tmp_path / "plane.npy"


def test_points_are_compared_as_their_two_numbers(plane):
    scores = score_generator(points(), Scoring(plane), Sampling(220))
    result = scores.result
    assert set(result.metrics) == {f"{name}_points" for name in OF_NUMBERS}
    ours = np.concatenate([points().pictures([SimpleNamespace(number=n)]) for n in range(220)])
    drawn = np.random.default_rng(0).permutation(250)[:220]
    expected = frechet.frechet(ours.astype(np.float64), np.load(plane)[drawn].astype(np.float64))
    assert result.value("frechet_points") == pytest.approx(expected, rel=1e-6)
    assert "Points 0 to 219 of seed 0, beside 220 real ones of all." in " ".join(table(scores).split())
    shifted = score_generator(points(0.3), Scoring(plane, metrics=("frechet", "recall")), Sampling(220)).result
    assert shifted.value("frechet_points") > 10 * expected
    assert shifted.value("recall_points") < result.value("recall_points")


def test_volumes_are_compared_by_the_means_of_their_cells(tmp_path):
    """Files of 8 voxels are averaged down to the 4 that are generated, as in training."""
    real = np.random.default_rng(5).uniform(0, 1, (60, 8, 8, 8)).astype(np.float32)
    np.save(tmp_path / "real.npy", real)
    result = score_generator(volumes(), Scoring(tmp_path, metrics=("frechet",)), Sampling(60)).result
    ours = np.concatenate([volumes().pictures([SimpleNamespace(number=n)]) for n in range(60)]).reshape(60, -1)
    small = real.reshape(60, 4, 2, 4, 2, 4, 2).mean((2, 4, 6)).reshape(60, -1)
    expected = frechet.frechet(ours.astype(np.float64), small.astype(np.float64))
    assert result.value("frechet_voxels") == pytest.approx(expected, rel=1e-4)


def test_points_that_training_held_out_are_the_real_ones(plane):
    names = [f"plane/{n:06d}" for n in range(0, 240, 4)]
    scores = score_generator(points(held_out=names), Scoring(plane, metrics=("frechet",)), Sampling(100))
    assert "beside 60 real ones of val" in scores.note


@pytest.mark.parametrize(
    ("scoring", "error", "said"),
    [
        ({"metrics": ("fid",)}, RequestError, "fid is of pictures, and made makes points.*--metrics frechet,"),
        ({"features": "squeezenet"}, RequestError, "--features is for pictures, and made makes points"),
        ({"split": "test"}, UnknownNameError, "split of .*plane.npy"),
    ],
)
def test_what_numbers_cannot_be_asked_is_refused_with_what_they_can(plane, scoring, error, said):
    with pytest.raises(error, match=said):
        score_generator(points(), Scoring(plane, **scoring), Sampling(60))


def test_data_of_another_kind_is_refused_by_name(plane, tmp_path):
    with pytest.raises(DataError, match=r"plane.npy holds points .* made makes volumes of 4 voxels a side"):
        score_generator(volumes(), Scoring(plane), Sampling(60))
    with pytest.raises(DataError, match=r"holds no \.npy or \.npz files, and made makes points"):
        score_generator(points(), Scoring(Path(tmp_path / "none")), Sampling(60))
