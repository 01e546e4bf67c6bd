"""A run survives everything: stops, kills, full disks, and goes on exactly where it was."""

import json
import os
import platform
import resource
import signal
import subprocess
import sys
import time

import pytest
import safetensors.torch
import torch
from in_process import Forked
from tiny_runs import fresh, noise, tiny, train, weights

from i2i.errors import RunError, StorageError, TrainingError
from i2i.hardware import allocator
from i2i.hardware.device import Placement
from i2i.hardware.openmp import SAID, SPINS, wait_briefly
from i2i.methods import METHODS
from i2i.training import checkpoint, loop, tolerance, validation
from i2i.training.run_directory import Run


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_stopped_and_resumed_equals_one_that_was_not(name, precision, tmp_path):
    unbroken, _ = train(tmp_path / "unbroken", name, 8, precision=precision)
    train(tmp_path / "broken", name, 8, until=4, precision=precision)
    resumed, run = train(tmp_path / "broken", name, 8, precision=precision)
    for key, value in weights(unbroken).items():
        assert torch.equal(value, weights(resumed)[key]), key
    assert [r["images"] for r in run.records()] == [2, 4, 6, 8]
    straight = Run(tmp_path / "unbroken").records()
    losses = {k for r in straight for k in r if k[:2] in ("g_", "d_", "p_")}
    assert any(k.startswith("g_") for k in losses)
    assert any(k.startswith("d_") for k in losses)
    assert [[r.get(k) for k in losses] for r in run.records()] == [[r.get(k) for k in losses] for r in straight]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this system has another allocator")
def test_what_a_step_frees_is_kept_for_the_next():
    """In a process of its own: pages that come anew are counted as faults."""
    code = """
import resource, torch
from i2i.hardware.allocator import keep_freed_memory
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def news():
    before = faults()
    for _ in range(10): torch.ones(20_000_000)
    return faults() - before
usual = news()
assert keep_freed_memory()
news()
print(usual, news())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    usual, kept = map(int, done.stdout.split())
    assert kept * 10 < usual


@pytest.mark.skipif(platform.system() != "Linux", reason="torch comes with another OpenMP")
def test_threads_sleep_soon_while_they_wait(tmp_path):
    """As GCC's OpenMP itself tells it, once the command has loaded torch."""
    command = [sys.executable, "-m", "i2i", "train", "pix2pix", "photos", "--run", "run", "--show-config"]
    environment = {name: value for name, value in os.environ.items() if name not in SAID}
    environment |= {"OMP_DISPLAY_ENV": "verbose"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert f"GOMP_SPINCOUNT = '{SPINS}'" in done.stderr


@pytest.mark.parametrize(("said", "found"), [
    ({}, {"GOMP_SPINCOUNT": str(SPINS)}), ({"GOMP_SPINCOUNT": "77"}, {"GOMP_SPINCOUNT": "77"}),
    ({"OMP_WAIT_POLICY": "passive"}, {"OMP_WAIT_POLICY": "passive"}),
])  # fmt: skip
def test_what_the_user_says_of_waiting_stays(said, found, monkeypatch):
    for name in SAID:
        monkeypatch.setenv(name, "")  # what is set below is taken away again
        monkeypatch.delenv(name)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    wait_briefly()
    assert {name: os.environ[name] for name in SAID if name in os.environ} == found


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or not allocator._huge_pages_wait_to_be_asked_for(),
    reason="this system has another allocator, no huge pages, or gives them unasked",
)
@pytest.mark.parametrize("state", ["kept", "addresses limited"])
def test_what_a_step_holds_lies_in_huge_pages_where_there_are_addresses_for_it(state):
    """In a process of its own. Asking takes no memory; a limit on addresses takes the huge pages away, nothing else."""
    code = f"""
import re, resource, torch
from i2i.hardware.allocator import keep_freed_memory
def mb(file, what):
    return int(re.search(what + ":\\s+(\\d+) kB", open("/proc/self/" + file).read())[1]) / 1024
if {state == "addresses limited"}:
    most = int(mb("status", "VmSize") * 2**20) + 10**9
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
before, huge = mb("status", "VmRSS"), mb("smaps_rollup", "AnonHugePages")
assert keep_freed_memory()
print(mb("status", "VmRSS") - before)
held = [torch.ones(5_000_000) for _ in range(10)]
print(mb("smaps_rollup", "AnonHugePages") - huge)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    asked, huge = map(float, done.stdout.split())
    assert asked < 20
    assert huge > 100 if state == "kept" else huge < 20


FALLS = {
    "pix2pix": ("val_l1", 2e-3, {}),
    "cyclegan": ("g_cycle_x", 2e-3, {}),
    "discogan": ("g_cycle_a", 2e-2, {"curriculum": 0}),
    "srgan": ("g_pixel", 5e-2, {"lambda_gan": 0, "gan_lr": 5e-2}),
    "gan": ("val_swd", 2e-2, {}),
}
"""What training lowers first, at which rate and settings, by method."""


@pytest.mark.parametrize("name", METHODS)
def test_training_lowers_the_error_that_it_pays_for(name, tmp_path):
    figure, lr, settings = FALLS[name]
    dark_and_bright = {"a": (-0.9, -0.8), "b": (0.8, 0.9), "image": (0.8, 0.9)}
    _, run = train(tmp_path / "run", name, 60, every=10, ranges=dark_and_bright, optimizer={"lr": lr}, **settings)
    figures = [r[figure] for r in run.records() if figure in r]
    assert figures[-1] < 0.8 * figures[0]


def test_the_generators_step_leaves_the_discriminators_gradients_alone():
    method = fresh("pix2pix")
    D, seen, descend = method.networks["D"], [], method.descend
    method.descend = lambda optimizer, loss: (
        descend(optimizer, loss),
        seen.append([p.grad.clone() for p in D.parameters()]),
    )
    method.step(noise(0, 1))
    after_d, after_g = seen
    assert all(torch.equal(x, y) for x, y in zip(after_d, after_g, strict=True))
    assert all(p.requires_grad for p in D.parameters())


def test_the_rate_is_constant_and_then_falls_linearly_to_nothing(tmp_path):
    _, run = train(tmp_path / "run", "pix2pix", 8, optimizer={"lr": 1.0, "decay_from": 0.5})
    rates = [r["lr_g"] for r in run.records()]  # of the steps that began at 0, 2, 4 and 6 images
    assert rates == [1.0, 1.0, 1.0, 0.5]


def test_the_rate_counts_training_alone_and_not_grids_and_checkpoints(tmp_path, monkeypatch):
    """On a clock that stands still but while something is saved or shown."""
    now = [0.0]
    monkeypatch.setattr(loop.time, "monotonic", lambda: now[0])

    def slow(function):
        def slowly(*arguments):
            now[0] += 1
            return function(*arguments)

        return slowly

    monkeypatch.setattr(checkpoint, "save", slow(checkpoint.save))
    monkeypatch.setattr(validation, "write_grid", slow(validation.write_grid))
    _, run = train(tmp_path / "run", "pix2pix", 8)
    assert now[0] >= 6
    assert all(r["images_per_s"] > 1e6 for r in run.records())


def test_checkpoints_keep_the_newest_and_the_best(tmp_path):
    method, run = train(tmp_path / "run", "pix2pix", 8)
    assert [p.name for p in run.checkpoints_complete()] == ["00000006", "00000008"]
    figure = json.loads((run.checkpoints / "best" / "best.json").read_text())
    logged = {r["images"]: r["val_l1"] for r in run.records() if "val_l1" in r}
    assert len(figure.pop("pictures")) == 2
    assert figure == {"images": min(logged, key=logged.get), "val_l1": min(logged.values())}
    saved = safetensors.torch.load_file(run.checkpoints / "00000008" / "weights.safetensors")
    assert all(torch.equal(saved[key], value) for key, value in weights(method).items())
    torch.load(run.checkpoints / "00000008" / "state.pt", weights_only=True)


def test_a_loss_that_is_no_number_stops_the_run_and_says_where(tmp_path):
    def poison(method):
        step = method.step

        def poisoned(batch):
            scalars = step(batch)
            poisoned.calls += 1
            if poisoned.calls == 3:
                scalars["g_l1"] = scalars["g_l1"] * float("nan")
            return scalars

        poisoned.calls = 0
        method.step = poisoned

    with pytest.raises(
        TrainingError, match=r"At step 3 g_l1 stopped being a number.*last good checkpoint is \S*00000004"
    ):
        train(tmp_path / "run", "pix2pix", 8, spoil=poison)
    assert [p.name for p in Run(tmp_path / "run").checkpoints_complete()][-1] == "00000004"


def test_weights_that_are_no_numbers_are_named(tmp_path):
    def poison(method):
        next(method.D.parameters()).data[0] = float("nan")

    with pytest.raises(TrainingError, match=r"At step 1 .*the weights of G and D with it"):
        train(tmp_path / "run", "pix2pix", 8, spoil=poison)


def test_a_half_written_checkpoint_is_not_mistaken_for_one(tmp_path):
    train(tmp_path / "run", "pix2pix", 8, until=4)
    (tmp_path / "run" / "checkpoints" / ".00000006.123.part").mkdir()
    _, run = train(tmp_path / "run", "pix2pix", 8)
    assert [r["images"] for r in run.records()] == [2, 4, 6, 8]


@pytest.mark.parametrize("limit", [50_000, 600_000])
def test_a_full_disk_costs_no_checkpoint_that_was_there(limit, tmp_path, monkeypatch):
    """The operating system refuses to write more than that to any file: the weights at first, then the state."""
    train(tmp_path / "run", "pix2pix", 8, until=4)
    saved = tmp_path / "run" / "checkpoints" / "00000004"
    before = {p: p.read_bytes() for p in saved.iterdir()}
    assert 50_000 < (saved / "weights.safetensors").stat().st_size < 600_000 < (saved / "state.pt").stat().st_size
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(tolerance, "WAITS", ())
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, usual[1]))
    try:
        with pytest.raises(StorageError, match="could not be written"):
            train(tmp_path / "run", "pix2pix", 8)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert {p: p.read_bytes() for p in (tmp_path / "run" / "checkpoints" / "00000004").iterdir()} == before
    assert not list((tmp_path / "run" / "checkpoints").glob(".*"))
    _, run = train(tmp_path / "run", "pix2pix", 8)
    assert run.records()[-1]["images"] == 8


def test_a_full_disk_is_said_of_the_log_too(tmp_path):
    _, run = train(tmp_path / "run", "pix2pix", 8, until=4)
    run.log_file.unlink()
    run.log_file.mkdir()
    with pytest.raises(StorageError, match="log.jsonl could not be written"):
        run.log({"images": 5})


def test_weights_spoilt_by_the_last_step_are_not_saved_as_good(tmp_path):
    """A step's losses belong to the weights before it: those it left are looked at before they are kept."""

    def poison(method):
        step, calls = method.step, []

        def poisoned(batch):
            scalars = step(batch)
            calls.append(1)
            if len(calls) == 3:
                next(method.G.parameters()).data[0] = float("nan")
            return scalars

        method.step = poisoned

    with pytest.raises(TrainingError, match=r"Step 3 left the weights of G.*last good checkpoint is \S*00000004"):
        train(tmp_path / "run", "pix2pix", 8, spoil=poison)
    saved = safetensors.torch.load_file(tmp_path / "run" / "checkpoints" / "00000004" / "weights.safetensors")
    assert all(torch.isfinite(value).all() for value in saved.values())


def test_a_run_resumed_in_half_precision_scales_its_losses():
    config = tiny("pix2pix")
    method = METHODS["pix2pix"].from_config(config, Placement(torch.device("cpu"), "fp16", ""))
    plain = fresh("pix2pix")
    plain.step(noise(0))
    method.load_state_dict(plain.state_dict())
    assert method.scaler(method.opt_g).is_enabled()


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("precisions", [("bf16", "fp32"), ("fp32", "bf16")])
def test_a_run_resumed_in_another_precision_keeps_what_its_optimizers_know(name, precisions):
    """Weights may lie in another order then; fused Adam goes along their memory and its own as if they were alike."""
    old, new = (fresh(name, precision) for precision in precisions)
    for number in range(2):  # a turn of each side, where they take turns
        old.step(noise(number))
    new.load_state_dict(old.state_dict())
    turned = 0
    for which, optimizer in new.optimizers.items():
        of_old = old.optimizers[which].state
        for ours, theirs in zip(members(optimizer), members(old.optimizers[which]), strict=True):
            turned += ours.stride() != theirs.stride()
            for key, value in optimizer.state[ours].items():
                assert torch.equal(value, of_old[theirs][key]), key
                assert value.dim() == 0 or value.stride() == ours.stride(), key
    assert turned or name != "cyclegan"


@pytest.mark.parametrize("discriminator", [{"norm": "batch_as_instance"}, {"minibatch_std": True}])
@pytest.mark.parametrize("name", ["pix2pix", "cyclegan", "discogan"])
@pytest.mark.parametrize(("before", "after"), [("bf16", "fp32"), ("fp32", "bf16")])
def test_a_run_goes_on_in_another_precision_with_the_fakes_of_its_pool(name, discriminator, before, after):
    """A D that sees real and fake pictures apart gets the old fakes in the precision of the new."""
    settings = {"gan": {"pool": 2, "d_steps": 1, "g_steps": 1}, "discriminator": discriminator}
    old, new = (fresh(name, precision, **settings) for precision in (before, after))
    for number in range(3):
        old.step(noise(2 * number, 2 * number + 1))
    new.load_state_dict(old.state_dict())
    for number in range(4):
        new.step(noise(2 * number, 2 * number + 1))


def members(optimizer):
    return [p for group in optimizer.param_groups for p in group["params"]]


def test_other_settings_do_not_continue_a_run(tmp_path):
    train(tmp_path / "run", "pix2pix", 8, until=4)
    with pytest.raises(RunError, match="lambda_l1 was 100.* and would be 50"):
        train(tmp_path / "run", "pix2pix", 8, lambda_l1=50)
    train(tmp_path / "run", "pix2pix", 12)  # a longer run is the same run


def test_settings_may_change_while_there_is_nothing_to_go_on_from(tmp_path):
    run = Run(tmp_path / "run")
    run.start(tiny("pix2pix"))
    run.start(tiny("pix2pix", batch=1))
    assert run.config(METHODS["pix2pix"].Config).batch == 1


def test_a_folder_that_is_no_run_is_left_alone(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "precious.txt").write_text("mine")
    with pytest.raises(RunError, match="not empty and holds no run"):
        train(tmp_path / "photos", "pix2pix", 8)
    assert [p.name for p in (tmp_path / "photos").iterdir()] == ["precious.txt"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_a_checkpoint(number, tmp_path, sample_pairs):
    training = Forked(
        "train", "pix2pix", sample_pairs, "--run", tmp_path / "run", "--size", 32, "--images", 100_000,
        "--set", "generator.width=4", "--set", "discriminator.width=4", "--set", "discriminator.layers=2",
        "--set", "log.every=4",
    )  # fmt: skip
    log = tmp_path / "run" / "log.jsonl"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (log.exists() and log.stat().st_size):
        time.sleep(0.1)
    training.send_signal(number)
    assert training.ended(60) == 128 + number, training.said()
    assert "The same command goes on from there" in training.said()
    assert "Traceback" not in training.said()
    saved = Run(tmp_path / "run").checkpoints_complete()[-1]
    assert Run(tmp_path / "run").records()[-1]["images"] == int(saved.name)
    assert (tmp_path / "run" / "report.html").exists()
