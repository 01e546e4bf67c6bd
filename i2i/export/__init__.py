"""From a run, or from other people's weights, to an ONNX file that is checked against torch.

The package can be called: `i2i.export(run)` is `export` below. The package and the function of the public face have one
name, and whichever is imported first, `i2i.export` is this module; so it is the module that takes the call.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..training.run_directory import Run


def export(
    run: str | Path | Run,
    *,
    checkpoint: str = "last",
    direction: str | None = None,
    out: str | Path | None = None,
    precision: str = "fp32",
) -> list[Path]:
    """Write the generators of a run as ONNX files, checked against torch, and give their paths.

    `checkpoint` is `last` or `best`; `direction` is `a2b` or `b2a` where a run has two; `out` names the file, which is
    otherwise in the run; `precision` is `fp32` or `fp16`. Raises RunError, UnknownNameError, ExportError.

    >>> i2i.export("runs/facades", checkpoint="best", out="facades.onnx")
    [PosixPath('facades.onnx')]
    """
    from ..training.run_directory import Run as RunDirectory
    from .from_run import export_run

    opened = run if isinstance(run, RunDirectory) else RunDirectory(Path(run))
    target = None if out is None else Path(out)
    return export_run(opened, checkpoint, direction=direction, out=target, precision=precision)


class _Callable(ModuleType):
    """A module that takes a call."""

    def __call__(self, *arguments: Any, **named: Any) -> list[Path]:
        return export(*arguments, **named)


sys.modules[__name__].__class__ = _Callable
