"""The settings of generator and discriminator: a name, and options of that network which are not to be its defaults."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, model_validator

from . import DISCRIMINATORS, GENERATORS
from .options import Table, complete, suits_some


class NetworkConfig(BaseModel):
    """A network by name; every other key is one of its options, as its constructor takes it.

    `{"name": "resnet9", "width": 32}` and `{"name": "resnet9", "options": {"width": 32}}` are the same; where both are
    there, what is under `options` counts. An option that is None is the network's own default.
    """

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)
    kind: ClassVar[str]
    table: ClassVar[Table]

    name: str

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        inner = given.get("options") or {}
        flat = {**given, **inner} if isinstance(inner, dict) else given
        named = {key: flat[key] for key in ("name",) if key in flat}
        return named | {k: v for k, v in flat.items() if k not in ("name", "options") and v is not None}

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.name in self.table:
            complete(self.table, self.kind, self.name, self.options)
        else:
            suits_some(self.table, self.kind, self.options)
        return self

    @property
    def options(self) -> dict[str, Any]:
        """The options that were given."""
        return dict(self.model_extra or {})

    def complete(self) -> Self:
        """With the network's own default for every option that was not given; the name must be one of the table."""
        return type(self)(name=self.name, **complete(self.table, self.kind, self.name, self.options))

    def but(self, **options: Any) -> Self:
        """With other options besides; None is the network's own default."""
        return type(self)(name=self.name, **{**self.options, **options})


class GeneratorConfig(NetworkConfig):
    """The generator by name, and its options."""

    kind = "generator"
    table = GENERATORS

    name: str = "auto"
    """A name of GENERATORS; `auto` takes the method's own: a U-Net or ResNet that suits the size."""


class DiscriminatorConfig(NetworkConfig):
    """The discriminator by name, and its options."""

    kind = "discriminator"
    table = DISCRIMINATORS

    name: str = "patch"
    """A name of DISCRIMINATORS."""
