"""What an older version left is understood: its runs, its files, its settings. README.md here says how it was made."""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import shutil
from importlib import metadata
from pathlib import Path

import httpx
import numpy as np
import pytest
import safetensors.torch
import torch
import yaml
from PIL import Image

from i2i import renamed

HERE = Path(__file__).resolve().parent
PICTURES = HERE / "pictures"
RUNS = {path.parent.name: json.loads(path.with_name("facts.json").read_text()) for path in sorted(HERE.glob("*/run"))}
FILES = sorted(path.relative_to(HERE).as_posix() for path in HERE.glob("*/exported/*.onnx"))
PRESETS = json.loads((HERE / "presets.json").read_text())
DIALECT = json.loads((HERE / "dialect.json").read_text())
CPU = ("--device", "cpu")
LEVEL = 1
"""Levels of 255 by which a picture may differ: a value that lies between two levels may be rounded to either."""
CLOSE, AIMLESS = 1e-5, 1e-3
"""How far weights may be off on another machine; and biases, for what follows may cancel one: then its gradient is
rounding alone, and Adam makes steps of that.
"""
SAME = 1e-3
"""Relative difference of figures."""


def made_on_this_machine(facts):
    """Whether what was trained should be the same to the last bit."""
    made, cpuinfo = facts["made_on"], Path("/proc/cpuinfo")
    told = cpuinfo.read_text() if cpuinfo.exists() else ""
    return (
        dict(re.findall(r"^(cpu family|model|model name)\s*:\s*(.*)$", told, re.MULTILINE)) == made["processor"]
        and torch.backends.cpu.get_cpu_capability() == made["vectors"]
        and torch.get_num_threads() == made["threads"]
        and all(installed(name) == version for name, version in made["packages"].items())
    )


def installed(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def copied(name, tmp_path):
    """The half-way run, where it may be changed, and the command that continues it."""
    run = tmp_path / name
    shutil.copytree(HERE / name / "run", run)
    facts = RUNS[name]
    words = ["train", facts["method"], PICTURES / facts["data"], "--run", run]
    words += ["--config", HERE / name / "settings.yaml", *(["--preset", facts["preset"]] if facts["preset"] else [])]
    return run, words


def pixels(path):
    return np.asarray(Image.open(path)).astype(int)


def same_picture(ours, theirs):
    ours, theirs = pixels(ours), pixels(theirs)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= LEVEL


def convert(i2i, model, out):
    """What `i2i convert` makes of the one picture."""
    status, _, err = i2i("convert", model, PICTURES / "convert", out, *CPU)
    assert status == 0, err
    return out / "one.png"


def scores(i2i, model, data, metrics, out):
    """What `i2i evaluate --json` says."""
    words = ("--metrics", metrics, "--json", out / "scores.json", "--out", out, *CPU)
    status, _, err = i2i("evaluate", model, PICTURES / data, *words)
    assert status == 0, err
    return json.loads((out / "scores.json").read_text())


def same_scores(ours, theirs):
    assert ours["count"] == theirs["count"]
    assert ours["metrics"] == pytest.approx(theirs["metrics"], rel=SAME)
    assert ours["baselines"].keys() == theirs["baselines"].keys()
    for name, figures in theirs["baselines"].items():
        assert ours["baselines"][name] == pytest.approx(figures, rel=SAME)


def kept(file, kind):
    """What was kept beside an exported file."""
    return json.loads((HERE / file).with_suffix(f".{kind}.json").read_text())


@pytest.mark.parametrize("name", RUNS)
def test_an_old_run_resumes_to_the_same_weights(name, i2i, tmp_path):
    """And to the same log, report and files, with the command that began it."""
    facts, final = RUNS[name], HERE / name / "final"
    run, words = copied(name, tmp_path)
    status, out, err = i2i(*words)
    assert status == 0, err
    assert f"Going on from {facts['stopped']} of {facts['total']} images" in out
    assert "not quite the pictures" not in err

    theirs = safetensors.torch.load_file(final / "weights.safetensors")
    ours = safetensors.torch.load_file(run / "checkpoints" / f"{facts['total']:08d}" / "weights.safetensors")
    assert ours.keys() == theirs.keys()
    if made_on_this_machine(facts):
        raw = b"".join(key.encode() + ours[key].numpy().tobytes() for key in sorted(ours))
        assert [key for key in theirs if not torch.equal(ours[key], theirs[key])] == []
        assert hashlib.sha256(raw).hexdigest() == facts["weights_sha256"]
    else:
        far = {key: float((ours[key] - theirs[key]).abs().max()) for key in theirs}
        assert {key: gap for key, gap in far.items() if gap > (AIMLESS if key.endswith("bias") else CLOSE)} == {}

    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    theirs = [renamed.log_record(json.loads(line)) for line in (final / "log.jsonl").read_text().splitlines()]
    assert [line["images"] for line in lines] == [line["images"] for line in theirs]
    timed = {"seconds", "images_per_s", "memory_mb"}
    for line, old in zip(lines, theirs, strict=True):
        known = {key: value for key, value in line.items() if key in old}  # later versions log more
        assert drop(known, timed) == pytest.approx(drop(old, timed), rel=SAME, abs=1e-6)

    shows_every_curve(run / "report.html", theirs)
    for picture in final.glob("*.png"):
        same_picture(convert(i2i, run / f"{picture.stem}.onnx", tmp_path / picture.stem), picture)


def drop(line, keys):
    return {key: value for key, value in line.items() if key not in keys}


def shows_every_curve(report, lines):
    """The page has a point for each line of the log, and in it every figure that the old log has there."""
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', report.read_text(), re.DOTALL)[1]
    series = json.loads(data)["series"]
    assert series["images"] == [line["images"] for line in lines]
    for at, line in enumerate(lines):
        figures = [key for key, value in line.items() if isinstance(value, int | float) and math.isfinite(value)]
        assert [key for key in figures if series[key][at] is None] == []


EXPORTED = {f"{name}/{file}": words for name, facts in RUNS.items() for file, words in facts["exports"].items()}
SLOW = [file for file in EXPORTED if not file.startswith("srgan-gan/")]
"""To export any other network takes seconds, and what a run resumes to is exported above."""


@pytest.mark.parametrize("file", [pytest.param(f, marks=[pytest.mark.slow] if f in SLOW else []) for f in EXPORTED])
def test_an_old_run_exports_to_a_file_that_makes_the_same_picture(file, i2i, tmp_path):
    name, model = file.split("/")
    run, _ = copied(name, tmp_path)
    status, _, err = i2i("export", run, "--out", tmp_path / model, *EXPORTED[file])
    assert status == 0, err
    old = f"{name}/exported/{model}"
    same_picture(convert(i2i, tmp_path / model, tmp_path / "out"), (HERE / old).with_suffix(".png"))
    same_scores(scores(i2i, tmp_path / model, RUNS[name]["data"], RUNS[name]["metrics"], tmp_path), kept(old, "scores"))


@pytest.mark.parametrize("file", FILES)
def test_an_old_file_makes_the_same_picture_and_the_same_scores_and_says_the_same_of_itself(file, i2i, tmp_path):
    facts = json.loads((HERE / file).parent.with_name("facts.json").read_text())
    same_picture(convert(i2i, HERE / file, tmp_path / "out"), (HERE / file).with_suffix(".png"))
    same_scores(scores(i2i, HERE / file, facts["data"], facts["metrics"], tmp_path), kept(file, "scores"))
    status, out, _ = i2i("info", HERE / file, "--json")
    assert status == 0
    card, old = json.loads(out), kept(file, "info")
    assert (old.pop("schema"), card["schema"]) == (1, 2)
    assert card["parity"] == {"translation": old.pop("parity")}
    probe = old.pop("probe")
    assert card["probe"]["digest"] == probe["digest"]
    for side, port in (("input", "image"), ("output", "translation")):
        array = card["probe"][f"{side}s"][port]
        assert array["shape"] == probe[f"{side}_shape"]
        assert array["type"] == f"unorm{probe[f'{side}_bits']}"
    assert {key: card[key] for key in old} == old


def test_old_files_are_served(serving):
    from i2i.serving import create_app, load_engines

    engines = load_engines([HERE / file for file in FILES], device="cpu")
    assert len(engines) == len(FILES)
    sent = (PICTURES / "convert" / "one.png").read_bytes()
    with serving(create_app(engines, page=False)) as base, httpx.Client(base_url=base, timeout=60) as client:
        for name, file in zip(engines, FILES, strict=True):
            answer = client.post("/v1/translate", params={"model": name}, content=sent)
            assert answer.status_code == 200, answer.text
            ours = np.asarray(Image.open(io.BytesIO(answer.content))).astype(int)
            assert np.abs(ours - pixels((HERE / file).with_suffix(".png"))).max() <= LEVEL


@pytest.mark.slow
def test_weights_of_other_people_become_a_file_that_makes_the_same_picture(i2i, tmp_path):
    words = json.loads((HERE / "import" / "facts.json").read_text())["import"]
    status, _, err = i2i("import", HERE / "import" / "latest_net_G.pth", tmp_path / "model.onnx", *words)
    assert status == 0, err
    ours = convert(i2i, tmp_path / "model.onnx", tmp_path / "out")
    same_picture(ours, HERE / "import" / "exported" / "model.png")


def shown(i2i, *words):
    """The settings that `--show-config` prints."""
    status, out, err = i2i("train", *words, "--show-config")
    assert status == 0, err
    return yaml.safe_load(out)


def merged(base, over):
    """`base` with the values of `over` put on top, mapping by mapping."""
    both = {key: merged(base[key], over[key]) for key in base.keys() & over.keys() if isinstance(over[key], dict)}
    return {**base, **over, **both}


@pytest.mark.parametrize(
    ("method", "preset"), [(method, name) for method, rows in PRESETS.items() for name in (None, *rows["presets"])]
)
def test_a_preset_means_what_it_meant(method, preset, i2i, tmp_path):
    """Its complete settings then, as a file in the words of then, are its settings now."""
    old = merged(PRESETS[method]["defaults"], PRESETS[method]["presets"].get(preset, {}))
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(old))
    words = [method, old["data"]["path"], "--run", tmp_path / "run"]
    now = shown(i2i, *words, *([] if preset is None else ["--preset", preset]))
    then = shown(i2i, *words, "--config", tmp_path / "settings.yaml")
    if (method, preset) == ("srgan", "paper"):  # had no discriminator of its own then
        assert (then["discriminator"].pop("name"), now["discriminator"].pop("name")) == ("vgg", "srgan")
    assert now == then


@pytest.mark.parametrize("name", RUNS)
def test_old_settings_are_taken_from_a_file(name, i2i, tmp_path):
    """The user's own, and those that the run directory has."""
    facts = RUNS[name]
    words = [facts["method"], PICTURES / facts["data"], "--run", tmp_path / "run"]
    complete = shown(i2i, *words, "--config", HERE / name / "run" / "config.yaml")
    preset = ["--preset", facts["preset"]] if facts["preset"] else []
    given = shown(i2i, *words, "--config", HERE / name / "settings.yaml", *preset)
    changed = {key for key in complete if complete[key] != given[key]}
    assert changed <= {"data", "generator", "discriminator"}  # what the folder and the networks decided


@pytest.mark.parametrize("name", RUNS)
def test_an_old_setting_is_taken_by_set(name, i2i, tmp_path):
    facts = RUNS[name]
    settings = yaml.safe_load((HERE / name / "settings.yaml").read_text())
    words = [facts["method"], PICTURES / facts["data"], "--run", tmp_path / "run"]
    words += ["--preset", facts["preset"]] if facts["preset"] else []
    sets = [word for key, value in flat(settings).items() for word in ("--set", f"{key}={json.dumps(value)}")]
    assert shown(i2i, *words, *sets) == shown(i2i, *words, "--config", HERE / name / "settings.yaml")


def flat(mapping, prefix=""):
    found = {}
    for key, value in mapping.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found


@pytest.mark.parametrize("command", DIALECT["commands"])
def test_a_command_still_takes_what_it_took(command, i2i):
    status, out, _ = i2i(*command.split()[1:], "--help")
    assert status == 0
    missing = [word for word in DIALECT["commands"][command] if word.startswith("-") and word not in out]
    assert missing == []
