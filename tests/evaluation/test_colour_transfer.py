"""Colour transfers equal their definitions, and no affine map beats the best one."""

from __future__ import annotations

import numpy as np
import pytest

from i2i.errors import DataError
from i2i.evaluation.colour_transfer import ColourMap, Colours, best_affine, monge_kantorovich


def picture(seed: int, height: int = 24, width: int = 20, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.3, 0.7, (height, width, channels)).astype(np.float32)


def mixed(x: np.ndarray, matrix: np.ndarray, offset: float) -> np.ndarray:
    return (x @ matrix + offset).astype(np.float32)


def test_colours_are_the_mean_and_covariance_over_pictures_of_the_same_weight() -> None:
    small, large = picture(0, 4, 4), picture(1, 40, 40) * np.float32(0.5)
    got = Colours([small, large])
    flat = [p.reshape(-1, 3).astype(float) for p in (small, large)]
    weights = np.repeat([0.5 / len(f) for f in flat], [len(f) for f in flat])
    assert np.allclose(got.mean, np.average(np.concatenate(flat), 0, weights))
    assert np.allclose(got.covariance, np.cov(np.concatenate(flat).T, aweights=weights, ddof=0))


def test_the_transfer_gives_one_domain_the_mean_and_covariance_of_the_other() -> None:
    matrix = np.array([[0.5, 0.2, 0], [0.1, 0.6, 0.1], [0, 0.1, 0.4]])
    source, target = [picture(n) for n in range(4)], [mixed(picture(9 + n), matrix, 0.1) for n in range(4)]
    found = monge_kantorovich(Colours(source), Colours(target))
    moved, wanted = Colours([found(p) for p in source]), Colours(target)
    assert np.allclose(moved.mean, wanted.mean, atol=1e-5)
    assert np.allclose(moved.covariance, wanted.covariance, atol=1e-5)
    assert np.allclose(found.matrix, found.matrix.T)  # of all maps that do so, the one that moves least is symmetric
    assert (np.linalg.eigvalsh(found.matrix) > 0).all()


def test_of_one_channel_the_transfer_is_the_ratio_of_the_spreads() -> None:
    source, target = picture(0, channels=1), picture(1, channels=1) * np.float32(0.5)
    found = monge_kantorovich(Colours([source]), Colours([target]))
    assert found.matrix.item() == pytest.approx(target.std() / source.std(), rel=1e-3)
    with pytest.raises(ValueError, match="channels"):
        monge_kantorovich(Colours([source]), Colours([picture(1)]))


def test_grey_pictures_of_three_channels_have_a_transfer_too() -> None:
    grey = np.repeat(picture(0, channels=1), 3, axis=2)
    out = monge_kantorovich(Colours([grey]), Colours([picture(1)]))(grey)
    assert np.isfinite(out).all()


def test_the_best_map_is_found_though_a_third_of_the_pixels_say_otherwise() -> None:
    """Least squares would be pulled away; least absolute deviations is not."""
    matrix = np.array([[0.5, 0.2, 0.1], [0.1, 0.6, 0.1], [0.2, 0.1, 0.4]])
    x = picture(0, 60, 60)
    y = mixed(x, matrix, 0.05)
    y[:20] = 1
    found = best_affine([(x, y)], 1)
    assert np.allclose(found.matrix, matrix, atol=5e-3)
    assert np.allclose(found.offset, 0.05, atol=5e-3)


def test_no_affine_map_near_the_best_one_beats_it_and_the_transfer_does_not_either() -> None:
    rng = np.random.default_rng(0)
    xs = [picture(n) for n in range(5)]
    pairs = [(x, np.clip(x**2 * 3 + rng.normal(0, 0.2, x.shape), 0, 1).astype(np.float32)) for x in xs]

    def error(found: ColourMap) -> float:
        return float(np.mean([np.abs(found(x) - y).mean() for x, y in pairs]))

    best = best_affine(pairs, len(pairs))
    least = error(best)
    assert least < error(monge_kantorovich(Colours(x for x, _ in pairs), Colours(y for _, y in pairs)))
    for size in (0.003, 0.03, 0.3):
        for _ in range(40):
            other = ColourMap(best.matrix + rng.normal(0, size, (3, 3)), best.offset + rng.normal(0, size, 3))
            assert error(other) > least - 1e-4


def test_what_clips_is_fitted_as_it_is_shown() -> None:
    """Values that the truth cuts off at 1 are met by a line that goes beyond it."""
    x = np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20, 1)
    y = np.clip(2 * x, 0, 1)
    found = best_affine([(x, y)], 1)
    assert np.abs(found(x) - y).mean() < 0.005


def test_maps_take_other_channels_out_than_in_and_need_a_pair() -> None:
    x = picture(0, channels=1)
    assert best_affine([(x, np.repeat(x, 3, axis=2))], 1)(x).shape == (24, 20, 3)
    with pytest.raises(DataError, match="no pairs"):
        best_affine([], 0)
    with pytest.raises(DataError, match="colours"):
        Colours([])
