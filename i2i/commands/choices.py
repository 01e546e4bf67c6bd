"""The names that help texts list, each from its table.

Tables that are light are imported. Those whose rows need torch, ONNX Runtime or numpy are read from the source
instead, so that a help text comes at once: a table is a plain dict whose keys stand there as text.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
from pathlib import Path

from ..text import listed


def names_of(module: str, table: str) -> tuple[str, ...]:
    """The keys of the dict `table` in `module`, a path below the package such as `methods/__init__.py`.

    Raises LookupError when there is no such dict, or a key is not written as text.
    """
    return tuple(_table(module, table))


@functools.cache
def _table(module: str, table: str) -> dict[str, ast.expr]:
    """The dict's keys, and its values as they are written."""
    package, _, rest = module.partition("/")
    spec = importlib.util.find_spec(f"i2i.{package}")  # imports nothing below i2i
    folder = (spec.submodule_search_locations if spec else None) or []
    for node in ast.parse(Path(*folder, rest).read_text("utf-8")).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Dict):
            continue
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        keys = [key.value for key in node.value.keys if isinstance(key, ast.Constant)]
        if isinstance(target, ast.Name) and target.id == table and len(keys) == len(node.value.keys):
            return dict(zip(map(str, keys), node.value.values, strict=True))
    raise LookupError(f"{module} has no dict {table} whose keys are written as text.")


def methods() -> str:
    """`pix2pix, cyclegan, … or srgan`."""
    return listed(*names_of("methods/__init__.py", "METHODS"))


def devices() -> str:
    """What `--device` takes where a model is run."""
    return listed("auto", *names_of("serving/runtime/providers.py", "BACKENDS")) + "; cuda:1 is the second card"


def policies() -> str:
    """What `--existing` takes."""
    return listed(*names_of("serving/conversion/plan.py", "EXISTING"))


def samples() -> str:
    """What `i2i data sample` takes, and what each holds."""
    rows = _table("datasets/synthetic/samples.py", "SAMPLES")
    return "; ".join(f"{name}: {row.args[1].value}" for name, row in rows.items())  # type: ignore[attr-defined]


def metrics() -> str:
    """What `--metrics` takes."""
    return ", ".join(names_of("evaluation/metrics.py", "METRICS"))


def features() -> str:
    """What `--features` takes beside a file."""
    return listed(*names_of("evaluation/embedding/rows.py", "EMBEDDINGS"))
