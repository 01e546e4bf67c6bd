"""Figures of sets against closed forms, and against torch-fidelity's and torchmetrics' on the same features."""

import numpy as np
import pytest
import torch

from i2i.evaluation.sets import classes, frechet, kernel, neighbours, projections
from i2i.evaluation.sets.estimate import skewed
from i2i.evaluation.sets.figures import DENSITY, FRECHET, KERNEL, MIND, PRECISION


def features(n, d=16, seed=0, shift=0.0, scale=1.0):
    draw = np.random.default_rng(seed)
    return draw.standard_normal((n, d)) * np.linspace(0.5, 2, d) * scale + shift


def exactly(n, mean, covariance, seed=0):
    """Features whose sample mean and covariance are these to rounding."""
    x = np.random.default_rng(seed).standard_normal((n, len(mean)))
    x -= x.mean(0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
    return x @ np.linalg.cholesky(covariance).T + mean


def test_frechet_distance_of_two_gaussians_is_the_closed_form():
    a = np.diag([1.0, 4.0, 9.0])
    b = np.diag([4.0, 4.0, 1.0])
    x, y = exactly(50, np.array([1.0, 0, 0]), a), exactly(70, np.zeros(3), b, seed=1)
    assert frechet.frechet(x, y) == pytest.approx(1 + (1 - 2) ** 2 + 0 + (3 - 1) ** 2)
    turn = np.linalg.qr(np.random.default_rng(2).standard_normal((3, 3)))[0]
    assert frechet.frechet(x @ turn, y @ turn) == pytest.approx(6)
    assert frechet.frechet(x, x) == pytest.approx(0, abs=1e-9)


def test_the_unbiased_distance_is_right_where_the_published_one_is_not():
    """Equal distributions of 64 features at 100 pictures: 0, and the published one says 32."""
    pairs = [(features(100, 64, seed, scale=1), features(100, 64, seed + 1000)) for seed in range(20)]
    assert np.mean([frechet.frechet(*pair) for pair in pairs]) > 30
    assert abs(np.mean([frechet.frechet_unbiased(*pair) for pair in pairs])) < 2


@pytest.mark.parametrize("n", [12, 40], ids=["fewer pictures than features", "more"])
def test_frechet_distance_is_torch_fidelity_s_and_torchmetrics(n):
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torchmetrics.image.fid import _compute_fid

    x, y = features(n, seed=1), features(n + 5, seed=2, shift=0.3)
    theirs = [fid_features_to_statistics(torch.from_numpy(side)) for side in (x, y)]
    ours = frechet.frechet(x, y)
    assert ours == pytest.approx(fid_statistics_to_metric(*theirs, False)["frechet_inception_distance"], rel=1e-5)
    sides = [(torch.from_numpy(side.mean(0)), torch.from_numpy(np.cov(side.T))) for side in (x, y)]
    assert ours == pytest.approx(float(_compute_fid(*sides[0], *sides[1])), rel=1e-5)


def test_kernel_distance_is_torch_fidelity_s_and_torchmetrics_and_the_definition():
    from torch_fidelity.metric_kid import kid_features_to_metric
    from torchmetrics.image.kid import poly_mmd

    x, y = features(40, seed=1), features(40, seed=2, shift=0.3)
    ours = kernel.kernel_distance(x, y)
    sides = torch.from_numpy(x), torch.from_numpy(y)
    theirs = kid_features_to_metric(
        *sides, kid_subsets=1, kid_subset_size=40, kid_kernel="poly", kid_kernel_poly_degree=3, kid_kernel_poly_coef0=1.0,
        kid_kernel_poly_gamma=None, rng_seed=0, verbose=False,
    )  # fmt: skip
    assert ours == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-6)
    assert ours == pytest.approx(float(poly_mmd(*sides)), rel=1e-6)
    k = [[(float(a @ b) / 16 + 1) ** 3 for b in np.vstack([x, y])] for a in np.vstack([x, y])]
    within = [sum(k[i][j] for i in side for j in side if i != j) / (40 * 39) for side in (range(40), range(40, 80))]
    assert ours == pytest.approx(sum(within) - 2 * np.mean([k[i][j] for i in range(40) for j in range(40, 80)]))


def test_class_score_is_torch_fidelity_s_and_counts_classes():
    from torch_fidelity.metric_isc import isc_features_to_metric

    logits = features(60, 30, seed=3) * 2
    theirs = isc_features_to_metric(torch.from_numpy(logits), splits=1, shuffle=False)
    assert classes.class_score(logits) == pytest.approx(theirs["inception_score_mean"], rel=1e-9)
    sure = np.eye(7)[np.arange(70) % 7] * 1000
    assert classes.class_score(sure) == pytest.approx(7)
    assert classes.class_score(np.zeros((50, 7))) == pytest.approx(1)


def test_the_unbiased_class_score_is_that_of_many_pictures():
    draw = np.random.default_rng(0)
    many = np.eye(40)[draw.integers(0, 40, 40_000)] * 6 + draw.standard_normal((40_000, 40))
    right = classes.class_score(many)
    few = [many[start : start + 200] for start in range(0, 8000, 200)]
    assert np.mean([classes.class_score(part) for part in few]) < right - 0.7
    assert np.mean([classes.class_score_unbiased(part) for part in few]) == pytest.approx(right, abs=0.3)


def test_precision_and_recall_are_torch_fidelity_s():
    from torch_fidelity.metric_prc import prc_features_to_metric

    x, y = features(60, seed=1, scale=0.7), features(80, seed=2, shift=0.2)
    sides = torch.from_numpy(x), torch.from_numpy(y)
    theirs = prc_features_to_metric(
        *sides, prc_neighborhood=3, prc_batch_size=100, save_cpu_ram=False, verbose=False
    )  # fmt: skip
    assert neighbours.precision(x, y) == pytest.approx(theirs["precision"])
    assert neighbours.recall(x, y) == pytest.approx(theirs["recall"])
    assert neighbours.precision(x, y) > neighbours.recall(x, y)


def test_neighbours_by_hand():
    """On a line: reals 0, 1, …, 9; their balls of k 5 and 3 are counted on fingers."""
    real = np.arange(10.0)[:, None]
    assert neighbours.precision(np.array([[4.5], [100.0]]), real) == 0.5
    assert neighbours.precision(np.array([[12.0], [12.1]]), real) == 0.5  # 9's third neighbour is 3 away: on the edge
    inside = [
        sum(abs(y - x) < sorted(abs(x - r) for r in range(10) if r != x)[4] for x in range(10)) for y in (4.5, 11)
    ]
    assert neighbours.density(np.array([[4.5], [11.0]]), real) == pytest.approx(np.mean(inside) / 5)
    held = [any(abs(y - x) < sorted(abs(x - r) for r in range(10) if r != x)[4] for y in (0.5,)) for x in range(10)]
    assert neighbours.coverage(np.array([[0.5]] * 6), real) == pytest.approx(np.mean(held))


def test_equal_distributions_have_density_one_and_the_coverage_of_the_closed_form():
    """Naeem et al.: expected coverage is 1 - (n-1)…(n-k) / ((2n-1)…(2n-k)) for n real and n generated pictures."""
    n, k = 60, 5
    expected = 1 - np.prod([(n - i) / (2 * n - i) for i in range(1, k + 1)])
    pairs = [(features(n, seed=seed), features(n, seed=seed + 500)) for seed in range(60)]
    assert np.mean([neighbours.coverage(*pair) for pair in pairs]) == pytest.approx(expected, abs=0.01)
    assert np.mean([neighbours.density(*pair) for pair in pairs]) == pytest.approx(1, abs=0.05)


def test_mind_of_a_shift_is_three_times_its_square():
    """3 d × the mean of (direction · shift)², which is |shift|² / d on average over directions."""
    x = features(80, 64)
    shift = np.zeros(64)
    shift[:4] = 1.0
    assert projections.mind(x + shift, x) == pytest.approx(3 * 4, rel=0.1)
    assert projections.mind(x, x[::-1]) == pytest.approx(0, abs=1e-12)
    assert projections.mind(features(90, 8, 1), features(45, 8, 2)) > 0


def test_mind_without_its_bias_is_nought_for_equal_distributions():
    pairs = [(features(100, 16, seed), features(100, 16, seed + 1000)) for seed in range(12)]
    biased = np.mean([projections.mind(*pair) for pair in pairs])
    assert abs(np.mean([projections.mind_unbiased(*pair) for pair in pairs])) < 0.2 * biased


@pytest.mark.parametrize("figure", [FRECHET, KERNEL, MIND, PRECISION, DENSITY], ids=lambda figure: figure.words[:12])
def test_an_interval_holds_its_figure_and_narrows_with_more_pictures(figure):
    widths = []
    for n in (50, 400):
        x, y = features(n, seed=1, shift=0.3), features(n, seed=2)
        found = figure.estimate(x, y)
        assert found.value == pytest.approx(figure.compute(x, y))
        assert found.low < found.value < found.high
        widths.append(found.high - found.low)
    assert widths[1] < 0.8 * widths[0]


def test_an_interval_of_a_mean_allows_for_a_long_tail():
    """Exponential values, 20 at a time: 94 of 100 intervals cover where Student's cover 92, by 2,000 repeats."""
    draw = np.random.default_rng(0)
    covered = []
    for _ in range(2000):
        values = draw.exponential(1, 20)
        found = skewed(float(values.mean()), [values - values.mean()])
        covered.append(found.low <= 1 <= found.high)
    assert 0.93 < np.mean(covered) < 0.97
