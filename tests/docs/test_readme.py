"""Every command of the README works, in its order, in an empty folder; and what it leaves is what the docs say."""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path

import pytest
from in_process import Forked
from markdown import ROOT, blocks, names, shell_lines, table
from PIL import Image

README = ROOT / "README.md"
LINES = shell_lines(README)

SHORTER = {
    "i2i data sample": ["--count", "12", "--size", "64"],
    "i2i train cyclegan": [
        "--size",
        "32",
        "--images",
        "16",
        "--set",
        "generator.name=resnet6",
        "--set",
        "generator.width=8",
        "--set",
        "discriminator.width=8",
    ],
    "i2i train": [
        "--size",
        "32",
        "--images",
        "16",
        "--set",
        "generator.width=8",
        "--set",
        "discriminator.width=8",
        "--no-forecast",
    ],
}
"""Put behind the README's own words, where the last word counts, so that the whole takes seconds; a single run has a
forecast. Nothing else of a command is changed, but for the server's port, which is a free one here."""

OF_TORCH = {"doctor", "train", "evaluate", "export", "data"}
"""Commands whose processes are forked from this one, where torch is loaded already; the others are started."""

PORT = "7860"
"""The server's usual port, which the README's addresses have."""


class Played:
    """The README's commands, run one after the other in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results: dict[str, tuple[int, str]] = {}
        """Exit status and output of every line that was run; of the server, what it ended with."""
        self.server: tuple[str, subprocess.Popen[str]] | None = None
        self.port = free_port()

    def play(self, line: str) -> None:
        words = shlex.split(line)
        if line.startswith("i2i serve"):
            self.serve(line, words)
        elif words[0] == "i2i":
            added = next((more for start, more in SHORTER.items() if line.startswith(start)), [])
            if words[1] in OF_TORCH:
                forked = Forked(*words[1:], *added, cwd=self.folder)
                self.results[line] = forked.ended(120), forked.said()
            else:
                self.run(line, [sys.executable, "-m", "i2i", *words[1:], *added])
        elif words[0] == "curl" and shutil.which("curl"):
            self.run(line, [word.replace(f":{PORT}/", f":{self.port}/") for word in words])
        if line.startswith("i2i data sample"):
            self.draw_sketches()

    def run(self, line: str, command: list[str]) -> None:
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=120)
        self.results[line] = done.returncode, done.stdout + done.stderr

    def serve(self, line: str, words: list[str]) -> None:
        command = [sys.executable, "-m", "i2i", *words[1:], "--port", str(self.port)]
        with (self.folder / "server.log").open("w") as log:
            process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT, text=True)
        self.server = line, process
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(self.url("/health/ready"), timeout=5):
                return
            time.sleep(0.2)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def draw_sketches(self) -> None:
        """`sketches` stands for the reader's own folder: here the label halves of the test pairs."""
        (self.folder / "sketches").mkdir(exist_ok=True)
        for path in sorted((self.folder / "photos/facades/test").glob("*.png")):
            pair = Image.open(path)
            pair.crop((0, 0, pair.width // 2, pair.height)).save(self.folder / "sketches" / path.name)

    def stop(self) -> None:
        if self.server is None:
            return
        line, process = self.server
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            process.kill()
            process.wait(10)
        self.results[line] = process.returncode, (self.folder / "server.log").read_text()


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The whole README, once."""
    play = Played(tmp_path_factory.mktemp("readme"))
    try:
        for line in LINES:
            play.play(line)
        code = "\n".join(blocks(README, "python"))
        play.run("python", [sys.executable, "-c", code])
        with contextlib.suppress(OSError), urllib.request.urlopen(play.url("/"), timeout=30) as page:
            play.results["page"] = page.status, page.read().decode()
    finally:
        play.stop()
    return play


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("i2i ")])
def test_a_command_of_the_readme_does_what_it_says(played, line):
    assert line in played.results
    status, said = played.results[line]
    assert status == 0, said
    assert "Traceback" not in said


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("curl ")])
def test_a_request_of_the_readme_is_answered_with_a_picture(played, line):
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    status, said = played.results[line]
    assert status == 0, said
    answer = Image.open(played.folder / line.split()[-1])
    assert (answer.format, answer.size) == ("PNG", (64, 64))


def test_the_readmes_python_gives_what_the_server_gives(played):
    status, said = played.results["python"]
    assert status == 0, said
    assert "the fastest that works here" in said
    ours, theirs = played.folder / "photo-from-python.png", played.folder / "photo.png"
    assert Image.open(ours).size == (64, 64)
    if shutil.which("curl"):
        assert Image.open(ours).tobytes() == Image.open(theirs).tobytes()


def test_the_page_is_where_the_readme_says(played):
    assert f"http://127.0.0.1:{PORT}/" in README.read_text()
    status, html = played.results["page"]
    assert status == 200
    assert "Drop a picture" in html


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("make ")])
def test_a_make_line_of_the_readme_names_a_target(line):
    words = line.split()[1:]
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    target = words[0]
    assert f"i2i {target}" in done.stdout
    assert all(word.partition("=")[2] in done.stdout for word in words[1:])


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("pip ")])
def test_an_install_line_of_the_readme_names_extras_that_exist(line):
    """Not executed here: the packaging tests build and open what it would install."""
    command, verb, what = shlex.split(line)
    assert (command, verb) == ("pip", "install")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert what == "." or ((match := re.fullmatch(r"\.\[(\w+)\]", what)) and match[1] in extras)


def test_no_command_of_the_readme_escapes_these_tests():
    assert {line.split()[0] for line in LINES} == {"make", "pip", "i2i", "curl"}
    kinds = set(re.findall(r"^```(.+)$", README.read_text(), re.M))
    assert kinds == {"sh", "python"}


def test_the_demos_code_names_every_file_that_the_readme_lists():
    code = (ROOT / "i2i/workflows/demo.py").read_text()
    for row in table(README, "in runs/demo"):
        path = Path(*names(row["in runs/demo"]))
        assert path.name in code or path.name in (ROOT / "i2i/training/run_directory.py").read_text(), path


RUNS = ("facades", "seasons", "x4")
ELSEWHERE = {"g_features", "d_gp", "d_r1", "d_r2", "d_drift", "ada_p", "ada_r", "g_checkerboard", "g_perceptual"}
ELSEWHERE |= {"g_path_length", "d_reconstruction", "d_rested", "d_accuracy"}
"""Keys of settings that the README does not use; tests/training/test_stabiliser_runs.py, tests/methods/test_srgan.py and
tests/methods/test_gan.py have runs with them."""


def test_a_run_holds_what_the_docs_say_and_nothing_else(played):
    said = [name for row in table(ROOT / "docs/run-directory.md", "path") for name in names(row["path"])]
    patterns = [re.escape(name).replace("00004000", r"\d{8}") + (".*" if name[-1] == "/" else "") for name in said]
    found = []
    for run in (played.folder / "runs" / name for name in RUNS):
        found += [str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()]
    assert [f for f in found if not any(re.fullmatch(p, f) for p in patterns)] == []
    missing = {n for n, p in zip(said, patterns, strict=True) if not any(re.fullmatch(p, f) for f in found)}
    replaced = {
        name for name in said if "best-before" in name
    }  # where a later checkpoint is better by more than chance
    assert {"examples/"} <= missing <= {"examples/", "wandb/", "tracking/", *replaced}


def test_the_log_has_exactly_the_keys_that_the_docs_explain(played):
    lines = [line for run in RUNS for line in (played.folder / "runs" / run / "log.jsonl").read_text().splitlines()]
    keys = {re.sub(r"^([gdp]_.*)_[xy]$", r"\1", key) for line in lines for key in json.loads(line)}
    keys = {re.sub(r"^(fail|health)_.*", r"\1_…", key) for key in keys}
    said = {name for row in table(ROOT / "docs/run-directory.md", "key") for name in names(row["key"])}
    assert keys <= said
    assert said - keys == ELSEWHERE


def test_the_example_of_a_model_card_has_the_keys_of_a_real_one(played):
    status, said = played.results["i2i info facades.onnx"]
    assert status == 0, said
    command = [sys.executable, "-m", "i2i", "info", "facades.onnx", "--json"]
    done = subprocess.run(command, cwd=played.folder, capture_output=True, text=True, timeout=60, check=True)
    card, (text,) = json.loads(done.stdout), blocks(ROOT / "docs/model-card.md", "json")
    example = json.loads(text)
    assert list(example) == list(card)
    for part in ("training", "probe", "metrics"):
        assert list(example[part]) == list(card[part]), part
    said = [n for row in table(ROOT / "docs/model-card.md", "key") for n in names(row["key"])]
    assert said == list(card["training"])


@pytest.mark.parametrize("page", ["model-card.md", "serving.md"])
def test_the_docs_examples_in_python_run_on_the_file_that_the_readme_makes(played, page):
    (code,) = blocks(ROOT / "docs" / page, "python")
    env = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=played.folder, capture_output=True, text=True, env=env, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_a_foreign_client_that_follows_the_docs_gets_what_the_engine_gives(played):
    """At a size that has to be padded, within the rounding of 8 bits."""
    import numpy as np

    from i2i.serving import Engine

    sketch = played.folder / "sketches/00001.png"
    odd = Image.open(sketch).crop((0, 0, 50, 61))
    (played.folder / "odd/sketches").mkdir(parents=True, exist_ok=True)
    odd.save(played.folder / "odd/sketches/00001.png")
    shutil.copy(played.folder / "facades.onnx", played.folder / "odd")
    (code,) = blocks(ROOT / "docs/model-card.md", "python")
    subprocess.run([sys.executable, "-c", code], cwd=played.folder / "odd", check=True, timeout=120)
    theirs = np.asarray(Image.open(played.folder / "odd/translated.png")).astype(int)
    ours = np.asarray(Engine(played.folder / "facades.onnx", device="cpu")(odd)).astype(int)
    assert theirs.shape == ours.shape == (61, 50, 3)
    assert np.abs(theirs - ours).max() <= 1
