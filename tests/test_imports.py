"""The architecture: who may import whom, and what an install puts where."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

BASE = (
    "errors text seeding database files file_kinds renamed settings card ports probes tail half images hardware.system"
)
"""What every package may use: no torch, and little else."""

PACKAGES = {
    "errors": "",
    "text": "",
    "seeding": "",
    "database": "",
    "files": "errors",
    "renamed": "",
    "settings": "errors renamed",
    "ports": "errors",
    "card": "errors ports",
    "tail": "",
    "half": "",
    "probes": "card ports",
    "file_kinds": "",
    "images": "errors text files",
    "hardware": "errors",
    "networks": "errors settings hardware",
    "losses": "errors settings files hardware networks",
    "degradation": "errors seeding settings images",
    "evaluation": "errors settings files images losses",
    "diagnostics": "errors text settings hardware images evaluation",
    "adversarial": "errors settings hardware networks losses diagnostics",
    "methods": "errors renamed settings ports card images hardware networks losses degradation adversarial evaluation diagnostics",
    "training": "errors text files renamed settings card hardware evaluation methods diagnostics",
    "export": "errors files file_kinds settings ports card probes tail half hardware networks methods training",
    "report": "errors text files settings card images hardware.system evaluation diagnostics training",
    "tracking": "errors files settings training",
    "datasets.layouts": "errors images",
    "datasets.streams": f"{BASE} datasets.layouts",
    "datasets.checks": f"{BASE} datasets.layouts datasets.streams",
    "datasets.synthetic": "errors files images",
    "datasets.arrays": f"{BASE} datasets.layouts datasets.streams",
    "datasets": "datasets.streams datasets.arrays",
    "serving.runtime": BASE,
    "serving.inference": f"{BASE} serving.runtime",
    "serving.conversion": f"{BASE} serving.runtime serving.inference",
    "serving.generation": f"{BASE} serving.runtime serving.inference serving.conversion",
    "serving.adopt": f"{BASE} serving.runtime serving.inference",
    "serving.tuning": f"{BASE} serving.runtime serving.inference",
    "serving.hosting": f"{BASE} serving.runtime serving.inference serving.generation",
    "serving.web": f"{BASE} serving.runtime serving.inference serving.generation serving.hosting",
    "serving.ray_serve": f"{BASE} serving.runtime serving.inference serving.hosting serving.web",
    "serving": "errors serving.runtime serving.inference serving.conversion serving.generation serving.adopt serving.tuning serving.hosting "
    "serving.web",
    "study": f"{BASE} serving",
    "learn": f"{BASE} hardware networks adversarial evaluation diagnostics methods training datasets serving",
    "workflows": f"{BASE} hardware networks losses degradation adversarial evaluation diagnostics methods training export "
    "report tracking datasets serving study",
    "commands": f"{BASE} hardware networks losses degradation adversarial evaluation diagnostics methods training export "
    "report tracking datasets serving study learn workflows",
}  # fmt: skip
"""Each package of i2i, from the ground up, and what it may import of i2i beside itself: only what stands above it here."""

NEVER = {
    "images": {"torch", "onnxruntime", "fastapi"},
    "datasets": {"torch", "torchvision", "onnxruntime", "fastapi"},
    "serving": {"torch", "torchvision", "albumentations"},
}
"""Other people's packages that must not be imported, by the beginning of ours."""


def package_of(name):
    """The row of PACKAGES that a module belongs to: the longest that fits."""
    inner = name.removeprefix("i2i.")
    return max((row for row in PACKAGES if within(inner, {row})), key=len, default=None)


def modules(folder):
    """Every module of the folder: its file and its name as it is imported."""
    mounted = {"i2i": "i2i", "serving": "i2i.serving", "datasets": "i2i.datasets"}[folder]
    for path in sorted((ROOT / folder).rglob("*.py")):
        parts = path.relative_to(ROOT / folder).with_suffix("").parts
        yield path, ".".join([mounted, *(p for p in parts if p != "__init__")])


def imports(path, name):
    """Absolute names that the file imports, wherever in it."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - (node.level - 1)] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield start
            yield from (f"{start}.{alias.name}" for alias in node.names)


def within(name, packages):
    return any(name == package or name.startswith(package + ".") for package in packages)


def our_imports():
    """(module, what it imports of i2i) over all modules."""
    for folder in ("i2i", "serving", "datasets"):
        for path, name in modules(folder):
            if name not in ("i2i", "i2i.__main__"):  # the public face and the door
                yield name, set(imports(path, name))


def broken(name, imported):
    """Why this import is against the rules, or None."""
    package = package_of(name)
    for start, never in NEVER.items():
        if within(name, {f"i2i.{start}"}) and within(imported, never):
            return f"{name} imports {imported}, which {start} must do without"
    if not imported.startswith("i2i.") or within(imported, {f"i2i.{package}"}):
        return None
    if not within(imported.removeprefix("i2i."), set(PACKAGES[package].split())) and package_of(imported) is not None:
        return f"{name} imports {imported}"
    return None


def test_every_module_has_a_row():
    assert not [name for name, _ in our_imports() if package_of(name) is None]


def test_a_package_imports_only_what_its_row_names():
    found = [why for name, names in our_imports() for imported in names if (why := broken(name, imported))]
    assert not found, "\n".join(sorted(found))


def test_no_row_names_a_package_below_it():
    rows = list(PACKAGES)
    for place, (row, may) in enumerate(PACKAGES.items()):
        below = [name for name in may.split() if all(not within(name, {above}) for above in rows[:place])]
        allowed = {"hardware.system"} | {name for name in below if within(row, {name})}
        assert set(below) <= allowed, f"{row} may not import {below}"


def test_the_rule_would_notice_a_forbidden_import(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("def f():\n    from ...training.loop import fit\n    import torch.nn\n")
    names = set(imports(bad, "i2i.serving.web.bad"))
    assert "i2i.training.loop" in names
    assert sum(broken("i2i.serving.web.bad", name) is not None for name in names) >= 2


@pytest.mark.parametrize("name", sorted(f"i2i.{name}" for name in BASE.split()))
def test_what_every_package_may_use_needs_no_torch(name):
    code = f"import sys; sys.modules['torch'] = None; import {name}"
    subprocess.run([sys.executable, "-P", "-c", code], check=True, timeout=60)


def test_nobody_imports_the_folders_by_their_bare_names():
    found = []
    for folder in ("i2i", "serving", "datasets", "tests", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            bare = {name.split(".")[0] for name in imports(path, "somewhere.deep.down.x")}
            found += [f"{path}: {name}" for name in bare & {"datasets", "serving", "cli"}]
    assert not found


WITHOUT_TORCH = """
import sys
for name in ("torch", "torchvision", "onnxscript", "albumentations", "safetensors"):
    sys.modules[name] = None  # importing it fails
"""


def test_serving_imports_where_torch_cannot_be_imported():
    code = WITHOUT_TORCH + "import i2i.serving; from i2i.serving import Engine, convert_folder, create_app, serve"
    subprocess.run([sys.executable, "-P", "-c", code], check=True, timeout=120)


def test_a_model_converts_and_serves_where_torch_cannot_be_imported(make_model, tmp_path):
    from PIL import Image

    model = make_model("invert")
    (tmp_path / "in").mkdir()
    Image.new("RGB", (9, 7), (255, 0, 100)).save(tmp_path / "in" / "x.png")
    code = WITHOUT_TORCH + (
        "from i2i.commands import main; sys.argv = ['i2i', 'convert', *sys.argv[1:]]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "from i2i.serving import create_app, load_engines\n"
        "from pathlib import Path; create_app(load_engines([Path(sys.argv[2])]))\n"
        "assert sys.modules['torch'] is None"
    )
    command = [sys.executable, "-c", code, str(model), str(tmp_path / "in"), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "out" / "x.png").getpixel((0, 0)) == (0, 255, 155)


def test_training_without_torch_names_the_extra_to_install(tmp_path):
    code = (
        WITHOUT_TORCH
        + "from i2i.commands import main; sys.argv = ['i2i', 'train', 'pix2pix', '.', '--run', 'r']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 2
    assert "pip install 'i2i[train]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_hugging_faces_datasets_keeps_its_name_beside_ours(tmp_path):
    pytest.importorskip("datasets", reason="Hugging Face's datasets is not installed")
    code = (
        "import datasets, i2i.datasets, i2i.serving\n"
        "assert 'site-packages' in datasets.__file__, datasets.__file__\n"
        "assert i2i.datasets.__file__ != datasets.__file__\n"
        "assert datasets.Dataset.from_dict({'x': [1, 2]})[1] == {'x': 2}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, timeout=120)


def test_the_launcher_works_from_the_checkout_and_hides_nobodys_datasets():
    code = "import sys, runpy; sys.argv = ['cli.py', '--version']\ntry: runpy.run_path('cli.py', run_name='__main__')\n"
    code += "except SystemExit: pass\nimport datasets; assert 'site-packages' in datasets.__file__"
    pytest.importorskip("datasets", reason="Hugging Face's datasets is not installed")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=120)
    done = subprocess.run([sys.executable, "cli.py", "--version"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("i2i ")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built as an install builds it, from a copy of what git knows."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


def test_the_wheel_owns_i2i_alone_and_the_launcher(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        tops = {name.split("/")[0] for name in names}
        assert {t for t in tops if not t.endswith(".dist-info")} == {"i2i"}
        entry = next(n for n in names if n.endswith("entry_points.txt"))
        assert "i2i = i2i.commands:main" in archive.read(entry).decode()
    wanted = {name.replace(".", "/") for folder in ("i2i", "serving", "datasets") for _, name in modules(folder)}
    there = {n.removesuffix(".py").removesuffix("/__init__") for n in names if n.endswith(".py")}
    assert wanted == there


def test_the_wheel_carries_its_pages(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder, mounted in (("i2i", "i2i"), ("serving", "i2i/serving"), ("datasets", "i2i/datasets")):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".html", ".css", ".js", ".typed"):
                assert f"{mounted}/{path.relative_to(ROOT / folder).as_posix()}" in names


def test_the_wheel_works_on_its_own_without_torch(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        WITHOUT_TORCH
        + "sys.path.insert(0, sys.argv[1]); import i2i; assert sys.argv[1] in i2i.__file__, i2i.__file__\n"
    )
    code += "from i2i.serving import Engine; import i2i.serving as s; assert sys.argv[1] in s.__file__"
    command = [sys.executable, "-P", "-c", code, str(tmp_path / "site")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_base_install_does_not_ask_for_torch():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base = " ".join(project["dependencies"])
    assert not any(name in base for name in ("torch", "albumentations", "onnxscript"))
    pins = [p for p in project["dependencies"] if "==" in p.partition(";")[0]]
    assert not pins, "tested versions belong into constraints.txt alone"


def test_what_takes_long_to_load_is_loaded_when_it_is_used_and_openvino_without_its_telemetry():
    pytest.importorskip("openvino", reason="openvino is not installed (the extra `openvino`)")
    code = (
        "import sys; import i2i.serving.conversion.convert; from i2i.serving.runtime import openvino\n"
        "package = openvino._package(); package.Core()\n"
        "assert not {'tifffile', 'openvino.tools.ovc', 'openvino_telemetry'} & sys.modules.keys()\n"
        "assert 'rich' not in sys.modules and 'ray' not in sys.modules\n"
        "import openvino.tools.ovc\n"  # which others of the process may want
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True, timeout=60)
