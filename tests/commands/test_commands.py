"""The command line: it answers at once, says what went wrong in one sentence, and exits honestly."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from conversions import results_in
from in_process import Forked
from PIL import Image
from small_models import write_model
from tiny_runs import SHALLOW

from i2i.errors import RunError

ROOT = Path(__file__).resolve().parents[2]
NARROW = ["--size", "64", "--images", "16", "--batch", "4", "--precision", "fp32", "--set", "generator.width=4",
          "--set", "discriminator.width=4", "--set", "discriminator.layers=2", "--set", "log.samples=8"]  # fmt: skip
SMALL = [*NARROW, *SHALLOW]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, sample_pairs):
    """A small finished run."""
    run = tmp_path_factory.mktemp("trained") / "buildings"
    training = Forked("train", "pix2pix", sample_pairs, "--run", run, *NARROW)
    assert training.ended() == 0, training.said()
    return run


def picture(path, size=(64, 64), colour=(200, 30, 40)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def pairs(folder, size=(64, 64), count=3):
    for n in range(count):
        for side in "AB":
            picture(folder / side / f"{n}.png", size, (n * 40, 0, 0))
    return folder


def test_help_comes_within_a_third_of_a_second_of_a_bare_python_and_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['i2i', '--help']\n"
        "from i2i.commands import main\n"
        "try: main()\n"
        "finally: print([m for m in ('torch', 'onnxruntime', 'fastapi', 'numpy', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "i2i" in done.stdout


@pytest.mark.parametrize(
    "words", [[], ["train"], ["evaluate"], ["export"], ["import"], ["info"], ["convert"], ["serve"], ["data"], ["data", "check"],
              ["data", "sample"], ["doctor"], ["demo"]]
)  # fmt: skip
def test_every_command_explains_itself(i2i, words):
    status, out, _ = i2i(*words, "--help")
    assert status == 0
    if words and words not in (["data"], ["doctor"]):
        assert f"  i2i {' '.join(words)}" in out, "no example to paste"


def test_a_run_leaves_everything_that_it_promises(trained):
    there = {p.relative_to(trained).as_posix() for p in trained.rglob("*") if p.is_file()}
    assert {"config.yaml", "log.jsonl", "environment.json", "report.html", "model.onnx"} <= there
    assert {"samples/00000000.png", "samples/00000016.png", "samples/grid.json"} <= there
    config = yaml.safe_load((trained / "config.yaml").read_text())
    assert (config["images"], config["generator"]["name"], config["data"]["channels"]["a"]) == (16, "unet64", 3)
    line = json.loads((trained / "log.jsonl").read_text().splitlines()[-1])
    assert {"images", "seconds", "images_per_s", "memory_mb", "lr_g", "g_l1", "p_real", "val_l1"} <= line.keys()


def test_a_finished_run_is_not_trained_again(i2i, trained, sample_pairs):
    before = (trained / "log.jsonl").read_text()
    status, out, err = i2i("train", "pix2pix", sample_pairs, "--run", trained, *NARROW)
    assert (status, err.count("Traceback")) == (0, 0)
    assert (trained / "log.jsonl").read_text() == before
    assert "model.onnx" in out


def test_training_keeps_freed_memory_for_its_next_step(i2i, sample_pairs, tmp_path, monkeypatch):
    def kept():
        raise RunError("Kept.")

    monkeypatch.setattr("i2i.workflows.train.keep_freed_memory", kept)
    assert "Kept." in i2i("train", "pix2pix", sample_pairs, "--run", tmp_path / "run", *SMALL, "--device", "cpu")[2]


def test_a_killed_run_goes_on_to_its_end(tmp_path, sample_pairs):
    """kill -9, which leaves no time to save anything."""
    run, settings = (
        tmp_path / "run",
        [*SMALL, "--images", "60", "--set", "log.checkpoint=4", "--set", "log.every=4"],
    )
    words = ["train", "pix2pix", sample_pairs, "--run", run, *settings]
    killed = Forked(*words)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not list((run / "checkpoints").glob("0000*/state.pt")):
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    assert killed.ended() == -signal.SIGKILL
    done = Forked(*words)
    assert done.ended() == 0, done.said()
    assert "Going on from" in done.said()
    seen = [json.loads(line)["images"] for line in (run / "log.jsonl").read_text().splitlines()]
    assert seen == list(range(4, 61, 4))
    assert (run / "model.onnx").exists()


def test_grey_to_colour_trains_exports_and_converts(i2i, tmp_path):
    rng = np.random.default_rng(0)
    for n in range(4):
        (tmp_path / "pairs" / "A").mkdir(parents=True, exist_ok=True)
        (tmp_path / "pairs" / "B").mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (64, 64), np.uint8)).save(tmp_path / "pairs" / "A" / f"{n}.png")
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8)).save(tmp_path / "pairs" / "B" / f"{n}.png")
    assert i2i("train", "pix2pix", tmp_path / "pairs", "--run", tmp_path / "run", *SMALL)[0] == 0
    assert json.loads(i2i("info", tmp_path / "run", "--json")[1])["input_meaning"] == "grey"
    assert i2i("convert", tmp_path / "run", tmp_path / "pairs" / "A", tmp_path / "out")[0] == 0
    assert Image.open(tmp_path / "out" / "0.png").mode == "RGB"
    assert i2i("train", "pix2pix", tmp_path / "pairs", "--run", tmp_path / "back", *SMALL, "--direction", "b2a")[0] == 0
    assert i2i("convert", tmp_path / "back", tmp_path / "pairs" / "B", tmp_path / "out2")[0] == 0
    assert Image.open(tmp_path / "out2" / "0.png").mode == "L"


def test_a_tiff_of_several_bands_trains_exports_and_converts(i2i, tmp_path):
    import tifffile

    rng = np.random.default_rng(0)
    for n in range(4):
        for side, shape in (("A", (64, 64, 5)), ("B", (64, 64, 2))):
            (tmp_path / "pairs" / side).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(
                tmp_path / "pairs" / side / f"{n}.tif",
                rng.integers(0, 65535, shape, np.uint16),
                photometric="minisblack",
                planarconfig="contig",
            )
    status, _, err = i2i("train", "pix2pix", tmp_path / "pairs", "--run", tmp_path / "run", *SMALL)
    assert status == 0, err
    assert i2i("convert", tmp_path / "run", tmp_path / "pairs" / "A", tmp_path / "out")[0] == 0
    made = tifffile.imread(tmp_path / "out" / "0.tif")
    assert (made.shape, made.dtype) == ((64, 64, 2), np.uint16)
    assert i2i("evaluate", tmp_path / "run", tmp_path / "pairs", "--split", "train")[0] == 0


def test_info_tells_what_a_model_is(i2i, trained):
    status, out, _ = i2i("info", trained)
    assert status == 0
    for word in (
        "buildings (pix2pix, translation)",
        "multiples of 64",
        "differs from torch by at most",
        "16 images",
    ):
        assert word in out
    assert json.loads(i2i("info", trained, "--json")[1])["training"]["images"] == 16


def test_export_writes_the_best_where_it_is_told(i2i, trained, tmp_path):
    status, _, _ = i2i("export", trained, "--checkpoint", "best", "--out", tmp_path / "best.onnx")
    assert status == 0
    best = json.loads((trained / "checkpoints" / "best" / "best.json").read_text())["images"]
    assert json.loads(i2i("info", tmp_path / "best.onnx", "--json")[1])["training"]["images"] == best


def test_evaluate_writes_figures_csv_and_sheet(i2i, trained, sample_pairs, tmp_path):
    status, out, _ = i2i(
        "evaluate", trained, sample_pairs, "--json", tmp_path / "s.json", "--out", tmp_path / "scores",
        "--precision", "fp32",
    )  # fmt: skip
    assert status == 0
    facts = json.loads((tmp_path / "s.json").read_text())
    assert (facts["count"], set(facts["baselines"])) == (2, {"input", "lookup"})
    assert set(facts["metrics"]) == {"l1", "psnr", "ssim"}
    assert "baseline: lookup" in out
    assert (tmp_path / "scores" / "scores.csv").read_text().count("\n") == 3
    assert Image.open(tmp_path / "scores" / "sheet.png").width > 700


def test_what_is_scored_is_what_training_measured(i2i, trained, sample_pairs, tmp_path):
    """The same checkpoint, the same pictures: the engine's error is the loop's."""
    i2i("evaluate", trained, sample_pairs, "--split", "val", "--json", tmp_path / "s.json", "--precision", "fp32")
    logged = json.loads((trained / "log.jsonl").read_text().splitlines()[-1])["val_l1"]
    assert json.loads((tmp_path / "s.json").read_text())["metrics"]["l1"] == pytest.approx(logged, abs=2e-3)


def text_folder(t):
    (t / "x").mkdir()
    (t / "x" / "notes.txt").write_text("no pictures")
    return ["train", "pix2pix", t / "x", "--run", t / "r"]


def one_picture(t):
    picture(t / "x" / "only.png", (128, 64))
    return ["train", "pix2pix", t / "x", "--run", t / "r"]


def small_pictures(t):
    return ["train", "pix2pix", pairs(t / "x", (40, 40)), "--run", t / "r", "--size", "64"]


def sizes_differ(t):
    pairs(t / "x")
    picture(t / "x" / "B" / "1.png", (60, 64))
    return ["train", "pix2pix", t / "x", "--run", t / "r", "--size", "32"]


def no_partner(t):
    pairs(t / "x")
    picture(t / "x" / "A" / "lonely.png")
    return ["train", "pix2pix", t / "x", "--run", t / "r", "--size", "32"]


def broken_picture(t):
    pairs(t / "x")
    whole = (t / "x" / "A" / "1.png").read_bytes()
    (t / "x" / "A" / "1.png").write_bytes(whole[: len(whole) // 2])
    return ["train", "pix2pix", t / "x", "--run", t / "r", "--size", "32"]


def other_method(t):
    (t / "r").mkdir()
    (t / "r" / "config.yaml").write_text("method: cyclegan\n")
    return ["train", "pix2pix", pairs(t / "x"), "--run", t / "r", "--size", "32"]


def truncated_model(t):
    (t / "m.onnx").write_bytes(b"\x08\x0a\x12\x07pytorch" + b"\x3a\xff\xff")
    return ["info", t / "m.onnx"]


def model_without_card(t):
    graph = onnx.helper.make_graph([], "g", [], [])
    onnx.save(onnx.helper.make_model(graph), t / "m.onnx")
    return ["convert", t / "m.onnx", pairs(t / "x"), t / "out"]


def run_without_model(t):
    (t / "r").mkdir()
    (t / "r" / "config.yaml").write_text("method: pix2pix\n")
    return ["serve", t / "r"]


def scored(t):
    """A model and pairs to score it on."""
    return write_model(t, "invert"), pairs(t / "x")


TRAIN = ["train", "pix2pix"]
BAD = {
    "an empty folder": (lambda t: [*TRAIN, (t / "x").mkdir() or t / "x", "--run", t / "r"], "no pictures|No pictures"),
    "a folder of text files": (text_folder, "pictures"),
    "a folder that is not there": (lambda t: [*TRAIN, t / "nowhere", "--run", t / "r"], "nowhere"),
    "one picture": (one_picture, "one pair"),
    "pictures smaller than the crop": (small_pictures, "40x40|40 x 40|40×40"),
    "sizes that differ within a pair": (sizes_differ, "60x64|60 x 64|60×64"),
    "a picture without its partner": (no_partner, "lonely"),
    "a broken picture": (broken_picture, "1.png"),
    "an unknown method": (lambda t: ["train", "pix2pxi", t, "--run", t / "r"], r"Did you mean 'pix2pix'\?"),
    "an unknown generator": (
        lambda t: [*TRAIN, pairs(t / "x"), "--run", t / "r", "--size", "32", "--set", "generator.name=unet265"],
        r"Did you mean 'unet256'\?",
    ),
    "an unknown key": (
        lambda t: [*TRAIN, pairs(t / "x"), "--run", t / "r", "--set", "lamda_l1=3"], r"Did you mean 'lambda_l1'\?"
    ),
    "an unknown preset": (lambda t: [*TRAIN, t, "--run", t / "r", "--preset", "fsat"], r"Did you mean 'fast'\?"),
    "a size that no U-Net takes": (lambda t: [*TRAIN, pairs(t / "x"), "--run", t / "r", "--size", "50"], "multiple of 16"),
    "a size that the generator does not take": (
        lambda t: [*TRAIN, pairs(t / "x"), "--run", t / "r", "--size", "48", "--set", "generator.name=unet32"],
        "multiples of 32",
    ),
    "a device that is not here": (
        lambda t: [*TRAIN, pairs(t / "x"), "--run", t / "r", "--size", "32", "--device", "cuda:7"], "cuda"
    ),
    "a run of another method": (other_method, "holds a cyclegan run, not pix2pix"),
    "a truncated model": (truncated_model, "m.onnx"),
    "a model without a card": (model_without_card, "card"),
    "a run without a model": (run_without_model, "i2i export"),
    "a sample that nobody paints": (lambda t: ["data", "sample", "facade", t / "x"], r"Did you mean 'facades'\?"),
    "a checkpoint that is none": (lambda t: ["export", t, "--checkpoint", "newest"], "Known: best, last"),
    "a precision that no file has": (lambda t: ["export", t, "--precision", "int8"], "Known: fp16, fp32"),
    "no metric": (lambda t: ["evaluate", *scored(t), "--metrics", ","], "No metric is named"),
    "a date for a name": (lambda t: [*TRAIN, t, "--run", t / "r", "--set", "data.a=2024-13-45"], "is not a value"),
    "endless epochs": (lambda t: [*TRAIN, t, "--run", t / "r", "--epochs", "inf"], "epochs"),
    "a seed beyond numbers": (lambda t: [*TRAIN, t, "--run", t / "r", "--seed", 10**20], "seed"),
    "a run among its pictures": (lambda t: [*TRAIN, pairs(t / "x"), "--run", t / "x" / "r"], "among the training pictures"),
    "an export of nothing": (lambda t: ["export", t / "r"], "holds no run"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_bad_input_ends_in_one_sentence_and_loses_nothing(what, i2i, tmp_path):
    import re

    make, sentence = BAD[what]
    arguments = make(tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    status, _, err = i2i(*arguments)
    assert status == 2, err
    said = [line for line in err.splitlines() if line.startswith("i2i: ")]
    assert len(said) == 1, err
    assert re.search(sentence, err), err
    assert "Traceback" not in err
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_broken_pictures_are_left_out_when_the_user_says_so(i2i, tmp_path):
    arguments = broken_picture(tmp_path)
    pairs(tmp_path / "more", count=6)
    for side in "AB":
        for path in (tmp_path / "more" / side).iterdir():
            path.rename(tmp_path / "x" / side / f"more-{path.name}")
    status, _, err = i2i(*arguments, "--images", "4", *SMALL[4:], "--set", "data.skip_broken=true")
    assert status == 0, err
    assert "Left out" in err
    assert "1.png" in err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--scale", "2"], "pix2pix has no setting 'scale'; it belongs to srgan."),
        (["--set", "lambda_cycle=5"], "pix2pix has no setting 'lambda_cycle'; it belongs to cyclegan."),
        (["--set", "lamda_l1=5"], "There is no setting called 'lamda_l1'. Did you mean 'lambda_l1'?"),
    ],
)
def test_a_setting_of_another_method_is_refused_with_the_method_that_has_it(i2i, tmp_path, words, sentence):
    status, _, err = i2i("train", "pix2pix", tmp_path, "--run", tmp_path / "r", *words)
    assert status == 2
    assert sentence in " ".join(err.split())
    assert not (tmp_path / "r").exists()


def test_show_config_prints_every_setting_and_trains_nothing(i2i, tmp_path):
    status, out, _ = i2i("train", "pix2pix", "photos", "--run", tmp_path / "r", "--preset", "fast", "--show-config")
    assert status == 0
    shown = yaml.safe_load(out)
    assert (shown["size"], shown["batch"], shown["generator"]["width"], shown["lambda_l1"]) == (128, 4, 32, 100)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(("words", "images", "epochs"), [
    ([], 50_000, 200),
    (["--epochs", 3], None, 3),
    (["--set", "epochs=3"], None, 3),
    (["--images", 64], 64, 200),
])  # fmt: skip
def test_a_length_in_epochs_takes_the_place_of_a_presets_images(i2i, tmp_path, words, images, epochs):
    asked = ("train", "srgan", "photos", "--run", tmp_path / "r", "--preset", "fast", "--show-config")
    status, out, _ = i2i(*asked, *words)
    assert status == 0
    shown = yaml.safe_load(out)
    assert (shown["images"], shown["epochs"]) == (images, epochs)


def test_two_lengths_at_once_are_refused(i2i, tmp_path):
    asked = ("train", "srgan", "photos", "--run", tmp_path / "r", "--images", 64, "--set", "epochs=3")
    status, _, err = i2i(*asked)
    assert status == 2
    assert "Both images and epochs" in err


def test_a_configuration_file_is_a_layer_below_the_flags(i2i, tmp_path):
    (tmp_path / "mine.yaml").write_text("size: 64\nbatch: 2\n")
    _, out, _ = i2i(
        "train", "pix2pix", "p", "--run", "r", "--config", tmp_path / "mine.yaml", "--batch", "3", "--show-config"
    )
    shown = yaml.safe_load(out)
    assert (shown["size"], shown["batch"]) == (64, 3)


def test_doctor_says_what_runs_here(i2i):
    status, out, _ = i2i("doctor")
    assert "onnxruntime" in out
    assert re.search(r"To be had:? +\d+ processors?, \d+\.\d GB of memory", out) or sys.platform != "linux"
    assert "Training" in out
    assert status == (1 if "Wrong:" in out else 0)


@pytest.mark.skipif(os.name == "nt", reason="make")
def test_make_lists_its_targets():
    out = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=30).stdout
    for target in ("setup", "demo", "test", "check", "bench", "serve"):
        assert f"make {target}" in out


def flat(folder, count=20):
    """Pairs without splits."""
    rng = np.random.default_rng(len(str(folder)))
    for n in range(count):
        for side in "AB":
            (folder / side).mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8)).save(folder / side / f"{n:02}.png")
    return folder


def test_held_out_pairs_are_scored_again_and_another_folder_is_scored_whole(i2i, tmp_path):
    mine, other = flat(tmp_path / "mine"), flat(tmp_path / "other", 7)
    assert i2i("train", "pix2pix", mine, "--run", tmp_path / "r", *SMALL)[0] == 0
    held_out = json.loads(i2i("info", tmp_path / "r", "--json")[1])["training"]["held_out"]
    assert len(held_out) == 1
    status, _, err = i2i("evaluate", tmp_path / "r", mine, "--json", tmp_path / "s.json")
    assert status == 0, err
    facts = json.loads((tmp_path / "s.json").read_text())
    assert (facts["count"], set(facts["baselines"])) == (1, {"input", "lookup"})
    assert held_out[0] in (tmp_path / "r" / "evaluation" / "scores.csv").read_text()
    i2i("evaluate", tmp_path / "r", other, "--json", tmp_path / "s.json")
    facts = json.loads((tmp_path / "s.json").read_text())
    assert (facts["count"], set(facts["baselines"])) == (7, {"input"})


def test_a_broken_picture_is_left_out_of_the_scores_and_listed(i2i, trained, tmp_path):
    folder = flat(tmp_path / "pairs", 5)
    whole = (folder / "A" / "03.png").read_bytes()
    (folder / "A" / "03.png").write_bytes(whole[: len(whole) // 2])
    status, _, err = i2i("evaluate", trained, folder, "--json", tmp_path / "s.json", "--out", tmp_path / "scores")
    assert status == 1
    assert "03.png" in err
    assert json.loads((tmp_path / "s.json").read_text())["count"] == 4


def test_a_run_that_saw_more_than_is_asked_for_is_left_alone(i2i, trained, sample_pairs):
    before = (trained / "config.yaml").read_bytes()
    status, _, err = i2i("train", "pix2pix", sample_pairs, "--run", trained, *NARROW, "--images", "8")
    assert (status, (trained / "config.yaml").read_bytes()) == (2, before)
    assert "has seen 16 images already" in err


def test_too_little_memory_is_said_with_the_way_out(i2i, tmp_path, sample_pairs):
    arguments = ["train", "pix2pix", sample_pairs, "--run", tmp_path / "r", *SMALL]
    status, _, err = i2i(*arguments, "--set", "generator.width=1000000")
    assert (status, "Traceback" in err) == (1, False)
    assert "is not enough for this run" in err
    assert not (tmp_path / "r").exists()


def test_the_report_and_the_card_name_survive_any_run_name(i2i, tmp_path, sample_pairs):
    run = tmp_path / "my façade <run>"
    assert i2i("train", "pix2pix", sample_pairs, "--run", run, *SMALL)[0] == 0
    assert json.loads(i2i("info", run, "--json")[1])["name"] == "my-facade-run"


def test_a_demo_on_pairs_of_many_bands_makes_the_whole_journey(i2i, monkeypatch, tmp_path):
    import tifffile

    import i2i.workflows.demo as demo

    monkeypatch.setattr(demo, "LEAST", 8)
    monkeypatch.setattr(demo, "PROBING_SECONDS", 0.1)
    rng = np.random.default_rng(0)
    for n in range(4):
        for side, bands in (("A", 5), ("B", 2)):
            (tmp_path / "pairs" / side).mkdir(parents=True, exist_ok=True)
            data = rng.integers(0, 255, (64, 64, bands), np.uint8)
            tifffile.imwrite(
                tmp_path / "pairs" / side / f"{n}.tif", data, photometric="minisblack", planarconfig="contig"
            )
    status, _, err = i2i("demo", tmp_path / "pairs", "--run", tmp_path / "demo", "--minutes", "0.0001")
    assert status == 0, err
    assert json.loads((tmp_path / "demo" / "demo.json").read_text())["baselines"].keys() == {"lookup"}
    assert len(results_in(tmp_path / "demo" / "converted")) == 1
