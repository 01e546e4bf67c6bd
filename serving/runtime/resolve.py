"""What MODEL means on the command line: a run directory or an ONNX file, and which of its files."""

from __future__ import annotations

from pathlib import Path

from ...errors import RequestError, RunError, UnknownNameError, did_you_mean

DIRECTIONS = ("a2b", "b2a")


def resolve_model(path: Path, direction: str | None = None) -> Path:
    """The ONNX file that MODEL means: a run directory (model.onnx, or a2b.onnx and b2a.onnx) or the file itself.

    Without a direction, a run with two gives a2b. Raises RequestError when there is no such path, or when a direction
    is asked of a file, which has but one; RunError when the run has no such model.
    """
    if direction is not None and direction not in DIRECTIONS:
        raise UnknownNameError("direction", direction, DIRECTIONS)
    if path.is_file():
        if direction is not None and path.name != f"{direction}.onnx":
            raise RequestError(
                f"{path} is one translator, and --direction chooses between the two of a run directory. "
                f"Leave it out, or name the run's folder or its {direction}.onnx."
            )
        return path
    direction = direction or "a2b"
    if not path.exists():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise RequestError(f"There is no model at {path}.{did_you_mean(path.name, beside)}")
    found = exported_models(path)
    wanted = path / f"{direction}.onnx"
    if wanted in found:
        return wanted
    if path / "model.onnx" in found and direction == "a2b":
        return path / "model.onnx"
    if found:
        names = " and ".join(p.name for p in found)
        raise RunError(f"{path} has no translator for direction {direction}; it holds {names}.")
    if any((path / name).exists() for name in ("config.yaml", "checkpoints", "log.jsonl")):
        raise RunError(f"{path} has no exported model yet. Make one with: i2i export {path}")
    raise RunError(f"{path} is neither a run directory nor an ONNX file: it holds no model.onnx.")


def exported_models(run: Path) -> list[Path]:
    """Every exported model of a run directory, a2b before b2a."""
    names = ("model.onnx", *(f"{direction}.onnx" for direction in DIRECTIONS))
    return [run / name for name in names if (run / name).is_file()]
