"""What every generator is: the sizes that it takes and gives, and its feature maps by the role that they play."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Literal, Self

from torch import Tensor, nn

from ..errors import require

Tiling = Literal["local", "global"]


@dataclasses.dataclass(frozen=True)
class Geometry:
    """The sizes of a network's pictures; a model file's card repeats a generator's."""

    multiple: int = 1
    """H and W of the input are multiples of this."""
    smallest: int = 1
    """Least H and W of the input, in pixels."""
    scale: int = 1
    """H and W of the output over those of the input."""
    receptive_field: int | None = None
    """Input pixels along a side that one output pixel can depend on, statistics apart; None: not stated."""
    tiling: Tiling = "local"
    """`local` where an output pixel depends on its receptive field alone; `global` where a normalisation takes
    statistics of the whole picture."""


class Generator(nn.Module):
    """(N, in_channels, H, W) -> (N, out_channels, scale H, scale W), both in [-1, 1].

    A subclass states its `geometry` and `roles`, and computes in `parts`. The names of roles are the same in all
    families: `stem`, after the first convolution at the input's size; `down.N`, after the N-th step that makes the
    maps smaller (from 0); `body.N`, after the N-th block at the size that is worked at, and `body` after the skip over
    all blocks, where there is one; `up.N`, after the N-th enlargement; `output`, the picture.
    """

    geometry: Geometry
    low: float = -1.0
    """Least value of its pictures; 0 in networks of other code that were trained in [0, 1]."""
    roles: tuple[str, ...]
    """The roles of this network in the order in which they are computed."""

    def parts(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """The roles with their maps, each as soon as it is computed; the last one is `output`."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, scale H, scale W)."""
        for role, y in self.parts(x):
            if role == "output":
                return y
        raise AssertionError(f"{type(self).__name__}.parts gives no output")

    def features(self, x: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """The maps of `layers`, names of `roles`, as `forward` computes them; nothing behind the deepest is run.

        A name without a number means the last of its kind: `down` is the coarsest map. Raises UnknownNameError for a
        role that this network does not have.
        """
        asked = {layer: self._role(layer) for layer in layers}
        missing, found = set(asked.values()), dict[str, Tensor]()
        for role, y in self.parts(x) if missing else ():
            if role in missing:
                found[role] = y
                missing.remove(role)
                if not missing:
                    break
        return {layer: found[role] for layer, role in asked.items()}

    def _role(self, name: str) -> str:
        kind = [role for role in self.roles if role.partition(".")[0] == name]
        if name not in self.roles and not kind:
            require("role of this generator", name, self.roles)
        return name if name in self.roles else kind[-1]


class Layers(nn.Sequential):
    """Layers in a row, cut into parts: `Layers.of({role: [layer, ...]})`."""

    ends: Mapping[int, str]
    """Place of a part's last layer -> its role."""

    @classmethod
    def of(cls, parts: Mapping[str, Sequence[nn.Module]]) -> Self:
        """All layers of `parts`, one after the other."""
        layers = cls(*chain.from_iterable(parts.values()))
        layers.ends, end = {}, 0
        for role, part in parts.items():
            end += len(part)
            layers.ends = {**layers.ends, end - 1: role}
        return layers

    @property
    def roles(self) -> tuple[str, ...]:
        """In order."""
        return tuple(self.ends.values())

    def parts(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Each role and the map behind its last layer."""
        for place, layer in enumerate(self):
            x = layer(x)
            if place in self.ends:
                yield self.ends[place], x
