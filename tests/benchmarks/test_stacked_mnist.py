"""The published table of collapse: its data, its networks, runs as one batched model, and the command from end to end."""

import json
import pickle
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]
DIGITS = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    """Class folders as those of unpacked MNIST, of written digits."""
    root = tmp_path_factory.mktemp("data") / "mnist"
    for split in ("train", "test"):
        for digit in range(10):
            (root / split / str(digit)).mkdir(parents=True)
            for n in range(2):
                picture = Image.new("L", (28, 28))
                ImageDraw.Draw(picture).text((8 + n, 6), str(digit), fill=255, font_size=14)
                picture.save(root / split / str(digit) / f"{n}.png")
    return root


def test_a_stacked_picture_is_three_digits_by_its_seed_and_number_alone(bench):
    stacked = bench("stacked_mnist.data").stacked
    many = stacked(DIGITS, 3, 5, 6)
    assert torch.equal(many[4], stacked(DIGITS, 3, 9, 1)[0])
    assert not torch.equal(many, stacked(DIGITS, 4, 5, 6))
    planes = ((many + 1) * 127.5).round().byte().numpy().reshape(-1, 28, 28)
    assert all(any(np.array_equal(plane, digit) for digit in DIGITS) for plane in planes)
    assert len({plane.tobytes() for plane in planes}) > 9


def test_every_row_has_the_published_networks_and_its_own_d(bench):
    rows, count = bench("stacked_mnist.rows").ROWS, bench("stacked_mnist.__main__").parameters_of
    assert count("dcgan") == count("unrolled10") == (287_875, 585)
    assert [count(f"pac{m}")[1] for m in (2, 3, 4)] == [585 + 54 * (m - 1) for m in (2, 3, 4)]
    assert count("half-dcgan") == (287_875, 1_889)
    assert count("half-pac4")[1] == 1_889 + 3 * 108
    config = rows["pac3"].method().o
    assert (config.packed, config.batch, config.optimizer.lr, config.optimizer.lr_d) == (3, 384, 1e-4, 2e-4)
    assert rows["unrolled5"].method().o.gan.unrolled == 5


@pytest.mark.parametrize("name", ["dcgan", "pac2"])
def test_runs_as_one_batched_model_are_the_single_runs_step_by_step(bench, name):
    train, batched, row = (
        bench("stacked_mnist.train"),
        bench("stacked_mnist.batched"),
        bench("stacked_mnist.rows").ROWS[name],
    )
    seeds, count = (4, 7), 4 * row.packed
    single = [row.method(4) for _ in seeds]
    for method in single:  # in double precision, where rounding is no gradient to Adam
        method.G.double(), method.D.double()
    together = batched.Batched(single, seeds, 4)
    for step in range(3):
        for seed, method in zip(seeds, single, strict=True):
            train.one_step(method, DIGITS, seed, step, count)
        together.step(DIGITS, step)
        for side in "GD":
            stack = getattr(together, side)
            for place, method in enumerate(single):
                wanted = method.networks[side].state_dict()
                found = {key: value[place] for key, value in {**stack.weights, **stack.state}.items()}
                assert found.keys() == wanted.keys()
                for key, value in wanted.items():
                    torch.testing.assert_close(found[key].detach(), value, atol=1e-7, rtol=1e-5)
    assert not torch.equal(single[0].G.first.weight, single[1].G.first.weight)


def test_a_run_in_pieces_is_the_run_in_one(bench, tmp_path):
    train = bench("stacked_mnist.train")
    (tmp_path / "a" / "runs").mkdir(parents=True), (tmp_path / "b" / "runs").mkdir(parents=True)
    np.save(tmp_path / "digits.npy", DIGITS)
    whole, parts = (train.Job("pac2", 1, 3, 1.0, tmp_path / name) for name in "ab")
    train.advance(whole, tmp_path / "digits.npy", 4)
    for until in (1, 3, 3, 4):
        train.advance(parts, tmp_path / "digits.npy", until)
    assert torch.equal(train.generated(train.begun(whole)[0].G, 0, 5), train.generated(train.begun(parts)[0].G, 0, 5))


def test_modes_and_kl_are_those_of_the_kinds_that_a_classifier_sees(bench):
    class Corner(torch.nn.Module):
        """Reads the digit from the first pixel: 0.0 to 0.9."""

        def forward(self, x):
            return 50 * torch.nn.functional.one_hot((x[:, 0, 0, 0] * 10).round().long(), 10).float()

    modes_of = bench("stacked_mnist.train").modes_of
    digits = torch.tensor([[n // 100, n // 10 % 10, n % 10] for n in range(1000)])
    pictures = ((digits / 10)[:, :, None, None] * 2 - 1).expand(1000, 3, 28, 28)
    every = modes_of(pictures, Corner())
    assert every.modes == 1000
    assert every.kl == pytest.approx(0, abs=1e-6)
    half = modes_of(pictures[:500], Corner())
    assert (half.modes, half.kl) == (500, pytest.approx(np.log(2)))
    assert modes_of(pictures[:1].expand(9, 3, 28, 28), Corner()).kl == pytest.approx(np.log(1000))


class InThisProcess(ThreadPoolExecutor):
    """Takes what another process could take, which would load torch anew."""

    def submit(self, work, *arguments):
        assert not work.__module__.endswith("__main__")  # no other process finds that module
        return super().submit(work, *pickle.loads(pickle.dumps(arguments)))


def test_the_command_trains_scores_and_goes_on(bench, ended, mnist, tmp_path, monkeypatch):
    main = bench("stacked_mnist.__main__")
    monkeypatch.setattr(main, "ProcessPoolExecutor", lambda *_, **__: InThisProcess(1))
    words = (mnist, "--out", tmp_path, "--rows", "dcgan,pac2", "--seeds", 2, "--batch", 2, "--count", 64, "--hours", 0)
    status, out, err = ended("stacked_mnist.__main__", *words, "--steps", 1)
    assert (status, "Error" in err) == (0, False), err
    before, began = json.loads((tmp_path / "spent.json").read_text())["seconds"], time.monotonic()
    status, out, err = ended("stacked_mnist.__main__", *words, "--hours", 1, "--steps", 3)
    taken = time.monotonic() - began
    assert status == 0, err
    assert "Steps of all runs" in err
    told = json.loads((tmp_path / "stacked_mnist.json").read_text())
    assert (told["steps"], told["batch"], told["rates"]) == (3, 2, 10)
    assert before < 60 * told["minutes"] <= before + taken  # each of them counts once
    assert [row["name"] for row in told["rows"]] == ["dcgan", "pac2"]
    for row in told["rows"]:
        assert len(row["modes"]) == len(row["kl"]) == 2
        low, high = row["intervals"]["modes"]
        assert low <= row["mean"]["modes"] <= high
    assert told["rows"][1]["published"]["modes"] == 484.5
    assert "| `pac2` | 639 |" in out
    assert "3 steps of 2 packs a run, 0.00% of the 500,000 steps of 128" in out
    with Image.open(tmp_path / "stacked_mnist.png") as sheet:
        assert sheet.width > 12 * 80
        assert sheet.height > 3 * 80
    status, _, err = ended("stacked_mnist.__main__", *words, "--seeds", 3)
    assert (status, "Name another folder: --out" in err) == (2, True)
    shutil.copytree(mnist, tmp_path / "others")
    status, _, err = ended("stacked_mnist.__main__", tmp_path / "others", *words[1:], "--hours", 1, "--steps", 3)
    assert (status, "of other digits" in err) == (2, True)  # the kept ones are not of this folder


def test_a_round_that_was_interrupted_is_ended_before_runs_are_compared(bench, tmp_path):
    main, train = bench("stacked_mnist.__main__"), bench("stacked_mnist.train")
    (tmp_path / "runs").mkdir()
    np.save(tmp_path / "digits.npy", DIGITS)
    jobs = [train.Job("dcgan", seed, 2, 1.0, tmp_path) for seed in (0, 1)]
    for job, steps in zip(jobs, (3, 2), strict=True):
        train.advance(job, tmp_path / "digits.npy", steps)
    spent = main.Spent(tmp_path / "spent.json", 2, 99.0)
    with InThisProcess(1) as pool:
        main.train(jobs, tmp_path / "digits.npy", pool, spent, 0.0, 2)  # no time is left
    assert [spent.steps, *map(train.steps_of, jobs)] == [3, 3, 3]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_command_trains_in_processes_of_its_own(mnist, tmp_path):
    words = (
        "--out",
        tmp_path,
        "--rows",
        "dcgan",
        "--seeds",
        "2",
        "--batch",
        "2",
        "--count",
        "64",
        "--workers",
        "2",
        "--steps",
        "2",
    )
    command = [sys.executable, "-m", "benchmarks.stacked_mnist", *map(str, (mnist, *words))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "stacked_mnist.json").read_text())["steps"] == 2


def test_a_folder_that_is_not_mnist_is_refused_in_a_sentence(ended, tmp_path):
    status, _, err = ended("stacked_mnist.__main__", tmp_path, "--out", tmp_path / "out")
    assert status == 2
    assert "no pictures in train/0 to train/9" in err
