"""Names that people's files carry and that were changed once: the old ones are read everywhere, and told once.

Settings stand in files for `--config`, in `--set` and in the config.yaml of runs; names of the log in log.jsonl; facts
in the cards of exported files. A table each, old name to new; whoever reads such a file asks the function below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

SETTINGS: dict[str, str] = {
    "data.squash": "data.stretch",
    "data.channels_a": "data.channels.a",
    "data.channels_b": "data.channels.b",
    "perceptual.gap": "perceptual.criterion",
    "lambda_grid": "lambda_checkerboard",
}
"""Settings by their path."""

NORMS = {"picture": "instance_affine", "batch": "batch_as_instance", "population": "batch_running"}
"""Normalisation layers. None is called `batch` again, so that an old `batch` cannot mean another one."""

VALUES: dict[str, dict[str, str]] = {
    f"{network}.{norm}": NORMS for network in ("generator", "discriminator") for norm in ("norm", "options.norm")
}
"""Values of a setting, by its present path."""

LOG: dict[str, str] = {"cheat_": "fail_", "d_slope": "d_gp", "g_grid": "g_checkerboard", "g_same": "g_identity"}
"""Beginnings of names in log.jsonl; what follows them, as `_x` or `identity_a2b`, stays."""

TRAINING_FACTS: dict[str, str] = {"squash": "stretch"}
"""Facts of the training in a card."""

FILES: dict[str, str] = {"figure.json": "best.json"}
"""Files of a run directory."""


def settings(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Settings by their present names, and a sentence for each old one that `given` has.

    Where it has a setting by both names, the present one counts.
    """
    found, said = _copy(given), []
    for old, new in SETTINGS.items():
        group, name = _group(found, old)
        if group is None or name not in group:
            continue
        value = group.pop(name)
        target, present = _group(found, new, make=True)
        if target is not None:
            target.setdefault(present, value)
        said.append(f"`{old}` is now called `{new}`.")
    for path, values in VALUES.items():
        group, name = _group(found, path)
        value = group.get(name) if group is not None else None
        if group is not None and isinstance(value, str) and value in values:
            group[name] = values[value]
            said.append(f"`{path}={value}` is now called `{path}={values[value]}`.")
    return found, said


def log_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """A line of log.jsonl by the present names."""
    return {_by_beginning(name): value for name, value in record.items()}


def training_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a card says of the training, by the present names."""
    return {TRAINING_FACTS.get(name, name): value for name, value in facts.items()}


def method_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint keeps of a method beside the weights, by the present names."""
    found = {{"keeps": "parts", "followed": "averaged"}.get(name, name): value for name, value in state.items()}
    found["parts"] = {{"turns": "updates"}.get(name, name): part for name, part in found["parts"].items()}
    if found.pop("adversarial", False):
        found["stage"] = "adversarial"
    return found


def present(path: Path) -> Path:
    """The file, or where only its old name is there, that one."""
    if not path.exists():
        for old, new in FILES.items():
            if path.name == new and path.with_name(old).exists():
                return path.with_name(old)
    return path


def _by_beginning(name: str) -> str:
    for old, new in LOG.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _copy(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copy(value) if isinstance(value, Mapping) else value for key, value in given.items()}


def _group(settings: dict[str, Any], path: str, *, make: bool = False) -> tuple[dict[str, Any] | None, str]:
    """The mapping that holds the setting at `path`, None where there is none, and the setting's own name."""
    *groups, name = path.split(".")
    for group in groups:
        if make:
            settings.setdefault(group, {})
        inner = settings.get(group)
        if not isinstance(inner, dict):
            return None, name
        settings = inner
    return settings, name
