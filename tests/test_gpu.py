"""What a GPU must do as a CPU does: skipped where there is none."""

import json

import pytest
import torch
from test_stabiliser_runs import STABILISERS, settings_of
from tiny_runs import fresh, noise, train, weights

from i2i.degradation import DEGRADATIONS, Degradation, DegradationConfig
from i2i.methods import METHODS

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@pytest.fixture
def _exact(monkeypatch):
    """Convolutions in full fp32, and the same sums each time."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)


@pytest.mark.usefixtures("_exact")
@pytest.mark.parametrize("name", METHODS)
def test_a_step_in_fp32_is_the_one_on_a_cpu(name):
    of = {}
    for device in ("cpu", "cuda"):
        method = fresh(
            name, device=device, generator={"width": 4, "dropout": 0.0} if name == "pix2pix" else {"width": 4}
        )
        of[device] = {k: v.item() for k, v in method.step(noise(0, 1, device=device)).items()}
        assert all(tensor.device.type == device for tensor in weights(method).values())
    assert of["cuda"] == pytest.approx(of["cpu"], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_run_goes_on_from_its_checkpoint(name, precision, tmp_path):
    train(tmp_path, name, 16, until=8, precision=precision, device="cuda")
    method, run = train(tmp_path, name, 16, precision=precision, device="cuda")
    records = run.records()
    assert [r["images"] for r in records] == list(range(2, 17, 2))
    assert all(v == v and abs(v) < 1e6 for r in records for k, v in r.items() if k[:2] in ("g_", "d_"))
    assert all(value.isfinite().all() for value in weights(method).values() if value.is_floating_point())
    assert all(r["memory_mb"] < 500 for r in records)  # the GPU's; a process with CUDA takes more


@pytest.mark.usefixtures("_exact")
@pytest.mark.parametrize("name", METHODS)
def test_a_run_stopped_and_resumed_equals_one_that_was_not(name, tmp_path):
    unbroken, _ = train(tmp_path / "unbroken", name, 8, device="cuda")
    train(tmp_path / "broken", name, 8, until=4, device="cuda")
    resumed, _ = train(tmp_path / "broken", name, 8, device="cuda")
    # A bias before an InstanceNorm has no gradient but rounding, of which Adam makes whole steps.
    for key, value in [(k, v) for k, v in weights(unbroken).items() if v.ndim > 1]:
        torch.testing.assert_close(weights(resumed)[key], value, rtol=1e-3, atol=1e-4, msg=key)
    assert steps_taken(resumed) == steps_taken(unbroken)


def steps_taken(method):
    """Of each optimizer, those that its averages remember."""
    return [[float(state["step"]) for state in o.state.values()] for o in method.optimizers.values()]


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("row", STABILISERS)
def test_every_stabiliser_trains(row, precision, tmp_path):
    _, run = train(
        tmp_path, "cyclegan", 12, every=4, precision=precision, device="cuda", **settings_of("cyclegan", row)
    )
    assert run.records()[-1]["images"] == 12


def test_a_cpu_goes_on_where_a_gpu_stopped_and_the_reverse(tmp_path):
    train(tmp_path, "cyclegan", 12, until=4, precision="bf16", device="cuda")
    train(tmp_path, "cyclegan", 12, until=8, device="cpu")
    _, run = train(tmp_path, "cyclegan", 12, precision="fp16", device="cuda")
    assert [r["images"] for r in run.records()] == [2, 4, 6, 8, 10, 12]


def test_the_command_trains_exports_and_reports_on_the_gpu(i2i, sample_pairs, tmp_path):
    status, said, _ = i2i(
        "train", "pix2pix", sample_pairs, "--run", tmp_path / "run", "--size", 64, "--images", 40, "--batch", 4,
        "--set", "generator.width=8", "--set", "discriminator.width=8", "--workers", 2,
    )  # fmt: skip
    assert status == 0
    assert "Training on cuda" in said
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"model.onnx", "report.html"}
    last = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1])
    assert last["images"] == 40


def test_damage_drawn_on_a_gpu_is_the_same_whenever_it_is_drawn_there():
    make = Degradation(DegradationConfig(**DEGRADATIONS["real"]), 4, 64, seed=0)
    batch = {"b": torch.rand(3, 3, 80, 80) * 2 - 1, "number": torch.tensor([5, 6, 7])}
    on_gpu = {name: value.cuda() for name, value in batch.items()}
    once, again, there = make(on_gpu), make(on_gpu), make(batch)
    assert torch.equal(once["a"], again["a"])
    assert once["a"].device.type == "cuda"
    assert torch.equal(once["b"].cpu(), there["b"])
