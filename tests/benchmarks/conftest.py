"""Scripts of benchmarks/ in this process, while the checkout stays off the path."""

import importlib
import importlib.util
import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bench():
    """`bench("reference")` is benchmarks/reference.py; the checkout itself stays off the path, with its folder `datasets`."""
    folder = ROOT / "benchmarks"
    spec = importlib.util.spec_from_file_location(
        "benchmarks", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    sys.modules["benchmarks"] = importlib.util.module_from_spec(spec)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads wait for each other where the machine is busy
    yield lambda name: importlib.import_module(f"benchmarks.{name}")
    torch.set_num_threads(threads)
    for name in [n for n in sys.modules if n.split(".")[0] == "benchmarks"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def ended(bench):
    """`ended("roofline", …)`: status, stdout and stderr of that script in this process, where torch is loaded already."""

    def run_here(module, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", [module, *map(str, arguments)])
            patch.setattr(sys, "path", [*sys.path, str(ROOT)])  # the processes that it starts look there
            with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as end:
                bench("command").end_with(bench(module).main)
        return end.value.code, out.getvalue(), err.getvalue()

    return run_here
