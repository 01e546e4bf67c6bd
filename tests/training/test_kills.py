"""A run that is killed goes on to the weights that it would have had, to the byte; `i2i verify-resume` proves it."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from in_process import Forked
from tiny_runs import TINY

from i2i.datasets.synthetic.samples import SAMPLES
from i2i.errors import ConfigError, TrainingError
from i2i.workflows.request import Request
from i2i.workflows.resuming import Trial, Verdict, reason, verify_resume


@pytest.fixture(scope="module")
def facades(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures") / "facades"
    SAMPLES["facades"].write(folder, count=6, size=64)
    return folder


def trial_of(facades, start=lambda words: Forked(*words), **settings):
    small = {key: TINY[key] for key in ("size", "batch", "generator", "discriminator")}
    request = Request("pix2pix", facades, Path("none"), assignments={**small, "device": "cpu", **settings})
    return dataclasses.replace(Trial.of(request, steps=8), start=start)


def test_a_run_on_ones_own_pictures_is_shown_to_go_on_exactly(facades, tmp_path):
    verdict = verify_resume(trial_of(facades), 1, 0, place=tmp_path)
    assert verdict.kills == 1
    assert verdict.equal
    assert len(verdict.unbroken) == 64
    assert not list(tmp_path.iterdir())


def test_a_run_that_does_not_go_on_exactly_is_found_out(facades, tmp_path):
    def other_seed(arguments):
        return Forked(*arguments, *(["--seed=1"] if any(word.endswith("/killed") for word in arguments) else []))

    trial = trial_of(facades, other_seed)
    verdict = verify_resume(trial, 1, 0, place=tmp_path)
    assert not verdict.equal
    assert {name.partition(".")[0] for name in verdict.differ} >= {"G", "D"}
    assert "On a CPU this should not be" in reason(trial, verdict)


def test_a_run_that_fails_by_itself_says_why(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match=r"ended with status 2: i2i: .*empty"):
        verify_resume(trial_of(tmp_path / "empty"), 1, 0, place=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["empty"]


def test_settings_that_make_no_sense_are_refused_before_anything_is_begun(facades):
    with pytest.raises(ConfigError, match="lambda_l2"):
        trial_of(facades, lambda_l2=1)


def test_the_command_says_both_digests_and_its_status_is_the_verdict(facades, i2i, monkeypatch):
    """The comparison itself is tried above: here it is what is said of it."""
    given, few = [], ("--batch", "2", "--kills", "3")
    for differ, status in (({}, 0), ({"G.a": 0.25}, 1)):
        verdict = Verdict("ab" * 32, ("cd" if differ else "ab") * 32, 2, 1, differ)
        monkeypatch.setattr("i2i.workflows.resuming.verify_resume", lambda *a, v=verdict: given.append(a) or v)
        code, out, _ = i2i("verify-resume", "pix2pix", facades, "--preset", "fast", "--accumulate", "2", *few)
        assert code == status
        assert verdict.unbroken in out
        assert verdict.resumed in out
        assert ("Equal to the byte" in out) == (not differ)
    trial, kills = given[0][:2]
    assert (trial.request.preset, trial.batch, trial.request.flags["accumulate"], kills) == ("fast", 2, 2, 3)


def test_a_run_that_was_never_killed_proves_nothing(facades, i2i, monkeypatch):
    verdict = Verdict("ab" * 32, "ab" * 32, 0, 0, {})
    monkeypatch.setattr("i2i.workflows.resuming.verify_resume", lambda *_: verdict)
    code, out, _ = i2i("verify-resume", "pix2pix", facades, "--preset", "fast", "--batch", "2")
    assert code == 1
    assert "proves nothing" in out
    assert "goes on exactly" not in out


ROWS = [
    "pix2pix",
    "cyclegan",
    "discogan",
    "srgan, pixel stage",
    "srgan, both stages",
    "gan",
    "gan, growing",
    "gan, styles",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_twenty_kills_change_no_byte(name):
    command = [sys.executable, "-m", "benchmarks.experiments.interruptions", name]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{name}: equal, 20 kills" in done.stdout
