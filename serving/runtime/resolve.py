"""What MODEL means on the command line: a run directory or an ONNX file, and which of its files.

An exported file is known by the card in it. `model.onnx`, `a2b.onnx` and `b2a.onnx` are what today's methods call
theirs; a run may hold others, and `--direction` then takes the file's name without `.onnx`.
"""

from __future__ import annotations

from pathlib import Path

from ...errors import ModelFileError, RequestError, RunError, UnknownNameError, did_you_mean
from .model_file import read_card

DIRECTIONS = ("a2b", "b2a")
USUAL = ("model", *DIRECTIONS)
"""Names that exports have without being told, in the order in which they are listed."""


def resolve_model(path: Path, direction: str | None = None) -> Path:
    """The ONNX file that MODEL means: an export of a run directory, or the file itself.

    Without a direction, a run gives `model.onnx`, else `a2b.onnx`, else its only export. Raises RequestError when
    there is no such path, or when a direction is asked of a file, which has but one; RunError when the run has no such
    model, or several and none was named; UnknownNameError for a direction that no run has.
    """
    if path.is_file():
        _check_direction(direction, {*DIRECTIONS, path.stem})
        if direction is not None and path.name != f"{direction}.onnx":
            raise RequestError(
                f"{path} is one translator, and --direction chooses between the two of a run directory. "
                f"Leave it out, or name the run's folder or its {direction}.onnx."
            )
        return path
    if not path.exists():
        _check_direction(direction, DIRECTIONS)
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise RequestError(f"There is no model at {path}.{did_you_mean(path.name, beside)}")
    found = {file.stem: file for file in exported_models(path)}
    _check_direction(direction, {*DIRECTIONS, *found})
    return found[_chosen(path, found, direction)]


def _chosen(run: Path, found: dict[str, Path], direction: str | None) -> str:
    """The name of the export that is meant; raises RunError."""
    wanted = ("a2b", "model") if direction in (None, "a2b") else (str(direction),)
    for name in wanted:
        if name in found:
            return name
    if direction is None and len(found) == 1:
        return next(iter(found))
    if direction is None and len(found) > 1:
        raise RunError(f"{run} holds {' and '.join(f'{n}.onnx' for n in found)}. Say which with --direction NAME.")
    if found:
        names = " and ".join(f"{name}.onnx" for name in found)
        raise RunError(f"{run} has no translator for direction {direction}; it holds {names}.")
    if any((run / name).exists() for name in ("config.yaml", "checkpoints", "log.jsonl")):
        raise RunError(f"{run} has no exported model yet. Make one with: i2i export {run}")
    raise RunError(f"{run} is neither a run directory nor an ONNX file: it holds no model.onnx.")


def _check_direction(direction: str | None, known: set[str] | tuple[str, ...]) -> None:
    if direction is not None and direction not in known:
        raise UnknownNameError("direction", direction, known)


def exported_models(run: Path) -> list[Path]:
    """Every exported model of a run directory: those of the usual names first, then others that have a card.

    The usual names are listed unread, so that a damaged one is complained of by whoever opens it.
    """
    usual = [run / f"{name}.onnx" for name in USUAL if (run / f"{name}.onnx").is_file()]
    others = sorted(file for file in run.glob("*.onnx") if file.stem not in USUAL and file.is_file())
    return [*usual, *(file for file in others if _has_card(file))]


def _has_card(file: Path) -> bool:
    try:
        read_card(file)
    except ModelFileError:
        return False
    return True
