"""Stages are data: a method of three, with a network that the second adds and pictures of another size in the third."""

import dataclasses
from pathlib import Path

import pytest
import torch
from tiny_runs import noise, snapshot, weights
from torch import nn

from i2i.errors import ConfigError
from i2i.hardware.device import place
from i2i.hardware.processes import Processes
from i2i.methods import Method
from i2i.methods.building import adam
from i2i.methods.config import LogConfig, TrainConfig
from i2i.methods.stages import Stage, Timeline
from i2i.networks import Generator, Geometry
from i2i.settings import resolve
from i2i.training import checkpoint
from i2i.training.loader import batches
from i2i.training.loop import Intervals, fit
from i2i.training.run_directory import Run

BATCH = 2
LENGTHS = {"plain": 8, "refined": 8, "large": 8}


class Small(Generator):
    """A convolution."""

    geometry = Geometry(multiple=1, smallest=1, receptive_field=3)

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        return torch.tanh(self.layer(x))


class Growing(Method):
    """G alone; then G and a refining R; then both at twice the size, faded in over the stage."""

    Config = TrainConfig
    PRESETS = {}  # noqa: RUF012
    best_metric = "val_l1"

    def __init__(self, placement, config, lengths):
        super().__init__(placement, config)
        self.lengths = lengths
        self.G, self.R = Small(), Small()
        self.opt_g, self.opt_r = adam([self.G], config.optimizer), adam([self.R], config.optimizer)
        self.networks, self.optimizers = {"G": self.G, "R": self.R}, {"g": self.opt_g, "r": self.opt_r}
        self.begun, self.sizes, self.shares = [], [], []
        self.fade = torch.zeros(())

    @classmethod
    def complete_config(cls, config, count):  # noqa: ARG003
        return config

    @classmethod
    def generators(cls, config):  # noqa: ARG003
        return {"model": Small()}

    @classmethod
    def stages(cls, config):  # noqa: ARG003
        return three(LENGTHS)

    @classmethod
    def build(cls, config, placement):
        return cls(placement, config, LENGTHS)

    def begin_stage(self, stage):
        self.begun.append(stage.name)
        if stage.name == "refined":
            self.R.load_state_dict(self.G.state_dict())

    def step(self, batch):
        x, y = batch["a"], batch["b"]
        self.sizes.append(x.shape[-1])
        fake = self.G(x)
        if self.stage != "plain":
            share = self.timeline.at(self.seen).share if self.stage == "large" else 1.0
            self.shares.append(share)
            fake = fake + share * self.R(nn.functional.dropout(fake, 0.1))  # draws from the global generator
        loss = (fake - y).abs().mean()
        self.opt_r.zero_grad()
        self.descend(self.opt_g, loss)
        if self.stage != "plain":
            self.opt_r.step()
        return {"g_l1": loss}

    def sample_columns(self, batch):
        return {"output": self.served("model")(batch["a"]), "truth": batch["b"]}

    def validate(self, columns):
        return {"val_l1": (columns["output"] - columns["truth"]).abs().mean().item()}

    def loss_summary(self, scalars):  # noqa: ARG002
        return ""


def three(lengths):
    """The stages, each with its rate."""
    return (
        Stage("plain", lengths["plain"]),
        Stage("refined", lengths["refined"], frozenset({"R", "r"}), schedule=lambda _: 0.5),
        Stage("large", lengths["large"], settings={"size": 16}, schedule=lambda share: 1 - share),
    )


class Sized:
    """Noise by number at a size."""

    def __init__(self, size):
        self.size = size

    def __getitem__(self, n):
        return {name: tensor[0].numpy() for name, tensor in noise(n, size=self.size).items()}


def run_it(folder: Path, until=None, lengths=LENGTHS, networks=("G", "R")):
    """Train to the end, or as if stopped at `until` images."""
    config = resolve(TrainConfig, [{"data": {"path": "x"}, "method": "growing", "batch": BATCH, "size": 16}])
    torch.manual_seed(0)
    method, run = Growing.from_config(config, place("cpu", "fp32")), Run(folder)
    method.timeline = Timeline(three(lengths))
    method.networks = {name: method.networks[name] for name in networks}
    run.start(config)
    total = method.timeline.total
    feed = lambda stage, start: batches(  # noqa: E731
        Sized(stage.settings.get("size", 8)), start, min(until or total, total), BATCH, 0, torch.device("cpu")
    )
    fit(
        method,
        feed,
        run,
        Intervals.of(total, BATCH, LogConfig(every=2, samples=100, checkpoint=2)),
        validation=(["one"], noise(99, size=8)),
        rows=1,
        keep=20,
    )
    return method, run


def test_each_stage_begins_once_has_its_own_rate_and_its_own_pictures(tmp_path):
    method, run = run_it(tmp_path / "run")
    assert method.begun == ["plain", "refined", "large"]
    assert method.sizes == [8] * 8 + [16] * 4
    assert method.shares == [1.0] * 4 + [0, 0.25, 0.5, 0.75]
    rate = TrainConfig.model_fields["optimizer"].default.lr
    assert [r["lr_g"] / rate for r in run.records()] == pytest.approx([1] * 4 + [0.5] * 4 + [1, 0.75, 0.5, 0.25])


@pytest.mark.parametrize("until", range(2, 24, 2))
def test_a_run_stopped_anywhere_goes_on_bit_for_bit(until, tmp_path):
    straight, _ = run_it(tmp_path / "straight")
    run_it(tmp_path / "broken", until)
    resumed, _ = run_it(tmp_path / "broken")
    assert all(torch.equal(value, weights(resumed)[name]) for name, value in weights(straight).items())
    assert resumed.begun == straight.begun[-len(resumed.begun) :] if resumed.begun else True
    assert {*resumed.begun} == {stage for stage, end in (("plain", 0), ("refined", 8), ("large", 16)) if end >= until}


def test_a_checkpoint_of_the_first_stage_may_lack_what_the_second_adds(tmp_path):
    _, run = run_it(tmp_path / "run", until=6)
    saved = run.checkpoints_complete()[-1]
    tensors = checkpoint.safetensors.torch.load_file(saved / "weights.safetensors")
    kept = {key: value for key, value in tensors.items() if key.startswith("G.")}
    (saved / "weights.safetensors").write_bytes(checkpoint.safetensors.torch.save(kept))
    (saved / "SHA256SUMS").unlink()  # as in earlier versions
    method, _ = run_it(tmp_path / "run")
    assert method.begun == ["refined", "large"]


def test_a_stage_that_is_over_cannot_be_made_longer(tmp_path):
    run_it(tmp_path / "run", until=12)
    with pytest.raises(ConfigError, match="in its refined stage, so its plain stage cannot be made longer"):
        run_it(tmp_path / "run", lengths={**LENGTHS, "plain": 20})


def test_a_batch_that_reaches_over_the_end_of_a_stage_belongs_to_the_stage_in_which_it_begins(tmp_path):
    method, _ = run_it(tmp_path / "run", lengths={"plain": 3, "refined": 3, "large": 2})
    assert method.begun == ["plain", "refined", "large"]
    assert method.sizes == [8, 8, 8, 16]


def test_a_stage_shorter_than_a_batch_begins_all_the_same(tmp_path):
    method, _ = run_it(tmp_path / "run", lengths={"plain": 3, "refined": 1, "large": 4})
    assert method.begun == ["plain", "refined", "large"]
    assert method.sizes == [8, 8, 16, 16]


def test_a_run_in_a_stage_that_its_settings_no_longer_have_is_refused(tmp_path):
    method, _ = run_it(tmp_path / "run", until=12)
    method.timeline = Timeline(three(LENGTHS)[:1])
    with pytest.raises(ConfigError, match="This run is in its refined stage"):
        method.at(0)


def test_images_lie_in_stages_and_shares():
    timeline = Timeline(three({"plain": 10, "refined": 0, "large": 30}))
    assert [timeline.at(n).stage.name for n in (0, 9, 10, 39, 40, 99)] == ["plain"] * 2 + ["large"] * 4
    assert [timeline.at(n).share for n in (0, 5, 10, 25)] == [0, 0.5, 0, 0.5]
    assert timeline.share_since("R", 25) == 0.5
    assert timeline.share_since("G", 20) == 0.5
    assert timeline.share_since("R", 5) == 0


def test_one_process_of_several_writes(tmp_path):
    config = resolve(TrainConfig, [{"data": {"path": "x"}, "method": "growing", "batch": BATCH, "size": 16}])
    method = Growing.from_config(config, dataclasses.replace(place("cpu", "fp32"), processes=Processes(rank=1)))
    before = snapshot(method)
    fit(
        method,
        lambda _, start: batches(Sized(8), start, 24, BATCH, 0, torch.device("cpu")),
        Run(tmp_path / "run"),
        Intervals.of(24, BATCH, LogConfig()),
        validation=(["one"], noise(99, size=8)),
        rows=1,
        keep=2,
    )
    assert not (tmp_path / "run").exists()
    assert any(not torch.equal(value, before[name]) for name, value in weights(method).items())
