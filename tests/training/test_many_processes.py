"""Several processes, or several passes, compute what one pass of one process computes on the whole batch."""

import os
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from divided import BATCH, beginning, run, settings_of, steps, without_effect
from several import together
from tiny_runs import SIZE, begun, noise, tiny
from typer.testing import CliRunner

from i2i.commands.app import app
from i2i.datasets.synthetic.samples import SAMPLES
from i2i.errors import ConfigError
from i2i.hardware.batch_part import Division, Part, at_hand, drawn
from i2i.hardware.device import place
from i2i.hardware.processes import Processes, of_environment
from i2i.methods import METHODS
from i2i.methods.dividing import division_of

AUGMENTED = {"augment": ["colour", "translation", "cutout"]}
ALONE = {"norm": "instance_affine"}
BOTH = {"generator": ALONE, "discriminator": ALONE}
STYLES = {
    "generator": {"name": "stylegan2", "width": None, "base": 64, "most": 8, "latent": 8, "style": 8, "layers": 1},
    "discriminator": {"name": "stylegan2", "width": None, "base": 64, "most": 8},
    "mixing": 0.9,
    "path_length": 2.0,
    "fresh_fakes": True,
    "gan": {"r1": 1.0, "penalty_every": 2},
}
CLASSES = {"conditional": True, "data": {"path": "noise", "domains": ["a", "b"]}}
GROWING = {
    "generator": {"name": "progan", "width": None, "base": 64, "most": 16, "latent": 8},
    "discriminator": {"name": "progan", "width": None, "base": 64, "most": 8},
    "fresh_fakes": True,
    "gan": {"loss": "wasserstein", "gradient_penalty": 10, "drift": 0.1},
}
DRAWING = {
    "generator": {"name": "fastgan", "latent": 4},
    "discriminator": {"name": "fastgan", "width": 8},
    "reconstruction": 1.0,
    "gan": {"loss": "hinge"},
}
BOUNDED = {
    "gan": {"loss": "relativistic_pairs", "weight_clipping": 0.1, "unrolled": 2, "unrolled_rate": 0.1},
    "d_rests_above": 0.9,
}
PYRAMID = {name: {"name": "lapgan", "width": 4, "widths": [8]} for name in ("generator", "discriminator")}
CASES = {
    "pix2pix": ("pix2pix", {}),
    "cyclegan": ("cyclegan", {"gan": {"pool": 0}}),
    "discogan": ("discogan", {}),
    "srgan": ("srgan", {}),
    "gan": ("gan", CLASSES),
    "styles": ("gan", STYLES),
    "pyramid": ("gan", PYRAMID),
    "growth, drift": ("gan", GROWING),
    "reconstruction": ("gan", DRAWING),
    "pairs, clipping, unrolled, resting": ("gan", BOUNDED),
    "minibatch discrimination of packs": ("gan", {"packed": 2, "minibatch_std": True, "minibatch_kernels": 3}),
    "pool of cyclegan": ("cyclegan", {"gan": {"pool": 6}}),
    "gradient penalty, spectral": ("pix2pix", {"gan": {"gradient_penalty": 10}, "discriminator": {"spectral": True, **ALONE}}),
    "ada": ("cyclegan", {"gan": {"loss": "non_saturating", "ada": True, "ada_images": 200, "ada_target": 0, **AUGMENTED}}),
    "augmentation of ADA, r1": ("pix2pix", {"gan": {"augment": ["bgc"], "augment_p": 0.5, "r1": 10}, "discriminator": ALONE}),
    "variety, relativistic, noise, pool": (
        *("pix2pix", {"discriminator": {"minibatch_std": True}, "gan": {"loss": "relativistic", "instance_noise": 0.1, "pool": 6}}),
    ),
    "feature matching": ("cyclegan", {"gan": {"feature_matching": 1}}),
    "average, clip, turns": ("cyclegan", {"ema": {"images": 20}, "optimizer": {"clip": 0.5}, "gan": {"d_steps": 2}}),
}  # fmt: skip
"""What is used across a batch, each with a method that has it; every method plainly."""
PLAIN = {"generator": {"name": "mlp", "width": None}, "discriminator": {"norm": False}}
PASSES = {
    "pix2pix": ("pix2pix", {"discriminator": ALONE}),
    "cyclegan": ("cyclegan", {}),
    "discogan": ("discogan", {**BOTH, "gan": {"feature_matching": 0}}),
    "srgan": ("srgan", {"discriminator": {"norm": "none"}, "gan": {"loss": "non_saturating"}}),
    "gan": (
        "gan",
        {
            **CLASSES,
            "generator": STYLES["generator"],
            "discriminator": {"norm": False},
            "mixing": 0.9,
            "d_rests_above": 0.7,
            "gan": {"weight_clipping": 0.1, "r1": 1.0, "drift": 0.1},
        },
    ),
    "pyramid, packs": ("gan", {**PYRAMID, "packed": 2}),
    **{
        name: CASES[name]
        for name in ("augmentation of ADA, r1", "gradient penalty, spectral", "ada", "average, clip, turns")
    },
    "pool": ("pix2pix", {"gan": {"pool": 6, "instance_noise": 0.1, **AUGMENTED}, "discriminator": ALONE}),
}
"""The same for passes, where what compares images of different passes is refused."""


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    with together(2, tmp_path_factory.mktemp("two")) as processes:
        yield processes


def assert_same(ours, theirs, name, extra):
    """By the length of a tensor's difference over that of its way from the start.

    Rounding alone decides where a gradient is zero, as that of a bias is which a norm takes away again, or nearly zero:
    Adam makes every gradient as long as another. Whatever else is not the same changes nearly every tensor.
    """
    start = beginning(name, extra)
    moved = {key: np.linalg.norm(theirs[key] - start[key]) for key in ours.keys() - without_effect(name, extra)}
    off = {key: np.linalg.norm(ours[key] - theirs[key]) / moved[key] for key in moved if moved[key] > 0}
    assert len(off) > 10
    assert np.median(list(off.values())) < 1e-5, off
    assert np.mean(np.array(list(off.values())) < 1e-2) > 0.9, off


@pytest.mark.parametrize("case", CASES)
def test_two_processes_take_the_steps_of_one(case, two):
    name, extra = CASES[case]
    alone, losses = steps(name, extra)
    (first, one), (second, other) = two(steps, name, extra)
    assert all(np.array_equal(first[key], second[key]) for key in first)
    assert_same(first, alone, name, extra)
    np.testing.assert_allclose((np.array(one) + np.array(other)) / 2, losses, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", PASSES)
def test_two_passes_take_the_steps_of_one(case):
    name, extra = PASSES[case]
    alone, losses = steps(name, extra)
    passes, means = steps(name, {**extra, "accumulate": 2})
    assert_same(passes, alone, name, extra)
    np.testing.assert_allclose(means, losses, rtol=1e-4, atol=1e-5)


def test_passes_of_several_processes_take_the_steps_of_one(two):
    name, extra = PASSES["pool"]
    alone, _ = steps(name, extra)
    (first, _), _ = two(steps, name, {**extra, "accumulate": 2})
    assert_same(first, alone, name, extra)


@pytest.mark.parametrize("name", METHODS)
def test_in_single_precision_two_steps_are_the_same_to_rounding(name, two):
    extra = CASES[name][1]
    (first, one), (_, other) = two(steps, name, extra, count=2, double=False)
    alone, losses = steps(name, extra, count=2, double=False)
    np.testing.assert_allclose((np.array(one) + np.array(other)) / 2, losses, rtol=1e-3, atol=1e-4)
    assert_same(first, alone, name, extra)  # later ones multiply what is rounded


@pytest.mark.parametrize("total", [16, 18, 19])
def test_a_run_of_two_processes_goes_on_alone_and_back(total, two, tmp_path):
    """Also where the last batch is smaller and cannot be shared evenly."""
    run(str(tmp_path / "whole"), "pix2pix", total, None, {})
    two(run, str(tmp_path / "cut"), "pix2pix", total, 4, {})
    run(str(tmp_path / "cut"), "pix2pix", total, 12, {})
    both = two(run, str(tmp_path / "cut"), "pix2pix", total, None, {})
    whole = run(str(tmp_path / "whole"), "pix2pix", total, None, {})
    assert all(np.array_equal(both[0][key], both[1][key]) for key in whole)
    moved = {key: np.abs(both[0][key] - whole[key]).max() for key in whole}
    assert max(moved.values()) < 2e-3, moved  # of fp32, after five steps


@pytest.mark.parametrize(("processes", "passes"), [(1, 1), (2, 1), (1, 4), (2, 2), (4, 1)])
@pytest.mark.parametrize("whole", [1, 5, 6, 8])
def test_every_image_is_seen_once_or_by_all_alike(processes, passes, whole):
    seen = {}
    for rank in range(processes):
        division = Division(8, rank, processes, passes)
        parts = division.parts(whole)
        assert sum(part.share for part in parts) == pytest.approx(1)
        assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
        for part in parts:
            for place_ in range(part.start, part.stop):
                seen.setdefault(place_, []).append((rank, part.shared))
    assert sorted(seen) == list(range(whole))
    for ranks in seen.values():
        assert len(ranks) in (1, processes)
        assert len(ranks) == 1 or not any(shared for _, shared in ranks)


def test_what_is_drawn_for_an_image_does_not_depend_on_the_division():
    torch.manual_seed(0)
    whole = drawn(lambda n: torch.rand(n, 3), 16)  # real ones and fakes of a batch of eight
    for start in range(0, 8, 2):
        torch.manual_seed(0)
        with at_hand(Part(8, 0, 8, start, start + 2)):
            mine = drawn(lambda n: torch.rand(n, 3), 4)
        assert torch.equal(mine, torch.cat([whole[start : start + 2], whole[8 + start : 10 + start]]))


@pytest.mark.parametrize("whole", [2, 4, 6, 8])
def test_packs_are_not_taken_apart(whole):
    """Six in packs of two cannot be shared by two processes, and both do all."""
    for rank in range(2):
        division = Division(8, rank, 2, packed=2)
        assert (
            division.places(whole)
            == {
                2: [0, 1],
                4: [[0, 1], [2, 3]][rank],
                6: [0, 1, 2, 3, 4, 5],
                8: [[0, 1, 2, 3], [4, 5, 6, 7]][rank],
            }[whole]
        )


def test_packs_that_processes_or_passes_would_take_apart_are_refused_with_the_next_batch_that_can():
    config = tiny("gan", batch=6, packed=2)
    with pytest.raises(ConfigError, match=r"2 processes in packs of 2. Use --batch 8"):
        division_of(config, Processes(0, 2))


def test_a_batch_that_cannot_be_divided_is_refused_with_the_next_that_can():
    config = tiny("pix2pix", batch=6, accumulate=2, discriminator={"width": 2, **ALONE})
    with pytest.raises(ConfigError, match=r"2 processes and 2 passes. Use --batch 8"):
        division_of(config, Processes(0, 2))


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("pix2pix", {}, "discriminator.norm=instance_affine"),
        ("discogan", {"discriminator": ALONE}, "generator.norm=instance_affine"),
        ("cyclegan", {"gan": {"feature_matching": 1}}, "gan.feature_matching=0"),
        ("cyclegan", {"gan": {"loss": "relativistic"}}, "gan.loss=non_saturating"),
        ("cyclegan", {"discriminator": {"minibatch_std": True}}, "discriminator.minibatch_std=false"),
        ("gan", {"minibatch_kernels": 3, **PLAIN}, "Leave minibatch_std"),
        ("gan", {}, "G normalises over the images of a batch, which 2 passes of 2 do not see together. Take a smaller"),
        ("gan", {"generator": {"name": "mlp", "width": None}}, "discriminator.norm=false"),
        ("gan", {**STYLES, "gan": {"r1": 1.0}}, "D compares"),
        ("gan", {**STYLES, "discriminator": {"norm": False}, "gan": {}}, "path_length=0"),
        ("cyclegan", {"gan": {"unrolled": 2}}, "gan.unrolled=0"),
        ("gan", {**PLAIN, "d_rests_above": 0.8, "gan": {"loss": "relativistic_pairs"}}, "d_rests_above=1"),
    ],
)
def test_passes_refuse_what_compares_their_images(name, settings, said):
    config = tiny(name, batch=4, accumulate=2, **settings)
    with pytest.raises(ConfigError, match=said.replace("[", r"\[")):
        METHODS[name].from_config(config, place("cpu", "fp32"))


@pytest.mark.parametrize("case", ["pix2pix", "gan", "pyramid, packs"])
def test_passes_need_less_memory(case):
    """The maps that are kept for gradients are those of a pass."""
    kept = {passes: most_kept(*PASSES[case], passes) for passes in (1, 4)}
    assert kept[4] < 0.5 * kept[1], kept


def most_kept(name, extra, passes):
    """Bytes of the outputs of layers that are alive at once, at most, during a step."""
    method = begun(name, **{**settings_of(name, extra), "batch": 8, "accumulate": passes})
    outputs, most = [], 0

    def keep(_module, _inputs, output):
        nonlocal most
        outputs.append(weakref.ref(output))
        most = max(most, sum(alive.nbytes for one in outputs if (alive := one()) is not None))

    for module in method.G.modules():
        if not list(module.children()):
            module.register_forward_hook(keep)
    settings = settings_of(name, extra)
    method.step({**noise(*range(8), size=settings.get("size", SIZE)), "label": torch.arange(8) % 2})
    return most


def test_the_environment_of_torchrun_is_read(monkeypatch):
    assert of_environment() == Processes()
    for name, value in {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert of_environment() == Processes(3, 4, 1)


def torchrun(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "--", "i2i", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return SAMPLES["facades"].write(tmp_path_factory.mktemp("pairs") / "facades", count=8, size=64)


SMALL = ["--size=64", "--batch", str(BATCH), "--precision=fp32", "--set=generator.name=unet16",
         "--set=generator.width=2", "--set=discriminator.width=2"]  # fmt: skip


def trained(pairs, run):
    """How `i2i train` ended in this process, and what it said."""
    done = CliRunner().invoke(app, ["train", "pix2pix", pairs, "--run", run, "--images=8", *SMALL])
    return done.exit_code, done.output


def test_the_command_of_two_processes_speaks_once_and_writes_once(pairs, two, tmp_path):
    (status, said), (other, silence) = two(trained, str(pairs), str(tmp_path / "run"))
    assert status == other == 0, said
    assert said.count("2 processes") == said.count("Trained 8 images") == 1
    assert silence == ""
    assert (tmp_path / "run" / "model.onnx").exists()


def test_a_process_that_dies_ends_all_with_a_sentence(pairs, tmp_path):
    process = torchrun("train", "pix2pix", str(pairs), "--run", str(tmp_path / "run"), "--images=100000", *SMALL)
    try:
        log = tmp_path / "run" / "log.jsonl"
        deadline = time.monotonic() + 120
        while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.1)
        os.kill(rank_of(process.pid, 1), signal.SIGKILL)
        said, _ = process.communicate(timeout=100)
    finally:
        os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
    assert process.returncode != 0
    assert said.count("2 processes") == 1
    assert "i2i: Another process of this training has ended" in said
    assert "the same command goes on from there" in said


def rank_of(parent, rank):
    """The process of that rank below a torchrun."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            above = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if above == parent and f"RANK={rank}" in (folder / "environ").read_text().split("\0"):
                return int(folder.name)
        except OSError:
            continue
    raise AssertionError(f"no process of rank {rank} below {parent}")
