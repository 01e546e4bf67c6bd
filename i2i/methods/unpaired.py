"""What methods on two unpaired domains share: translations of both, how far they are from real ones, failure modes.

Pictures are float32 NCHW in [-1, 1]: x from the batch's `a`, y from `b`, which are drawn apart from each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..adversarial import AdversarialObjective
from ..diagnostics.figures import failure_figures
from ..diagnostics.health import Observed
from ..errors import ConfigError
from ..evaluation.distances import jackknifed, sliced_wasserstein
from ..hardware.device import Placement
from ..networks import Discriminator, Generator
from ..networks.build import check_size
from ..networks.init import init_normal
from .base import Batch, Method
from .building import build_discriminator, build_generator, optimizer_for, placed, predictions
from .config import MethodOptions, TrainConfig
from .tensors import each_alone

ENDS = {"a2b": ("A", "B"), "b2a": ("B", "A")}
"""The domains that a generator exported under this stem goes from and to."""


class TwoDomains(Method):
    """A method with a generator from A to B, from B to A, or for both directions; `exports` says which."""

    data_kind = "unpaired"
    best_metric = "val_swd"
    discriminators: ClassVar[tuple[str, str]]
    """Names of the discriminators of A and of B."""

    def sample_columns(self, batch: Batch) -> dict[str, Tensor]:
        """Of each domain: the picture, its translation, and that translated back where there is a generator for it."""
        columns = {"A": batch["a"], "B": batch["b"]}
        for stem in self.exports:
            source, target = ENDS[stem]
            fake = columns[f"{source} → {target}"] = self._translated(stem, columns[source])
            if self._back(stem):
                columns[f"{source} → {target} → {source}"] = self._translated(self._back(stem), fake)
        return dict(sorted(columns.items()))

    @torch.no_grad()
    def validate(self, columns: Mapping[str, Tensor]) -> dict[str, float]:
        """`val_swd` of translations from real pictures, mean over the directions; and the figures of failure modes."""
        distances: list[float] = []
        figures: dict[str, float] = {}
        for stem in self.exports:
            source, target = ENDS[stem]
            x, y, fake = columns[source], columns[target], columns[f"{source} → {target}"]
            distances.append(sliced_wasserstein(fake, y))
            other = self._back(stem)
            back = (lambda p, other=other: self._translated(other, p)) if other else None
            figures |= failure_figures(x, fake, y, back, stem)
        return {"val_swd": sum(distances) / len(distances), **figures}

    @torch.no_grad()
    def picture_figures(self, columns: Mapping[str, Tensor]) -> dict[str, list[float]]:
        """`val_swd` in the parts of a jackknife."""
        ways = [
            (columns[f"{source} → {target}"], columns[target])
            for source, target in (ENDS[stem] for stem in self.exports)
        ]
        return {"val_swd": jackknifed(ways)}

    def observed(self, batch: Batch, columns: Mapping[str, Tensor]) -> dict[str, Observed]:  # noqa: ARG002
        """Of each direction: translations, and real pictures of the domain they belong to."""
        judges = dict(zip("AB", self.discriminators, strict=True))
        return {
            f"_{stem}": Observed(
                columns[f"{source} → {target}"], columns[target], target.lower(), self.networks[judges[target]]
            )
            for stem in self.exports
            for source, target in [ENDS[stem]]
        }

    def loss_summary(self, scalars: Mapping[str, float]) -> str:
        """The cycle consistency loss, D(real) and D(fake)."""
        cycles = [value for name, value in scalars.items() if name.startswith("g_cycle")]
        off = [f"cycle {sum(cycles) / len(cycles):.3g}"] if cycles else []
        return ", ".join([*off, *predictions(scalars)])

    def _translated(self, stem: str, pictures: Tensor) -> Tensor:
        return each_alone(self.trained(stem), pictures)

    def _back(self, stem: str) -> str:
        """The stem of the generator that goes back, or nothing."""
        return next((other for other in self.exports if ENDS[other] == ENDS[stem][::-1]), "")


class BothDirections(TwoDomains):
    """Two generators that undo each other, and a discriminator for each domain; one optimizer for either pair."""

    exports: ClassVar[Mapping[str, str]]

    def __init__(
        self, generators: tuple[nn.Module, nn.Module], discriminators: tuple[Discriminator, Discriminator],
        placement: Placement, options: MethodOptions,
    ) -> None:  # fmt: skip
        super().__init__(placement, options)
        generators = (placed(generators[0], placement), placed(generators[1], placement))
        for D in discriminators:
            D.to(placement.device)
        self.opt_g = optimizer_for(generators, options.optimizer)
        self.opt_d = optimizer_for(discriminators, options.optimizer.of_discriminators())
        self.networks = dict(
            zip((*self.exports.values(), *self.discriminators), (*generators, *discriminators), strict=True)
        )
        self.objectives = {name: AdversarialObjective(options.gan, placement) for name in self.discriminators}
        self.optimizers = {"g": self.opt_g, "d": self.opt_d}
        self.average_generators(options)

    @classmethod
    def generators(cls, config: TrainConfig) -> dict[str, Generator]:
        """The generators of both directions."""
        of_a, of_b = config.data.channels_of("a", "b")
        return {"a2b": build_generator(config, (of_a, of_b)), "b2a": build_generator(config, (of_b, of_a))}


def two_of_each(
    method: type[BothDirections], config: TrainConfig, init_std: float | None
) -> tuple[tuple[Generator, Generator], tuple[Discriminator, Discriminator]]:
    """Fresh generators of both directions and discriminators of both domains, from N(0, init_std) or as torch does."""
    of_a, of_b = config.data.channels_of("a", "b")
    there, back = method.generators(config).values()
    D_A, D_B = build_discriminator(config, of_a), build_discriminator(config, of_b)
    check_size(config.size, there, D_A)
    if init_std is not None:
        for network in (there, back, D_A, D_B):
            init_normal(network, init_std)
    return (there, back), (D_A, D_B)


def refuse_direction(config: TrainConfig) -> None:
    """Raises ConfigError when a direction is asked for: both are trained."""
    if config.direction != "a2b":
        raise ConfigError(
            f"{config.method} trains both directions at once, so --direction has no place here. "
            "Leave it out, and choose afterwards: i2i convert RUN SOURCE TARGET --direction b2a."
        )
