"""Benchmarks: every row runs, says what it measured, and docs/benchmarks.md shows just that. No timing decides."""

import copy
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
NAMES = [
    "pix2pix-step-256-batch1", "pix2pix-step-256-batch4", "wide-layers-batch1", "wide-layers-batch4",
    "cyclegan-step-256-batch1", "cyclegan-memory-256", "quick-layers-256", "discogan-step-64-batch64",
    "srresnet-step-96-batch16", "rrdbnet-step-128-batch16", "srgan-step-96-batch16", "run-unet256", "run-resnet9",
    "run-compact-x4-768x512", "run-rrdbnet-x4-768x512", "tail-unet256", "convert-200-jpegs",
    "convert-jpegs-of-all-sizes",
]  # fmt: skip

SINCE = {"srgan-step-96-batch16", "tail-unet256", "convert-jpegs-of-all-sizes"}
"""Rows that a run published before them may lack."""


def run(*arguments, module, timeout=100):
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout)


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


BEGIN, END = "<!-- measured: written by make bench -->", "<!-- end of measured -->"


def rows_on(page):
    """The cells of every measured row of the table that `make bench` wrote; other tables of the page are prose."""
    table = page.partition(BEGIN)[2].partition(END)[0]
    return [cells(line) for line in table.splitlines() if line.startswith("| ") and "times as " in line]


def assert_page_shows(page, results):
    shown = rows_on(page)
    assert len(shown) == len(results["rows"])
    for line, row in zip(shown, results["rows"], strict=True):
        assert line[0] == row["what"]
        for cell, key in ((line[1], "ours"), (line[2], "theirs"), (line[3], "ratio")):
            assert float(cell.split()[0]) == row[key], (row["name"], key)
        assert [float(cell) for cell in line[4].split(",")[0].split(" to ")] == row["spread"]
    for fact in ("processor", "started", "command"):
        assert str(results["environment"][fact]) in page


@pytest.fixture(scope="module")
def measured(ended, tmp_path_factory):
    """Every row at the tiny setting, as JSON and on a page with prose around the table."""
    folder = tmp_path_factory.mktemp("bench")
    page, results = folder / "benchmarks.md", folder / "results.json"
    page.write_text((ROOT / "docs" / "benchmarks.md").read_text("utf-8"), "utf-8")
    status, out, err = ended("__main__", "--small", "--results", results, "--page", page)
    assert status == 0, err
    return json.loads(results.read_text("utf-8")), page.read_text("utf-8"), out


@pytest.mark.slow
def test_every_row_runs_and_has_the_keys_that_others_read(measured):
    results, _, printed = measured
    assert [row["name"] for row in results["rows"]] == NAMES
    for row in results["rows"]:
        assert {"name", "ours", "theirs", "ratio", "unit"} <= row.keys()
        assert all(math.isfinite(row[key]) and row[key] > 0 for key in ("ours", "theirs", "ratio"))
        assert row["unit"].startswith("s") or (row["unit"] == "MB" and "memory" in row["name"])
        assert row["rounds"] == (1 if "memory" in row["name"] else 2)
        assert f"{row['name']} ..." in printed
    assert results["environment"].keys() >= {"processor", "cores", "threads", "packages", "command", "started"}


@pytest.mark.slow
def test_the_ratio_is_of_the_medians_in_the_direction_that_the_row_names(measured):
    for row in measured[0]["rows"]:
        wanted = row["theirs"] / row["ours"] if row["ratio_is"] == "theirs / ours" else row["ours"] / row["theirs"]
        assert row["ratio"] == pytest.approx(wanted, rel=0.02)  # three digits each
        assert row["spread"][0] <= row["spread"][1]
    directions = {row["name"]: row["ratio_is"] for row in measured[0]["rows"]}
    assert [name for name, is_ in directions.items() if is_ == "ours / theirs"] == [
        "cyclegan-memory-256",
        "convert-200-jpegs",
        "convert-jpegs-of-all-sizes",
    ]


@pytest.mark.slow
def test_the_page_shows_the_figures_of_the_json_and_keeps_its_prose(measured):
    results, page, _ = measured
    assert_page_shows(page, results)
    before = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    assert page.partition(BEGIN)[0] == before.partition(BEGIN)[0]
    assert page.partition(END)[2] == before.partition(END)[2]
    assert "## What is compared" in page.partition(END)[2]


def assert_rows_of_their_day(results, names):
    """All of today's in their order, but for those that came after the run; none is left out of a run."""
    measured = [row["name"] for row in results["rows"]]
    assert measured == [name for name in names if name in measured or name not in SINCE]


def test_the_page_shows_the_figures_of_two_amx_cores_as_they_came(bench):
    results = json.loads((ROOT / "benchmarks" / "results_amx.json").read_text("utf-8"))
    page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    assert_rows_of_their_day(results, NAMES)
    section = page.partition("## On AMX")[2].partition("\n## ")[0]
    assert bench("results").table(results["rows"]) in section
    assert bench("results").where_measured(results["environment"]).strip() in section


def test_the_published_page_shows_the_figures_of_the_published_json(bench):
    file = ROOT / "benchmarks" / "results.json"
    if not file.exists():
        pytest.skip("`make bench` was not run yet")
    results, page = json.loads(file.read_text("utf-8")), (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    assert_rows_of_their_day(results, list(bench("rows").ROWS))
    assert_page_shows(page, results)
    assert results["environment"]["command"] == "make bench", "some rows, or tiny ones, were published"


def test_the_rows_are_a_program_that_explains_itself():
    done = run("--help", module="benchmarks")
    assert done.returncode == 0, done.stderr
    assert "usage: python -m benchmarks" in done.stdout


@pytest.mark.parametrize("module", ["__main__", "roofline"])
def test_an_unknown_row_is_refused_with_the_likely_name(module, ended):
    status, _, err = ended(module, "run-rrdbnet-x4-768x521")
    assert status == 2
    assert "Did you mean 'run-rrdbnet-x4-768x512'?" in err


@pytest.mark.parametrize("module", ["__main__", "roofline", "stabilisers", "contention"])
@pytest.mark.parametrize("text", ["a page without a place for the table\n", None])
def test_a_page_that_cannot_take_the_table_is_refused_before_anything_is_measured(module, text, ended, tmp_path):
    page = tmp_path / "page.md"
    if text is not None:
        page.write_text(text)
    status, out, err = ended(module, "--page", page)
    assert (status, out) == (2, "")
    assert str(page) in err
    assert len(err.strip().splitlines()) == 1
    assert (page.read_text() if page.exists() else None) == text


WORK = """
import os
from pathlib import Path

def build():
    calls = []
    def work():
        calls.append(os.getpid())
        Path("calls.txt").write_text(" ".join(map(str, calls)))
    return work

if __name__ == "__main__":
    from benchmarks.processes import alone, built_alone
    print(os.getpid(), alone(os.getpid), alone(os.getpid))
    with built_alone(build) as work:
        for _ in range(3):
            work()
            print(Path("calls.txt").read_text())
"""


def test_a_row_and_each_side_of_it_have_processes_of_their_own(tmp_path):
    """`alone` takes a fresh one each time; `built_alone` keeps what was built, and returns when the work is done."""
    script = tmp_path / "work.py"
    script.write_text(WORK)
    command = [sys.executable, str(script)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    first, *calls = (line.split() for line in done.stdout.splitlines())
    assert [len(line) for line in calls] == [1, 2, 3]
    assert len(set(calls[-1])) == 1
    assert len({*first, *calls[-1]}) == 4


def test_how_near_a_row_is_to_the_limit_is_measured_and_put_on_the_page(bench, ended, tmp_path):
    page = tmp_path / "benchmarks.md"
    page.write_text(f"before\n{bench('roofline').MARK}\nold\n<!-- end of measured -->\nafter\n")
    status, _, err = ended("roofline", "--small", "--page", page, "discogan-step-64-batch64")
    assert status == 0, err
    text = page.read_text("utf-8")
    assert "\nold\n" not in text
    (row,) = (cells(line) for line in text.splitlines() if "billion operations: " in line)
    takes, least, share, ratio, most = (float(re.search(r"([\d.]+)(?: s|%| times)", cell)[1]) for cell in row[1:])
    assert share == pytest.approx(100 * least / takes, rel=0.02, abs=1)
    assert most == pytest.approx(ratio * takes / least, rel=0.02)


def test_what_of_each_training_row_is_multiplying_is_kept_row_by_row(bench, ended, tmp_path):
    """Rows that are not asked for stay as they are; a gradient of a gradient is counted too."""
    page, file = tmp_path / "benchmarks.md", tmp_path / "limits.json"
    limits = bench("training.limits")
    page.write_text(f"before\n{limits.MARK}\nold\n<!-- end of measured -->\nafter\n")
    given = ("--small", "--rounds", 2, "--results", file, "--page", page)
    names = ["srresnet-step-96-batch16", "gan.r1=1", "gan.d_steps=2"]
    for some in (names[1:], names[:1]):
        status, _, err = ended("training.limits", *given, *some)
        assert status == 0, err
    rows = json.loads(file.read_text("utf-8"))["rows"]
    assert [row["name"] for row in rows] == names
    shown = [cells(line) for line in page.read_text("utf-8").splitlines() if "billion a second" in line]
    for row, line in zip(rows, shown, strict=True):
        assert row["spread"][0] <= row["share"] <= row["spread"][1]
        assert row["operations"] > 1e6
        assert row["started"][:10] in line[5]
        assert line[0] == row["what"]
    assert rows[0]["operations"] == pytest.approx(
        bench("roofline").operations_of_step("srresnet", 4, small=True) * 4, 0.01
    )


def test_every_training_row_and_every_stabiliser_has_its_share(bench):
    steps = list(bench("training.limits").STEPS)
    assert [name for name in NAMES if "-step-" in name] == steps[:7]
    assert steps[7:] == ["toolbox", *bench("stabilisers").STABILISERS]


def test_what_other_work_costs_a_step_is_measured_and_put_on_the_page(bench, ended, tmp_path):
    page = tmp_path / "benchmarks.md"
    page.write_text(f"before\n{bench('contention').MARK}\nold\n<!-- end of measured -->\nafter\n")
    status, _, err = ended("contention", "--small", "--page", page)
    assert status == 0, err
    text = page.read_text("utf-8")
    assert "\nold\n" not in text
    rows = [cells(line) for line in text.splitlines() if "times as fast" in line]
    assert [row[1] for row in rows] == ["0", "1"]
    for row in rows:
        ours, theirs, ratio = (float(cell.split()[0]) for cell in row[2:])
        assert ratio == pytest.approx(theirs / ours, rel=0.02)


def test_operations_are_counted_as_a_hand_counts_them(bench):
    """Each multiplication and each addition of the convolutions, forward and backward."""
    roofline, workloads = bench("roofline"), bench("workloads")
    G = workloads.untrained("compact", small=True)
    weights = sum(p.numel() for p in G.parameters() if p.dim() == 4)
    assert roofline.operations_of_run("compact", 8, 6, small=True) == 2 * weights * 8 * 6
    batch, least = 2, roofline.operations_of_step("srresnet", 2, small=True)
    assert least == roofline.operations_of_step("srresnet", 1, small=True) * batch


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("pix2pix", {"generator": {"name": "unet32", "norm": "batch_as_instance", "dropout": 0.0}}),
        ("cyclegan", {"generator": {"name": "resnet6"}}),
        ("discogan", {}),
    ],
)
def test_the_plain_step_trains_as_ours_does_in_fp32(bench, method, options):
    """Else the row would compare two different amounts of work."""
    workloads = bench("workloads")
    layer = {
        "precision": "fp32",
        "device": "cpu",
        "size": 64,
        "discriminator": {"norm": "batch_as_instance"},
        **options,
    }
    if method == "cyclegan":
        layer["discriminator"] = {"norm": "instance"}
    ours = workloads.ours(method, 2, small=True, settings=layer)
    networks = list(ours.networks.values())
    plain = workloads.SETTINGS[method].plain(*copy.deepcopy(networks))
    twins = [plain.__dict__[name] for name in ours.networks]
    before = copy.deepcopy(networks)
    torch.manual_seed(0)
    x, y = torch.rand(2, 3, 64, 64) * 2 - 1, torch.rand(2, 3, 64, 64) * 2 - 1
    for _ in range(3):
        ours.step({"a": x, "b": y})
        plain.step(x, y)

    def weights(networks):
        # A norm cancels the bias before it, so Adam moves that by rounding alone, in either direction.
        return [p for network in networks for name, p in network.named_parameters() if name.endswith("weight")]

    for network, old, twin in zip(networks, before, twins, strict=True):
        gaps = torch.cat([(a - b).abs().flatten() for a, b in zip(weights([network]), weights([twin]), strict=True)])
        moves = torch.cat([(a - b).abs().flatten() for a, b in zip(weights([network]), weights([old]), strict=True)])
        # After Adam's first steps every weight has moved by about the rate, 2e-4; agreement must be far closer.
        assert moves.mean() > 1e-4
        assert gaps.mean() < 3e-6


def test_the_two_sides_are_timed_in_turns_and_bounded(bench):
    measure, calls = bench("measure"), []
    timings = measure.compare(
        lambda: calls.append("ours"), lambda: calls.append("theirs"), rounds=3, seconds=60, say=str, warmups=1
    )
    assert calls == ["ours", "theirs"] * 4
    assert len(timings.ours) == len(timings.theirs) == 3
    assert len(measure.compare(int, int, rounds=50, seconds=0, say=str).ours) == 2


def test_medians_and_spread_are_those_of_the_rounds(bench):
    measure = bench("measure")
    timings = measure.Timings([1.0, 2.0, 10.0], [4.0, 6.0, 20.0])
    faster = measure.Measured("", "s", timings, "")
    assert (faster.ours, faster.theirs, faster.ratio, faster.spread) == (2, 6, 3, (2, 4))
    overhead = measure.Measured("", "s", timings, "", measure.OVERHEAD)
    assert overhead.ratio == pytest.approx(1 / 3)
    assert overhead.spread == pytest.approx((1 / 4, 1 / 2))


def test_sides_that_give_different_pictures_are_not_timed(bench):
    picture = torch.rand(1, 3, 8, 8).numpy()
    rows = bench("rows")
    rows._refuse_unlike(picture, picture + 1e-4)
    with pytest.raises(RuntimeError, match="different pictures"):
        rows._refuse_unlike(picture, 1 - picture)


@pytest.mark.slow
def test_memory_is_that_of_the_process_and_not_of_the_one_that_started_it(bench, measured):
    memory = bench("memory")
    ballast = torch.ones(125_000_000)  # 500 MB
    small = memory.peak_of("ours", "discogan", 2, small=True)
    assert 50 < small < memory.peak() - ballast.nbytes / 1e6 / 2
    (larger,) = (row["theirs"] for row in measured[0]["rows"] if "memory" in row["name"])
    assert larger > small  # CycleGAN's, at 256 pixels


@pytest.mark.parametrize("method", ["pix2pix", "cyclegan", "discogan"])
@pytest.mark.parametrize("side", ["ours", "plain"])
def test_the_profile_shares_out_the_whole_step(side, method, ended):
    plain = ["--plain"] if side == "plain" else []
    status, out, err = ended("profile_step", "--small", "--steps", 1, "--method", method, *plain)
    assert status in (0, None), err
    body = out.partition("The largest")[0]
    shares = {line[:26].strip(): float(line.split()[-1].rstrip("%")) for line in body.splitlines() if "%" in line}
    assert shares.keys() >= {"convolutions, forward", "convolutions, backward", "optimizer", "norms"}
    assert sum(shares.values()) == pytest.approx(100, abs=0.5)


@pytest.mark.parametrize(
    ("names", "group"),
    [
        (["aten::copy_"], "casts and copies"),
        (["aten::copy_", "_Col2im"], "convolutions as products"),
        (["aten::fill_", "aten::zero_", "_Im2colBackward", "autograd::engine"], "convolutions as products"),
        (["aten::mm", "aten::matmul"], "convolutions as products"),
        (["aten::copy_", "Optimizer.step#Adam.step"], "optimizer"),
        (["aten::bmm", "_Winograd"], "Winograd's products"),
        (["aten::sub", "_Winograd"], "Winograd's transforms"),
        (["aten::tanh"], "the rest"),
    ],
)
def test_an_operator_counts_for_what_it_runs_in(bench, names, group):
    event = None
    for name in reversed(names):
        event = SimpleNamespace(name=name, cpu_parent=event)
    assert bench("profile_step").group_of(event) == group


@pytest.mark.slow
def test_the_cost_of_every_stabiliser_is_measured_and_put_on_the_page(bench, ended, tmp_path):
    page = tmp_path / "stabilisers.md"
    mark = bench("stabilisers").MARK
    page.write_text(f"before\n{mark}\nold\n<!-- end of measured -->\nafter\n")
    status, _, err = ended("stabilisers", "--small", "--rounds", 1, "--page", page)
    assert status == 0, err
    text = page.read_text("utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    shown = [cells(line) for line in text.splitlines() if "times as long" in line]
    assert [line[0].replace("`", "") for line in shown] == list(bench("stabilisers").STABILISERS)
    assert all(float(line[1].split()[0]) > 0 for line in shown)


def test_a_stabiliser_is_compared_with_the_step_of_the_same_round(bench):
    table = bench("stabilisers").table({"": [1.0, 2.0, 4.0], "ema.images=1": [2.0, 2.0, 12.0]})
    assert "| none of these | 2 s | |" in table
    assert "| `ema.images=1` | 2.00 times as long | 1.00 to 3.00, of 3 |" in table


def test_a_grid_stands_out_of_noise_and_of_edges_by_its_strength(tmp_path):
    rng = np.random.default_rng(0)
    texture = np.cumsum(np.cumsum(rng.normal(0, 1, (256, 256, 1)), 0), 1)
    texture = 0.2 + 0.6 * (texture - texture.min()) / np.ptp(texture) + rng.normal(0, 0.02, (256, 256, 1))
    pattern = np.tile(rng.choice([-1.0, 1.0], (4, 4, 1)), (64, 64, 1))
    for name, strength in (("none", 0), ("faint", 0.01), ("loud", 0.05)):
        (tmp_path / name).mkdir()
        pixels = np.rint(255 * np.clip(texture + strength * pattern, 0, 1)).astype(np.uint8)
        Image.fromarray(pixels[..., 0]).save(tmp_path / name / "a.png")
    done = run(*(tmp_path / name for name in ("none", "faint", "loud")), module="benchmarks.experiments.checkerboard")
    assert done.returncode == 0, done.stderr
    none, faint, loud = (float(line.split(": ")[1].split()[0]) for line in done.stdout.splitlines())
    assert none < 1.5
    assert faint > 2 * none
    assert loud > 2 * faint


def test_every_way_to_write_pictures_is_timed(ended, tmp_path):
    rng = np.random.default_rng(0)
    for n in range(2):
        Image.fromarray(rng.integers(0, 256, (40, 60, 3), np.uint8)).save(tmp_path / f"{n}.png")
    status, out, err = ended("experiments.encoders", tmp_path, "--rounds", 1)
    assert status in (0, None), err
    rows = {row[0]: [float(cell) for cell in row[1:]] for row in map(cells, out.splitlines()[2:])}
    assert {"PNG", "PNG by Pillow, level 3", "JPEG, quality 95"} <= rows.keys()
    assert rows["PNG"][1] > 3  # noise cannot be packed
    assert all(value > 0 for row in rows.values() for value in row)


def test_adaptive_augmentation_is_timed_at_work(bench):
    method = bench("stabilisers").method_with({"gan": {"augment": ["colour"], "ada": True}}, small=True)
    assert {objective.adaptation.p for objective in method.objectives.values()} == {0.5}


def test_what_is_said_of_painted_seasons_is_measured_and_put_on_the_page(bench, ended, tmp_path):
    page = tmp_path / "data.md"
    page.write_text(f"before\n{bench('experiments.seasons').MARK}\nold\n<!-- end of measured -->\nafter\n")
    asked = ("--tested", 3, "--learned", 3, "--page", page, "--out", tmp_path / "seasons.png")
    status, _, err = ended("experiments.seasons", *asked)
    assert status in (0, None), err
    text = page.read_text("utf-8")
    assert "\nold\n" not in text
    shown = text[: text.index("Of 3 test pairs")]
    errors = [float(value) for value in re.findall(r"\| (0\.\d+) \|", shown)]
    assert len(errors) == 3
    assert errors[0] > errors[2] > 0
    assert (tmp_path / "seasons.png").stat().st_size > 10_000


@pytest.mark.parametrize("name", ["healthy ring", "nonconvergence"])
def test_a_toy_of_the_doctors_proof_trains_and_is_examined(tmp_path, monkeypatch, bench, name):
    """Its methods follow those of the package, which they are no part of."""
    one, CASES = bench("failures.one"), bench("failures.provoked").CASES
    monkeypatch.setitem(CASES, name, CASES[name]._replace(steps=30))
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)  # which is for a process of its own
    key, found = one.examined(((name, 3, ()), tmp_path))
    assert key == f"{name} 3"
    assert found["named"] == {}
    records, total, _, _ = one.logged(CASES[name], tmp_path, 3, ())
    assert (records[-1]["images"], total) == (64 * 30, 64 * 30)
    assert "health_spread" in records[-1]
    assert ("true_modes" in records[-1]) == (name == "healthy ring")


def test_scores_of_fast_and_plain_runs_are_said_to_overlap_where_they_do(bench):
    runs = {
        "fast": [{"l1": 0.1, "ssim": 0.5, "psnr": 18.0}, {"l1": 0.12, "ssim": 0.6, "psnr": 19.0}],
        "plain": [{"l1": 0.11, "ssim": 0.7, "psnr": 18.5}, {"l1": 0.13, "ssim": 0.8, "psnr": 20.0}],
    }
    text = bench("training.fast_and_plain").table(runs, 40)
    assert "| fast | 0.1000, 0.1200 | 0.500, 0.600 | 18.00, 19.00 |" in text
    assert "l1 overlaps (means differ by -0.01)" in text
    assert "ssim does not overlap (means differ by -0.2)" in text
    assert "psnr overlaps" in text
