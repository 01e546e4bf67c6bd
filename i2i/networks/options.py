"""Options of networks: what a constructor takes by keyword, checked by its own annotations."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from ..errors import ConfigError, did_you_mean, require

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]

BY_THE_RUN = frozenset({"scale", "size", "classes"})
"""Keywords that the run's own settings give."""

Table = Mapping[str, Callable[..., Any]]


def name_of(kind: str, table: Collection[str]) -> AfterValidator:
    """For an option that is a name in `table`; raises UnknownNameError for another."""

    def known(name: str) -> str:
        require(kind, name, table)
        return name

    return AfterValidator(known)


def options_of(table: Table, name: str) -> dict[str, inspect.Parameter]:
    """The options of the network called `name`, with their annotations and defaults."""
    parameters = inspect.signature(table[name], eval_str=True).parameters
    return {
        key: parameter
        for key, parameter in parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and key not in BY_THE_RUN
    }


def complete(table: Table, kind: str, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every option of the network called `name`: as `given`, or its own default for what is None or missing.

    Raises ConfigError for an option that it does not have, with those that it has, and for a value that it cannot
    take.
    """
    options = options_of(table, name)
    for key in given:
        if key not in options and given[key] is not None:
            has = ", ".join(f"{one}={parameter.default}" for one, parameter in options.items())
            raise ConfigError(
                f"There is no setting called '{kind}.{key}' for the {kind} {name!r}.{did_you_mean(key, options)} "
                f"It has {has}."
            )
    values = {key: value for key, value in given.items() if value is not None}
    return {
        key: checked(kind, option, values[key]) if key in values else option.default
        for key, option in options.items()
        if key in values or option.default is not option.empty
    }


def checked(kind: str, option: inspect.Parameter, value: Any) -> Any:
    """`value` as the option's annotation has it; ConfigError in words when it cannot be."""
    try:
        return _adapter(option.annotation).validate_python(value)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise ConfigError(
            f"The setting {kind}.{option.name} cannot be {value!r}: {reason[0].lower()}{reason[1:]}."
        ) from error


@functools.cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation)


def suits_some(table: Table, kind: str, given: Mapping[str, Any]) -> None:
    """Raises ConfigError for an option or a value that no network of `table` takes: for one that is not chosen yet."""
    networks = [options_of(table, name) for name in table]
    known = sorted({"name"}.union(*networks))
    for key, value in given.items():
        refusals = []
        for options in networks:
            if key in options:
                try:
                    checked(kind, options[key], value)
                    break
                except ConfigError as error:
                    refusals.append(error)
        else:
            raise (
                refusals[0]
                if refusals
                else ConfigError(
                    f"There is no setting called '{kind}.{key}'.{did_you_mean(key, known)} "
                    f"Known here: {', '.join(known)}."
                )
            )
