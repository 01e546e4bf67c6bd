"""Help texts list what there is: each is made of the table that it speaks of, and none waits for a heavy import."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from i2i.commands.choices import names_of
from i2i.images.formats import FORMATS, Format, late, written

TABLES = [
    ("methods/__init__.py", "METHODS", "train"),
    ("serving/runtime/providers.py", "BACKENDS", "convert"),
    ("serving/conversion/plan.py", "EXISTING", "convert"),
    ("datasets/synthetic/samples.py", "SAMPLES", "data sample"),
    ("evaluation/metrics.py", "METRICS", "evaluate"),
    ("images/formats.py", "FORMATS", "convert"),
]


def words(text: str) -> set[str]:
    return {word.strip(".,;:()") for word in text.split()}


@pytest.mark.parametrize(("module", "table", "command"), TABLES, ids=[row[1] for row in TABLES])
def test_help_lists_the_names_of_the_table(i2i, module, table, command):
    name = "i2i." + module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    known = getattr(importlib.import_module(name), table)
    assert list(names_of(module, table)) == list(known)
    known = written() if table == "FORMATS" else known
    assert set(known) <= words(i2i(*command.split(), "--help")[1])


def test_one_more_format_is_in_the_help(i2i, monkeypatch):
    assert "sgi" not in words(i2i("convert", "--help")[1])
    monkeypatch.setitem(FORMATS, "sgi", Format("SGI", (".sgi",), "SGI", "image/sgi", late(".encode", "eight_bits")))
    assert "sgi" in words(i2i("convert", "--help")[1])


def test_a_table_that_is_not_there_is_no_empty_help():
    with pytest.raises(LookupError, match="METHOD"):
        names_of("methods/__init__.py", "METHOD")


@pytest.mark.parametrize("command", ["", "train", "convert", "evaluate", "serve", "data sample"])
def test_help_imports_neither_torch_nor_a_runtime_nor_numpy(command):
    code = (
        f"import sys; sys.argv = ['i2i', *{command.split()!r}, '--help']\n"
        "from i2i.commands import main\n"
        "try: main()\n"
        "finally: print([m for m in ('torch', 'onnxruntime', 'fastapi', 'numpy', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
