"""What CONTRIBUTING says an addition costs is what it costs: each example is applied to a copy of the tree and works."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from markdown import ROOT, names, table
from PIL import Image

PAGE = ROOT / "CONTRIBUTING.md"
FENCE = re.compile(r"^```(python|diff) add=(\w+) file=(\S+)\n(.*?)^```$", re.M | re.S)
COUNTS = {re.sub(r"^an? ", "", row["to add"]): int(row["files"]) for row in table(PAGE, "to add")}
EXAMPLES = {"metric": "metric", "format": "picture format", "command": "command", "sample": "sample data set",
            "loss": "loss term"}  # fmt: skip
"""The `add=` of the page's blocks, and what its table calls them."""


def edits(what):
    """(kind, file, text) of every block of an example."""
    return [(kind, file, text) for kind, add, file, text in FENCE.findall(PAGE.read_text("utf-8")) if add == what]


def apply(kind, path, text):
    """Write a new file, or replace each part of a diff, which must be there once."""
    if kind == "python":
        assert not path.exists(), path
        path.write_text(text, "utf-8")
        return
    source = path.read_text("utf-8")
    for part in re.split(r"^@@\n", text, flags=re.M):
        lines = part.splitlines()
        old = "\n".join(line[1:] for line in lines if line[:1] in " -")
        new = "\n".join(line[1:] for line in lines if line[:1] in " +")
        found = source.count("\n" + old)
        assert found == 1, f"{path.name} has {found} places that read\n{old}"
        source = source.replace("\n" + old, "\n" + new)
    path.write_text(source, "utf-8")


@pytest.fixture
def tree(tmp_path):
    """An importable copy of the packages, without what git does not know; `run` runs Python in it."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        first = name.split("/")[0]
        place = {"i2i": name, "datasets": f"i2i/{name}", "serving": f"i2i/{name}"}.get(first)
        if name.startswith("docs/") and name.endswith(".md"):
            place = name
        if place and (ROOT / name).is_file():
            target = tmp_path / "tree" / place
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    return Tree(tmp_path / "tree", tmp_path)


class Tree:
    def __init__(self, root, folder):
        self.root, self.folder = root, folder

    def add(self, what):
        for kind, file, text in edits(what):
            mounted = file.split("/")[0] in ("datasets", "serving")
            apply(kind, self.root / ("i2i" if mounted else "") / file, text)

    def run(self, *words):
        env = {**os.environ, "PYTHONPATH": str(self.root), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-P", *words]
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def i2i(self, *words):
        return self.run("-m", "i2i", *map(str, words))


def test_every_line_of_the_table_has_an_example_that_is_applied_here():
    applied = {add for _, add, _, _ in FENCE.findall(PAGE.read_text("utf-8"))}
    assert applied == set(EXAMPLES)
    assert set(COUNTS) == {*EXAMPLES.values(), "architecture"}  # that one is in test_contributing.py


@pytest.mark.parametrize("what", EXAMPLES)
def test_an_addition_touches_as_many_files_as_the_table_says(what):
    assert len({file for _, file, _ in edits(what)}) == COUNTS[EXAMPLES[what]]


def test_an_architecture_touches_as_many_files_as_the_table_says():
    page = PAGE.read_text("utf-8")
    touched = re.findall(r"^```python file=(\S+)$", page, re.M)
    touched += [file for name, file in (("GENERATORS", "i2i/networks/__init__.py"),) if f"row={name}" in page]
    touched += re.findall(r"a row in the table of \[(docs/training\.md)\]", page)
    assert len(touched) == COUNTS["architecture"]


def test_a_copy_of_the_tree_is_what_runs_there(tree):
    assert str(tree.root) in tree.run("-c", "import i2i.datasets, i2i.serving; print(i2i.datasets.__file__)")


def test_the_new_metric_is_measured(tree):
    tree.add("metric")
    code = "import numpy as np; from i2i.evaluation.metrics import METRICS; a = np.zeros((4, 4, 3), np.float32)\n"
    code += "print(METRICS['rmse'].measure(a, a + np.float32(0.5)))"
    assert float(tree.run("-c", code)) == 0.5
    assert "rmse" in tree.i2i("evaluate", "--help")


def test_the_new_format_is_read_and_written(tree):
    tree.add("format")
    Image.new("RGB", (5, 4), (10, 20, 30)).save(tree.folder / "x.sgi")
    code = "from pathlib import Path; import sys; from i2i.images import *\n"
    code += "from i2i.images.decode import read_picture; from i2i.images.encode import encode\n"
    code += "from i2i.images.find import find_pictures\n"
    code += "(path,) = find_pictures(Path('.')); Path('y.bin').write_bytes(encode(read_picture(path), 'sgi'))"
    tree.run("-c", code)
    again = Image.open(tree.folder / "y.bin")
    assert (again.format, again.size, again.getpixel((0, 0))) == ("SGI", (5, 4), (10, 20, 30))
    assert "sgi" in tree.i2i("convert", "--help")


def test_the_new_command_runs(tree):
    tree.add("command")
    (tree.folder / "in").mkdir()
    Image.new("RGB", (5, 4)).save(tree.folder / "in" / "x.png")
    assert tree.i2i("count", "in") == "1 pictures are in in.\n"
    assert "count" in tree.i2i("--help")


def test_the_new_sample_is_written_and_can_be_trained_on(tree):
    tree.add("sample")
    assert "i2i train pix2pix" in tree.i2i("data", "sample", "dots", "out", "--count", 3, "--size", 32)
    pictures = sorted((tree.folder / "out" / "train").glob("*.png"))
    assert [Image.open(path).size for path in pictures] == [(64, 32)] * 3
    assert "dots" in tree.i2i("data", "sample", "--help")


STEP = """
import torch
from i2i.hardware.device import place
from i2i.methods import METHODS
from i2i.settings import resolve
small = {"size": 32, "generator": {"name": "unet16", "width": 4}, "discriminator": {"width": 4, "layers": 2}}
pix2pix = METHODS["pix2pix"]
for weight in (0, 100):
    torch.manual_seed(0)
    config = resolve(pix2pix.Config, [{"data": {"path": "x"}, "lambda_tv": weight, **small}])
    method = pix2pix.from_config(pix2pix.complete_config(config, 2), place("cpu", "fp32"))
    for _ in range(8):
        scalars = method.step({"a": torch.rand(2, 3, 32, 32), "b": torch.rand(2, 3, 32, 32)})
    print(scalars["g_tv"].item())
"""


def test_the_new_loss_term_is_in_the_step_and_lowers_what_it_names(tree):
    tree.add("loss")
    without, with_it = (float(line) for line in tree.run("-c", STEP).split())
    assert 0 < with_it < without
    rows = table(Path(tree.root, "docs", "training.md"), "setting")
    assert "lambda_tv" in {names(row["setting"])[0] for row in rows}
