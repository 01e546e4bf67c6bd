"""`import i2i`: an exact list of names, each documented with an example that runs, and nothing heavy before use."""

from __future__ import annotations

import inspect
import shutil
import subprocess
import sys

import pytest
from markdown import ROOT, blocks, names, table

import i2i as face

NAMES = ["Engine", "__version__", "convert", "evaluate", "export", "train"]
PAGE = ROOT / "docs" / "python.md"


def in_python(code: str, *words: object) -> str:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-P", "-c", code, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_names_are_exactly_these():
    assert sorted(face.__all__) == NAMES
    public = {name for name in vars(face) if not name.startswith("_")}
    modules = {path.stem for path in (ROOT / "i2i").glob("*")} | {"datasets", "serving"}
    assert public - modules - set(NAMES) <= {"importlib", "os", "annotations", "TYPE_CHECKING", "Any"}
    assert set(NAMES) <= set(dir(face))
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        face.trian  # noqa: B018


def test_importing_it_imports_nothing_heavy():
    code = (
        "import sys, i2i; print([m for m in ('torch', 'onnxruntime', 'fastapi', 'numpy', 'typer') if m in sys.modules])"
    )
    assert in_python(code) == "[]\n"


@pytest.fixture(scope="module")
def loaded():
    """Modules that a notebook has loaded once it has used every name."""
    code = "import sys, i2i; i2i.train, i2i.evaluate, i2i.convert, i2i.export, i2i.Engine\n"
    code += "import i2i.workflows.train, i2i.workflows.scoring.evaluate, i2i.workflows.demo, i2i.workflows.doctor\n"
    return in_python(code + "print(*sys.modules)").split()


def test_a_notebook_needs_nothing_from_the_commands(loaded):
    assert "i2i.workflows.train" in loaded
    assert [name for name in loaded if name.startswith("i2i.commands") or name == "typer"] == []


def test_training_loads_torchvision_only_when_a_loss_asks_for_it(loaded):
    """It takes as long to import as torch itself."""
    assert "torchvision" not in loaded


ORDERS = [
    "import i2i.export.onnx_file; import i2i; i2i.export",
    "import i2i; i2i.export; import i2i.export.onnx_file",
    "from i2i import export; import i2i, i2i.export.from_run; assert export is i2i.export",
    "from i2i.export.from_run import export_run; import i2i",
    "import i2i.workflows.train, i2i",
]


def test_export_is_called_and_has_its_modules_whatever_was_imported_first():
    """The package and the function have one name: the package takes the call. Each order begins without i2i's modules."""
    code = f"""
import sys
for order in {ORDERS!r}:
    for name in [name for name in sys.modules if name.split(".")[0] == "i2i"]:
        del sys.modules[name]
    exec(order, {{}})
    import i2i
    import i2i.export.onnx_file
    i2i.export.onnx_file.export_onnx
    try:
        i2i.export("nowhere")
    except i2i.errors.RunError as error:
        print(error)
"""
    said = in_python(code).splitlines()
    assert len(said) == len(ORDERS)
    assert all("nowhere holds no run" in line for line in said)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "__version__"])
def test_a_name_is_typed_and_documented_with_an_example(name):
    thing = face.export.export if name == "export" else getattr(face, name)
    call = thing.__init__ if inspect.isclass(thing) else thing
    for parameter in list(inspect.signature(call).parameters.values())[inspect.isclass(thing) :]:
        assert parameter.annotation is not inspect.Parameter.empty, parameter
    assert f"i2i.{name}(" in (face.__doc__ or "")
    assert name == "Engine" or ">>> " in (thing.__doc__ or "")
    assert any(f"i2i.{name}(" in block for block in blocks(PAGE, "python"))


def test_the_page_lists_every_name():
    listed = {names(row["name"])[0].removeprefix("i2i.") for row in table(PAGE, "name")}
    assert listed == set(NAMES) - {"__version__"}


def test_every_example_of_the_page_runs(tmp_path, sample_pairs, monkeypatch, capsys):
    shutil.copytree(sample_pairs, tmp_path / "photos" / "facades")
    (tmp_path / "sketches").mkdir()
    first = next(path for path in sorted((tmp_path / "photos").rglob("*.png")))
    shutil.copy(first, tmp_path / "sketches" / "one.png")
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    for block in blocks(PAGE, "python"):
        exec(compile(block, str(PAGE), "exec"), scope)
    said = capsys.readouterr().out
    assert "Trained 8 images" in said
    assert "Trained 16 images" not in said
    assert scope["losses"]
    assert set(scope["facts"]["metrics"]) == {"l1", "swd"}
    assert said.splitlines()[-1] == "1 0"
    assert (tmp_path / "out" / "one.png").exists()


def test_a_model_may_be_named_by_its_run_its_file_or_its_engine(make_model, tmp_path):
    from PIL import Image

    (tmp_path / "in").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "in" / "x.png")
    model = make_model("invert")
    for number, named in enumerate((model, str(model), model.parent, face.Engine(model), face.Engine(model.parent))):
        assert face.convert(named, tmp_path / "in", tmp_path / f"out{number}").counts["written"] == 1
