"""`i2i compare`: what is better and whether chance explains it, in words, a table and one page that opens offline."""

import json
import subprocess
import sys

import numpy as np
import pytest
from test_report import data_of, open_page, write_run  # noqa: F401 - fixtures

from i2i.errors import RequestError, RunError
from i2i.report.comparison.curves import MOST_POINTS, charts, tables
from i2i.report.comparison.page import terminal_table, write_comparison
from i2i.report.comparison.runs import read_runs, settings_that_differ
from i2i.report.comparison.scores import difference
from i2i.report.comparison.words import against_first, verdict
from i2i.training.best import higher_is_better

BASE = np.random.default_rng(0).normal(20, 3, 60)
"""PSNR of the input itself: how hard each picture is."""


def write_scores(run, gain, noise=0.5, seed=1, count=60, base=BASE, folder="evaluation"):
    """A model's PSNR of each picture, ahead of the input by `gain` on average, as `i2i evaluate` writes it."""
    (run / folder).mkdir()
    own = base[:count] + gain + np.random.default_rng(seed).normal(0, noise, count)
    lines = [
        f"{n}.png,{value:.6f},{0.5 - value / 99:.6f},{base[n]:.6f},{0.5 - base[n] / 99:.6f}"
        for n, value in enumerate(own)
    ]
    (run / folder / "scores.csv").write_text("\n".join(["name,psnr,l1,input_psnr,input_l1", *lines]) + "\n")
    return run


@pytest.fixture
def pair(tmp_path):
    """Two runs, of which `wide` is ahead by 0.4 dB in pictures that vary by 3 dB."""
    plain = write_scores(write_run(tmp_path / "plain"), 1.0, seed=1)
    wide = write_scores(write_run(tmp_path / "wide", ticks=60, generator={"width": 128}), 1.4, seed=2)
    return plain, wide


def test_pairing_sees_what_two_intervals_apart_do_not(pair):
    plain, wide = (one.scores["psnr"] for one in read_runs(pair))
    assert plain.interval[1] > wide.interval[0]  # they overlap
    found = difference(plain, wide)
    assert found.count == 60
    assert found.excludes_zero
    assert found.interval[0] < 0.4 < found.interval[1]
    said = verdict(read_runs(pair))
    assert "wide has the best PSNR" in said
    assert "zero is excluded" in said


def test_the_order_of_the_runs_and_the_direction_of_the_metric_do_not_change_who_is_better(pair):
    assert "wide has the best PSNR" in verdict(read_runs(pair[::-1]))
    for runs, level in ((pair, "good"), (pair[::-1], "bad")):
        for metric in ("psnr", "l1"):  # higher is better, and lower
            assert against_first(read_runs(runs), metric)[1].level == level


def test_a_difference_inside_the_noise_is_called_that(tmp_path):
    runs = [write_scores(write_run(tmp_path / name), 1.0, seed=seed) for name, seed in (("one", 1), ("two", 5))]
    assert "not told apart" in verdict(read_runs(runs))
    assert "includes zero" in against_first(read_runs(runs), "psnr")[1].words


def test_a_paired_interval_holds_the_truth_about_as_often_as_it_says():
    """300 comparisons of two models that differ by 0.3 dB, on 100 pictures each."""
    from i2i.report.comparison.scores import Scored

    rng, held = np.random.default_rng(0), 0
    for _ in range(300):
        hard = rng.normal(20, 3, 100)
        one, two = hard + rng.normal(0, 0.5, 100), hard + 0.3 + rng.normal(0, 0.5, 100)
        scored = [
            Scored(float(values.mean()), None, {str(n): v for n, v in enumerate(values)}) for values in (one, two)
        ]
        low, high = difference(*scored).interval
        held += low <= 0.3 <= high
    assert 0.91 <= held / 300 <= 0.98


def test_pictures_of_one_name_that_are_not_the_same_are_not_paired(tmp_path):
    one = write_scores(write_run(tmp_path / "one"), 1.0)
    other = write_scores(write_run(tmp_path / "other"), 1.0, base=BASE + 1)
    assert difference(*(run.scores["psnr"] for run in read_runs([one, other]))) is None
    assert against_first(read_runs([one, other]), "psnr")[1].words == "scored on other pictures"


def test_a_run_scored_on_harder_pictures_too_is_not_called_worse_for_them(pair):
    """`wide` is ahead on every 60 pictures that both have; 30 hard ones of its own pull its mean below."""
    file = pair[1] / "evaluation" / "scores.csv"
    file.write_text(file.read_text() + "".join(f"hard{n}.png,5,0.4,4,0.5\n" for n in range(30)))
    runs = read_runs(pair)
    assert runs[1].scores["psnr"].value < runs[0].scores["psnr"].value
    said = verdict(runs)
    assert "wide has the best PSNR over the 60 pictures that all have" in said
    assert "it is ahead of plain by" in said


def test_runs_scored_with_other_metrics_are_compared_in_those_that_both_have(pair):
    file = pair[0] / "evaluation" / "scores.csv"
    rows = [line.split(",") for line in file.read_text().splitlines()]
    file.write_text("\n".join(",".join([row[0], row[1], row[3]]) for row in rows))
    runs = read_runs(pair)
    assert list(runs[0].scores) == ["psnr"]
    assert difference(runs[0].scores["psnr"], runs[1].scores["psnr"]).count == 60


@pytest.mark.parametrize(
    ("key", "higher"),
    [
        ("frechet_inception", False),
        ("kernel_inception", False),
        ("mind_unbiased_inception", False),
        ("fid (b2a)", False),
        ("lpips", False),
        ("is", True),
        ("is_unbiased", True),
        ("classes_unbiased_squeezenet", True),
        ("coverage_squeezenet (b2a)", True),
        ("identity", True),
        ("psnr_y", True),
        ("copies", False),
        ("val_psnr_y", True),
        ("val_l1", False),
    ],
)
def test_which_way_a_metric_is_better_is_what_its_row_says(key, higher):
    assert higher_is_better(key) is higher


def test_two_pictures_are_too_few_to_say(tmp_path):
    runs = [
        write_scores(write_run(tmp_path / name), 1.0, seed=seed, count=2) for name, seed in (("one", 1), ("two", 5))
    ]
    assert "too few" in against_first(read_runs(runs), "psnr")[1].words
    assert "scored on 2 pictures in common; 20 or more would tell" in verdict(read_runs(runs))


def test_metrics_of_sets_are_taken_from_the_json_with_their_intervals(pair):
    for run, value in zip(pair, (0.3, 0.1), strict=True):
        (run / "evaluation" / "scores.csv").unlink()
        scores = {"metrics": {"swd": value}, "intervals": {"swd": [value - 0.01, value + 0.01]}}
        (run / "evaluation" / "scores.json").write_text(json.dumps(scores))
    runs = read_runs(pair)
    assert runs[0].scores["swd"].interval == pytest.approx((0.29, 0.31))
    assert "wide has the best SWD (0.1), and its interval lies apart" in verdict(runs)


def test_a_run_that_was_not_scored_gets_the_command_and_the_others_are_compared(pair, tmp_path):
    third = write_run(tmp_path / "third")
    runs = read_runs([*pair, third])
    text = terminal_table(runs)
    assert f"i2i evaluate {third} photos/facades" in text
    assert "third is not scored yet" in text
    assert "wide has the best PSNR" in text


def test_another_metric_that_is_sure_of_the_opposite_is_said(pair):
    file = pair[1] / "evaluation" / "scores.csv"
    lines = [line.split(",") for line in file.read_text().splitlines()]
    worse = [",".join([*line[:2], str(float(line[2]) + 0.2), *line[3:]]) for line in lines[1:]]
    file.write_text("\n".join([",".join(lines[0]), *worse]))
    assert "But by L1 plain is better than it" in verdict(read_runs(pair))


def test_settings_that_differ_are_listed_and_no_others(pair):
    names = [name for name, _ in settings_that_differ(read_runs(pair))]
    assert names == ["images", "generator.width"]


def test_curves_of_a_common_axis_keep_each_runs_values(pair):
    runs = read_runs(pair)
    by_images = tables(runs)["images"]
    for number, run in enumerate(runs):
        along = zip(by_images["images"], by_images[f"{number}:g_l1"], strict=True)
        assert [(at, value) for at, value in along if value is not None] == [
            (tick["images"], pytest.approx(tick["g_l1"], rel=1e-4)) for tick in run.ticks
        ]
    assert max(tables(runs)["minutes"]["minutes"]) == pytest.approx(runs[1].seconds / 60)


def test_long_logs_are_averaged(tmp_path):
    runs = [write_run(tmp_path / name, ticks=2000, grids=1) for name in ("one", "two")]
    table = tables(read_runs(runs))["images"]
    assert 0.9 * MOST_POINTS <= len(table["images"]) <= MOST_POINTS + 1
    assert table["0:g_gan"][-1] == pytest.approx(1.7, abs=0.01)


@pytest.mark.parametrize(
    "damage", ["config.yaml", "log.jsonl", "environment.json", "samples/grid.json", "evaluation/scores.csv"]
)
def test_a_damaged_run_costs_its_part_of_the_page_alone(pair, damage, tmp_path):
    (pair[1] / damage).write_bytes(b"\xff{[not: it")
    write_comparison(read_runs(pair), tmp_path / "page.html")
    assert "wide" in (tmp_path / "page.html").read_text()
    assert terminal_table(read_runs(pair))


def test_runs_of_other_methods_and_empty_ones_give_a_page(tmp_path):
    other = write_run(tmp_path / "other", method="cyclegan", names=("cat", "mouse"))
    empty = tmp_path / "empty"
    (empty / "samples").mkdir(parents=True)
    runs = read_runs([write_run(tmp_path / "one"), other, empty])
    write_comparison(runs, tmp_path / "page.html")
    assert "no figure in common" in verdict(runs)
    columns = data_of(tmp_path / "page.html")["pictures"]["moments"]["last"]
    assert {tuple(column["rows"]) for column in columns} == {("cat", "dog"), ("cat", "mouse")}


def test_what_is_no_run_or_no_comparison_is_refused(pair, tmp_path):
    with pytest.raises(RunError, match="no run directory"):
        read_runs([pair[0], tmp_path])
    for runs in (pair[:1], (pair[0], pair[0])):
        with pytest.raises(RequestError, match="two runs or more"):
            read_runs(runs)


def test_runs_of_one_name_are_told_apart(tmp_path):
    runs = [write_run(tmp_path / parent / "facades") for parent in ("old", "new")]
    assert [run.name for run in read_runs(runs)] == ["old/facades", "new/facades"]


def test_the_command_needs_no_torch_and_leaves_the_page(pair, tmp_path):
    code = "import sys; from i2i.commands import main; sys.argv = ['i2i', *sys.argv[1:]]\ntry: main()\n"
    code += "except SystemExit: pass\nassert 'torch' not in sys.modules"
    command = [sys.executable, "-c", code, "compare", *map(str, pair), "--html", str(tmp_path / "page.html")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "wide has the best PSNR" in done.stdout
    assert (tmp_path / "page.html").exists()


# In a browser


@pytest.fixture
def page(pair, tmp_path, open_page):  # noqa: F811
    write_comparison(read_runs(pair), tmp_path / "page.html")
    return lambda **options: open_page(tmp_path / "page.html", **options)


def test_the_page_overlays_both_runs_and_changes_its_axis(page):
    shown = page()
    assert shown.locator("#losses .chart").count() == 4
    assert shown.locator("#losses .chart").first.locator("path.line").count() == 2
    assert "over images seen" in shown.locator("#losses svg").first.get_attribute("aria-label")
    shown.locator("#axis-minutes").click()
    assert "over minutes" in shown.locator("#losses svg").first.get_attribute("aria-label")


def test_inputs_stand_once_and_a_row_zooms_into_all_pictures_at_once(page):
    shown = page()
    heads = shown.locator("#side thead th").all_inner_texts()
    assert heads[0].startswith("all runs")
    shown.locator("#side td button").first.click()
    assert shown.locator("dialog .lens").count() == len(heads)
    shown.locator("#in").click()
    shown.keyboard.press("ArrowRight")
    scales = shown.evaluate("[...document.querySelectorAll('.lens canvas')].map((c) => getComputedStyle(c).transform)")
    assert len(set(scales)) == 1
    assert scales[0].startswith("matrix(1.5")
    shown.keyboard.press("Escape")
    assert not shown.locator("dialog").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(page, scheme):
    shown = page(viewport={"width": 360, "height": 780}, color_scheme=scheme)
    assert shown.evaluate("document.documentElement.scrollWidth") == 360
    assert shown.locator(".verdict").is_visible()


def test_how_often_the_discriminator_was_right_or_rested_is_no_loss(tmp_path):
    runs = read_runs((write_run(tmp_path / "one"), write_run(tmp_path / "other")))
    for tick in runs[0].ticks:
        tick |= {"d_accuracy": 0.7, "d_accuracy_real": 0.6, "d_rested": 1.0}
    sections = {chart["key"]: chart["section"] for chart in charts(runs)}
    assert {sections[key] for key in ("d_accuracy", "d_accuracy_real", "d_rested")} == {"other"}
    assert sections["d_real"] == "losses"
