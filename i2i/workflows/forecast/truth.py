"""What a run took beside what was foretold: into environment.json, and said."""

from __future__ import annotations

from typing import Any

from ...text import duration
from ...training.run_directory import Run
from .memory import gigabytes


def compare(run: Run, seconds: float) -> str | None:
    """Put what the run took into environment.json, and say it beside the forecast; None where there was none.

    Raises StorageError.
    """
    told = run.environment().get("forecast", {})
    if not isinstance(told, dict) or "seconds" not in told:
        return None
    memory = max((r.get("memory_mb") or 0.0 for r in run.records(tolerant=True)), default=0.0)
    disk = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file()) / 2**20
    truth: dict[str, Any] = {"seconds": round(seconds, 1), "memory_mb": memory, "disk_mb": round(disk, 1)}
    run.amend_environment(forecast={**told, "truth": truth})
    return (
        f"It took {duration(seconds)} (forecast {duration(told['seconds'])}), {gigabytes(memory * 2**20)} of memory "
        f"({gigabytes(told['memory_mb'] * 2**20)}) and {gigabytes(disk * 2**20)} of disk "
        f"({gigabytes(told['disk_mb'] * 2**20)})."
    )
