"""What `--on-unhealthy` does: a warning, a pause, or a rollback that is the same each time, whatever interrupts it."""

import html
import json
import re
import shlex
import signal

import pytest
import yaml
from several import together
from tiny_runs import SHALLOW, begun, fresh
from typer.testing import CliRunner

from i2i.commands.app import app
from i2i.datasets.synthetic.samples import SAMPLES
from i2i.methods import METHODS
from i2i.settings import flat, resolve
from i2i.training.checkpoint import Progress, mend_best
from i2i.training.loop import Outcome
from i2i.training.run_directory import Run
from i2i.workflows.diagnose import sentences
from i2i.workflows.train import _finish
from i2i.workflows.unhealthy import Rollbacks

SICK = ["--set=optimizer.lr=1e-5", "--set=optimizer.lr_d=0.01", "--set=discriminator.norm=none", "--set=lambda_l1=1"]


@pytest.fixture(scope="module")
def facades(tmp_path_factory):
    return SAMPLES["facades"].write(tmp_path_factory.mktemp("facades"), 12, 16, 0)


def trained(facades, run, policy, *more):
    """`i2i train` of a tiny run whose rate makes it explode."""
    small = ["--size=16", "--images=240", "--batch=2", "--precision=fp32", *SHALLOW, "--set=log.every=2"]
    small += ["--set=generator.width=4", "--set=discriminator.width=8", "--set=discriminator.layers=1"]
    small += ["--set=log.checkpoint=20", "--set=log.samples=60", "--no-export"]
    command = ["train", "pix2pix", str(facades), "--run", str(run), *small, *SICK, f"--on-unhealthy={policy}", *more]
    return CliRunner().invoke(app, command)


def weights(run):
    return (Run(run).checkpoints_complete()[-1] / "weights.safetensors").read_bytes()


@pytest.fixture(scope="module")
def rolled_back(facades, tmp_path_factory):
    """A run that was rolled back, and what the command said."""
    run = tmp_path_factory.mktemp("runs") / "rolled"
    return run, trained(facades, run, "rollback")


def test_a_warning_lets_the_run_go_on(facades, tmp_path):
    done = trained(facades, tmp_path / "run", "warn")
    assert done.exit_code == 0, done.output
    assert "The discriminator overpowers the generator" in done.output
    assert any(line.get("health_found") for line in Run(tmp_path / "run").records())


def test_a_pause_ends_with_a_checkpoint_a_sentence_and_status_1(facades, tmp_path):
    done = trained(facades, tmp_path / "run", "pause")
    assert done.exit_code == 1
    assert re.search(
        r"Paused: The discriminator overpowers the generator\..*since [\d,]+ images.*--set optimizer\.lr_d=",
        str(done.exception) + done.output,
        re.S,
    )
    assert Run(tmp_path / "run").checkpoints_complete()


def test_a_rollback_goes_to_a_healthy_checkpoint_with_the_remedy_and_is_written_down(rolled_back):
    run, done = rolled_back
    assert done.exit_code == 0, done.output
    entries = json.loads((run / "rollbacks.json").read_text())
    assert 1 <= len(entries) <= 3
    assert all(entry["done"] and entry["to"] < entry["began"] for entry in entries)
    assert entries[0]["name"] == "overpowering"
    assert Run(run).raw_config()["optimizer"]["lr_d"] == pytest.approx(5e-6)
    assert "lr_d: 0.01" in (run / "config.before-rollback-1.yaml").read_text()


def test_the_same_command_gives_the_same_bytes(facades, tmp_path, rolled_back):
    assert trained(facades, tmp_path / "run", "rollback").exit_code == 0
    assert weights(tmp_path / "run") == weights(rolled_back[0])


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_run_that_is_killed_in_a_rollback_finishes_it(facades, tmp_path, rolled_back, monkeypatch, moment):
    class Killed(BaseException):
        pass

    finish = Rollbacks.finish

    def killed(self, kind):
        if self.entries and not self.entries[-1]["done"]:
            if moment == "after":
                finish(self, kind)
            raise Killed

    monkeypatch.setattr(Rollbacks, "finish", killed)
    with pytest.raises(Killed):
        trained(facades, tmp_path / "run", "rollback")
    monkeypatch.setattr(Rollbacks, "finish", finish)
    assert trained(facades, tmp_path / "run", "rollback").exit_code == 0
    assert weights(tmp_path / "run") == weights(rolled_back[0])


def test_a_run_whose_numbers_end_is_rolled_back_too(facades, tmp_path):
    done = trained(facades, tmp_path / "run", "rollback", "--set=optimizer.lr=1e18", "--images=40")
    assert done.exit_code == 0, done.output
    [entry] = json.loads((tmp_path / "run" / "rollbacks.json").read_text())
    assert (entry["name"], entry["to"]) == ("exploding", 0)


def test_the_doctor_reads_a_finished_run_and_says_what_the_report_says(facades, tmp_path):
    run = tmp_path / "run"
    trained(facades, run, "warn")
    done = CliRunner().invoke(app, ["doctor", str(run)])
    assert done.exit_code == 1
    title, remedy = re.search(r"Not healthy: ([^.]+)\..*?(--set optimizer\S+)", done.output, re.S).groups()
    report = (run / "report.html").read_text()
    assert title in report
    command = shlex.split(html.unescape(re.sub("<.*?>", "", re.search("<code>(.*?)</code>", report, re.S)[1])))
    assert remedy in " ".join(command)
    assert command[:2] == ["i2i", "train"]
    again = CliRunner().invoke(app, [*command[1:], "--show-config"])  # and it is taken as it stands
    assert again.exit_code == 0, again.output
    key, _, value = remedy.removeprefix("--set ").partition("=")
    assert flat(yaml.safe_load(again.output))[key] == float(value)


def test_the_doctor_reads_the_evaluations_of_a_run_too(facades, tmp_path):
    run = tmp_path / "run"
    trained(facades, run, "warn", "--set=optimizer.lr=0.0002", "--images=16")
    before = CliRunner().invoke(app, ["doctor", str(run)])
    (run / "evaluation").mkdir()
    scores = {"metrics": {"copies": 0.3}, "intervals": {"copies": [0.2, 0.4]}, "baselines": {}}
    (run / "evaluation" / "scores.json").write_text(json.dumps(scores))
    (run / "evaluation-torn").mkdir()
    (run / "evaluation-torn" / "scores.json").write_text("{")
    after = CliRunner().invoke(app, ["doctor", str(run)])
    assert "suspected copies" not in before.output
    assert "Healthy: none" not in after.output
    assert "Not healthy: 30% of the outputs are suspected copies of training pictures" in " ".join(after.output.split())
    assert after.exit_code == 1


def test_another_word_is_refused(facades, tmp_path):
    done = trained(facades, tmp_path / "run", "rolback")
    assert done.exit_code != 0
    assert "Did you mean 'rollback'" in str(done.exception)


def test_a_rollback_leaves_no_best_and_no_half_removed_folder_of_the_abandoned_stretch(facades, tmp_path):
    run = Run(tmp_path / "run")
    trained(facades, run.path, "warn", "--images=40")
    for name, images in (("best", 30), ("best-before", 20)):
        folder = run.checkpoints / name
        folder.mkdir(exist_ok=True)
        (folder / "best.json").write_text(json.dumps({"images": images, "val_l1": 0.1}))
    half = run.checkpoints / "00000035"  # its state is gone already
    half.mkdir()
    (half / "weights.safetensors").write_bytes(b"")
    rollbacks = Rollbacks(run)
    rollbacks.entries = [{"to": 20, "remedy": ["optimizer.lr=1e-6"], "done": False}]
    rollbacks.finish(METHODS["pix2pix"].Config)
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["00000020", "best-before"]


def test_weights_that_end_in_the_last_step_are_rolled_back_too(facades, tmp_path, monkeypatch):
    broken = iter([False, False, True])

    def break_once(method):
        return ["G"] if next(broken, False) else []

    monkeypatch.setattr("i2i.training.loop._broken", break_once)
    done = trained(facades, tmp_path / "run", "pause", "--images=80")
    assert done.exit_code == 1
    assert "Paused: Gradients explode" in str(done.exception) + done.output


def test_a_best_of_which_no_folder_is_left_is_not_what_the_next_is_compared_with(tmp_path):
    before = Progress(images=20, best=0.1, best_by="val_l1", best_images=5)
    assert mend_best(Run(tmp_path), before, print) == Progress(images=20)


@pytest.mark.parametrize(
    ("stage", "lr_d", "rates"),
    [("pixel", None, [3e-4, 2e-5]), ("adversarial", None, [2e-5, 2e-5]), ("adversarial", 5e-6, [2e-5, 5e-6])],
)
def test_srgan_goes_on_with_the_rate_of_its_stage(stage, lr_d, rates, tmp_path):
    given = {"images": 8, "gan_lr": 2e-5, "optimizer": {"lr": 3e-4, "lr_d": lr_d}}
    method = (fresh if stage == "adversarial" else begun)("srgan", **given)
    renewed(method, ["gan_lr=2e-5"], tmp_path)
    assert [one.param_groups[0]["initial_lr"] for one in method.optimizers.values()] == pytest.approx(rates)


def renewed(method, remedy, folder):
    """After a checkpoint of other settings was read."""
    for optimizer in method.optimizers.values():
        for group in optimizer.param_groups:
            group["initial_lr"] = 1.0
    rollbacks = Rollbacks(Run(folder))
    rollbacks.entries = [{"to": 0, "remedy": remedy, "done": True}]
    rollbacks.renew(method)


POINTS = {"size": 1, "generator": {"width": None, "name": "mlp", "widths": [4]}}
POINTS |= {"discriminator": {"width": None, "name": "mlp", "widths": [4]}}


@pytest.mark.parametrize("name", ["adam", "sgd", "rmsprop"])
def test_a_remedy_reaches_every_optimizer_as_one_that_is_built_with_it(name, tmp_path):
    """Those of a lazy penalty, too, whose rate and decays are not the settings' own."""
    lazy = {"gan": {"r1": 1, "penalty_every": 4}, **POINTS}
    before = begun("gan", optimizer={"name": name, "lr": 1e-2, "beta1": 0.5}, **lazy)
    cured = {"name": name, "lr": 1e-3, "beta1": 0.0}
    method, wanted = begun("gan", optimizer=cured, **lazy), begun("gan", optimizer=cured, **lazy)
    method.load_state_dict(before.state_dict())
    renewed(method, ["optimizer.lr=1e-3", "optimizer.beta1=0"], tmp_path)
    for one in (method, wanted):
        one.at(0)  # as before each step
    for key, optimizer in wanted.optimizers.items():
        [asked], [found] = optimizer.param_groups, method.optimizers[key].param_groups
        assert {k: found[k] for k in asked if k != "params"} == {k: v for k, v in asked.items() if k != "params"}


def test_a_run_that_is_stopped_ends_with_what_the_doctor_says_of_it(rolled_back, tmp_path):
    said = []

    def finish(run):
        said.clear()
        outcome = Outcome(Progress(images=4), signal.SIGINT)
        config = resolve(METHODS["pix2pix"].Config, [{"data": {"path": "x"}, "images": 8}])
        assert _finish(config, Run(run), outcome, lambda sentence, **_: said.append(sentence)) == signal.SIGINT
        return said

    stopped, *told = finish(rolled_back[0])
    assert stopped.startswith("Stopped at 4 of 8 images")
    assert told == sentences(Run(rolled_back[0]))
    assert told
    (tmp_path / "environment.json").write_text("{}")
    [stopped] = [one for one in finish(tmp_path) if not one.startswith("Note:")]  # before the first line of the log
    assert stopped.startswith("Stopped at 4 of 8 images")


def ended(facades, run, policy):
    """How `i2i train` of that run ended in this process, and what it said."""
    done = trained(facades, run, policy)
    return done.exit_code, done.output


def test_two_processes_roll_back_together(facades, tmp_path):
    """What the first one decides all do; the weights of all are compared at every checkpoint."""
    run = tmp_path / "run"
    with together(2, tmp_path) as two:
        (status, said), (other, silence) = two(ended, str(facades), str(run), "rollback")
    assert Rollbacks(Run(run)).entries, said
    assert "Back to" in said
    assert (status, other) == (0, 0) or (status == 1 and "Paused" in said), said
    assert silence == ""
