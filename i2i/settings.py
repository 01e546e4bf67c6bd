"""The configuration of a training run: strict, typed, complete, and written into the run directory.

Layers from weak to strong: the method's defaults, a preset, `--config FILE`, the flags, `--set key.path=value`.
A method adds its own fields by a subclass of `TrainConfig` beside its code.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from . import renamed
from .errors import ConfigError, did_you_mean


class Strict(BaseModel):
    """A frozen model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


C = TypeVar("C", bound=BaseModel)


def resolve(model: type[C], layers: Iterable[Mapping[str, Any]]) -> C:
    """The layers, weakest first, as one checked configuration; old names are read. Raises ConfigError in words."""
    # a group that a layer names in part keeps what the model's own default says of the rest
    merged = {k: f.default.model_dump() for k, f in model.model_fields.items() if isinstance(f.default, BaseModel)}
    for layer in layers:
        merged = merge(merged, renamed.settings(layer)[0])
    try:
        return model.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(" ".join(_in_words(model, e) for e in error.errors())) from error


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over` put on top, mapping by mapping."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """`["generator.width=32"]` as `{"generator": {"width": 32}}`; values are YAML."""
    parsed: dict[str, Any] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path:
            raise ConfigError(f"--set {assignment!r} must have the form key.path=value, as in generator.width=32.")
        try:
            value = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError) as error:
            raise ConfigError(f"--set {path}: {text!r} is not a value ({error}).") from error
        for key in reversed(path.split(".")):
            value = {key: value}
        parsed = merge(parsed, value)
    return parsed


def read_yaml(path: Path) -> dict[str, Any]:
    """A configuration file as a mapping; raises ConfigError when it is none."""
    try:
        value = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read as YAML ({error}).") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path} must hold a mapping of settings, like a run's config.yaml.")
    return value


def to_yaml(config: BaseModel) -> str:
    """The complete configuration: single settings, then groups, each in the order of its fields."""
    values = config.model_dump(mode="json")
    ordered = sorted(values, key=lambda name: (isinstance(values[name], dict), name != "method"))
    return yaml.safe_dump({name: values[name] for name in ordered}, sort_keys=False, allow_unicode=True)


def differences(
    old: BaseModel, new: BaseModel, free: Collection[str] = (), stated: Mapping[str, Any] | None = None
) -> list[str]:
    """What keeps a run from being resumed with `new`: one phrase for each setting that is not `free` to change.

    `stated` is what the run's file says: a setting that it lacks came with a later version, and kept its meaning.
    """
    before, after = flat(old.model_dump(mode="json")), flat(new.model_dump(mode="json"))
    known = before.keys() if stated is None else flat(stated).keys()
    return [
        f"{key} was {before.get(key)!r} and would be {after.get(key)!r}"
        for key in sorted(before.keys() | after.keys())
        if (key in known or key not in before)
        and before.get(key) != after.get(key)
        and not {key, key.partition(".")[0]} & set(free)
    ]


def flat(mapping: Mapping[Any, Any], prefix: str = "", keep_empty: bool = False) -> dict[str, Any]:
    """Names with dots, as `--set` takes them; groups without any setting are left out unless `keep_empty`."""
    found: dict[str, Any] = {}
    for key, value in mapping.items():
        group = isinstance(value, Mapping) and (value or not keep_empty)
        found.update(flat(value, f"{prefix}{key}.", keep_empty) if group else {f"{prefix}{key}": value})
    return found


def _in_words(model: type[BaseModel], error: Any) -> str:
    """One complaint of pydantic as a sentence with the key's full path."""
    path = [str(part) for part in error["loc"]]
    key = ".".join(path)
    if error["type"] == "extra_forbidden":
        known = _keys(model, path[:-1])
        return f"There is no setting called {key!r}.{did_you_mean(path[-1], known)} Known here: {', '.join(known)}."
    if error["type"] == "missing":
        return f"The setting {key!r} is missing."
    if error["type"] == "tuple_type" and isinstance(error["input"], str):
        return f"The setting {key} is a list: {key}=[{error['input']}]."
    return f"The setting {key} cannot be {error['input']!r}: {error['msg'][0].lower()}{error['msg'][1:]}."


def _keys(model: type[BaseModel], path: list[str]) -> list[str]:
    for part in path:
        inner = model.model_fields[part].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return sorted(model.model_fields)
