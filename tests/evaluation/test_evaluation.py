"""Figures equal their definitions, and baselines are what they say."""

import csv
import io
import json
import math

import numpy as np
import pytest
import torch

from i2i.errors import DataError, PictureError
from i2i.evaluation.baselines import ColourLookup, returned_input
from i2i.evaluation.contact_sheet import contact_sheet
from i2i.evaluation.evaluate import evaluate
from i2i.evaluation.metrics import METRICS, PairMetric, SetMetric, l1, psnr, ssim
from i2i.evaluation.sets import patches as sets


def picture(seed, height=24, width=20, channels=3):
    return np.random.default_rng(seed).uniform(0, 1, (height, width, channels)).astype(np.float32)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, row in METRICS.items()
        if isinstance(row, PairMetric) and not row.features and row.against == "truth"
    ],
)
def test_a_metric_is_best_for_the_truth_itself_and_worse_for_anything_else(name):
    metric, truth = METRICS[name], picture(0)
    best, worse = metric.measure(truth, truth), metric.measure(np.clip(truth + 0.1, 0, 1), truth)
    assert best > worse if metric.higher_is_better else best < worse
    assert np.isfinite(best)


def test_l1_and_psnr_equal_their_formulas():
    truth = np.zeros((4, 4, 3), np.float32)
    assert l1(truth + 0.1, truth) == pytest.approx(0.1)
    assert psnr(truth + 0.1, truth) == pytest.approx(20.0, abs=1e-4)
    assert psnr(truth, truth) == 100
    assert math.isnan(psnr(truth + np.nan, truth))


@pytest.mark.parametrize("channels", [1, 3])
def test_psnr_and_ssim_are_torchmetrics(channels):
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    truth = picture(1, 40, 30, channels)
    output = np.clip(truth + 0.2 * (picture(2, 40, 30, channels) - 0.5), 0, 1)
    pair = [torch.from_numpy(x.astype(np.float64).transpose(2, 0, 1))[None] for x in (output, truth)]
    assert psnr(output, truth) == pytest.approx(float(peak_signal_noise_ratio(*pair, data_range=1.0)), rel=1e-6)
    _, theirs = structural_similarity_index_measure(*pair, sigma=1.5, data_range=1.0, return_full_image=True)
    inside = theirs[..., 5:-5, 5:-5]  # whole windows alone: it pads, which Wang et al. do not
    assert 0.5 < ssim(output, truth) == pytest.approx(float(inside.mean()), rel=1e-6)


def test_ssim_equals_the_formula_written_window_by_window():
    x, y = picture(1, 14, 13, 1), picture(2, 14, 13, 1)
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    values = []
    for top in range(4):
        for left in range(3):
            a, b = (z[top : top + 11, left : left + 11, 0].astype(float) for z in (x, y))
            ma, mb = (window * a).sum(), (window * b).sum()
            va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
            cov = (window * (a - ma) * (b - mb)).sum()
            values.append((2 * ma * mb + 1e-4) * (2 * cov + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4)))
    assert ssim(x, y) == pytest.approx(np.mean(values), abs=1e-9)


def test_ssim_takes_pictures_smaller_than_its_window():
    assert ssim(picture(1, 5, 7), picture(1, 5, 7)) == pytest.approx(1)


def test_no_lookup_by_colour_beats_the_learned_one():
    """Three label colours, each with its own spread of outputs: the medians, found by hand."""
    rng = np.random.default_rng(0)
    labels = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    which = rng.integers(0, 3, (40, 40))
    x = labels[which]
    y = np.clip(which[..., None] * 60 + rng.integers(0, 40, (40, 40, 1)), 0, 255).astype(np.uint8)
    lookup = ColourLookup.learned([(x, y)])
    for label in range(3):
        median = np.median(y[which == label])
        assert np.abs(lookup(x)[which == label] * 255 - median).max() <= 1
    best = min(
        np.mean([np.abs(y[which == k] / 255.0 - v).mean() for k, v in enumerate(values)])
        for values in np.stack(np.meshgrid(*[np.linspace(0, 1, 18)] * 3), -1).reshape(-1, 3)
    )
    assert np.mean([np.abs(lookup(x) - y / 255.0)[which == k].mean() for k in range(3)]) <= best + 1e-3


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_the_lookup_takes_any_number_of_channels_and_a_colour_it_never_saw(channels):
    x = np.zeros((8, 8, channels), np.uint8)
    lookup = ColourLookup.learned([(x, np.full((8, 8, 2), 100, np.uint8))])
    assert lookup(x + 255).shape == (8, 8, 2)
    assert np.allclose(lookup(x + 255), 100 / 255, atol=0.003)


def test_returning_the_input_is_refused_where_it_means_nothing():
    assert returned_input(picture(0, channels=1), 3).shape[2] == 3
    with pytest.raises(PictureError):
        returned_input(picture(0, channels=5), 3)


def scored(count=9):
    truths = [picture(n) for n in range(count)]
    pairs = [(f"p{n}", t, np.clip(t * (1 - n / 20), 0, 1)) for n, t in enumerate(truths)]
    return evaluate(lambda x: x, pairs, baselines={"black": lambda x: x * 0})


def test_an_evaluation_keeps_the_keys_that_scripts_read():
    result = scored()
    facts = result.to_dict("model", "data")
    assert list(facts) == ["model", "data", "count", "metrics", "intervals", "baselines", "definitions"]
    assert facts["count"] == 9
    for name in facts["metrics"]:
        assert facts["intervals"][name] is None  # of nine pictures no interval is true
        assert name in facts["baselines"]["black"]


def test_the_csv_has_a_line_a_picture_whose_mean_is_the_figure():
    result = scored()
    rows = list(csv.DictReader(io.StringIO(result.to_csv())))
    assert [row["name"] for row in rows] == [f"p{n}" for n in range(9)]
    assert np.mean([float(row["l1"]) for row in rows]) == pytest.approx(result.value("l1"), abs=1e-6)
    assert "black_ssim" in rows[0]


def test_the_worst_the_median_and_the_best_are_found():
    told = scored().representative(each=1)
    assert told == [("worst", 8), ("median", 4), ("best", 0)]


def test_two_pictures_are_enough_to_show():
    assert {index for _, index in scored(2).representative()} == {0, 1}


def test_an_output_of_another_size_is_an_error_that_names_the_picture():
    with pytest.raises(DataError, match=r"p0: the output is \(12, 20, 3\)"):
        evaluate(lambda x: x[:12], [("p0", picture(0), picture(0))])


def test_the_contact_sheet_shows_every_picture_in_its_place():
    red, green = (np.tile(np.array(c, np.float32), (10, 20, 1)) for c in ([1, 0, 0], [0, 1, 0]))
    sheet = contact_sheet([("one", [red, green])], ("input", "output"))
    assert sheet.getpixel((8 + 100, 22 + 22 + 60)) == (255, 0, 0)
    assert sheet.getpixel((8 + 256 + 8 + 100, 22 + 22 + 60)) == (0, 255, 0)


def brightness(seen, picture):
    return [*seen, float(picture.mean())]


@pytest.fixture
def one_more_of_each_kind(monkeypatch):
    """A metric of pairs and one of sets, each a row."""
    monkeypatch.setitem(METRICS, "worst", PairMetric(measure=lambda x, y: float(abs(x - y).max()), definition="worst"))
    row = SetMetric(update=brightness, compute=lambda a, b: abs(np.mean(a) - np.mean(b)), interval=lambda *_: (0, 1),
                    definition="difference of brightness")  # fmt: skip
    monkeypatch.setitem(METRICS, "brightness", row)


def test_a_metric_is_one_row(i2i, one_more_of_each_kind, sample_pairs, make_model, tmp_path):
    model = make_model("mix", method="pix2pix", training={"size": 64})
    words = ("--metrics", "worst,brightness", "--json", tmp_path / "s.json", "--device", "cpu")
    status, out, err = i2i("evaluate", model, sample_pairs, *words)
    assert status == 0, err
    assert "difference of brightness" in out
    facts = json.loads((tmp_path / "s.json").read_text())
    assert list(facts["metrics"]) == list(facts["baselines"]["input"]) == ["worst", "brightness"]
    assert facts["intervals"]["brightness"] == [0, 1]
    assert next(csv.DictReader((model.parent / "model-evaluation" / "scores.csv").open())).keys() == {
        "name", "worst", "input_worst", "lookup_worst"}  # fmt: skip


def sets_of(shift, count=12, size=32):
    fake, real = [], []
    for n in range(count):
        sets.add(real, picture(n, size, size))
        sets.add(fake, np.clip(picture(n + 50, size, size) * (1 - shift), 0, 1))
    return fake, real


def test_the_distance_of_sets_grows_with_the_shift_between_them():
    none, little, much = (sets.sliced_wasserstein(*sets_of(shift)) for shift in (0.0, 0.2, 0.6))
    assert none < little < much
    same = sets_of(0)[1]
    assert sets.sliced_wasserstein(same, same) == 0


def test_a_distance_of_few_pictures_has_no_interval_and_of_more_one_that_holds_it():
    assert sets.interval(*sets_of(0.2, 20)) is None
    low, high = sets.interval(*sets_of(0.2, 60))
    assert low < sets.sliced_wasserstein(*sets_of(0.2, 60)) < high


def test_pictures_of_several_sizes_are_compared_by_their_middles():
    real = sets_of(0, 4)[1]
    wide = sets.add([], np.pad(np.asarray(real[0], np.float32), ((3, 3), (7, 7), (0, 0))))
    assert sets.sliced_wasserstein(wide, real[:1]) == sets.sliced_wasserstein(real[:1], real[:1]) == 0


def test_a_metric_of_pairs_refuses_pictures_without_truth():
    with pytest.raises(DataError, match="p0 has no truth, which l1 need"):
        evaluate(lambda x: x, [("p0", picture(0), None)], {"l1": METRICS["l1"]})
    got = evaluate(lambda x: x, [("p0", picture(0), None)], {"swd": METRICS["swd"]}, real=[picture(0)])
    assert got.value("swd") == 0
    assert got.to_csv() == "name\np0\n"
