"""What methods on two unpaired domains share: both directions, what is shown, how failure modes are detected.

Pictures are float32 NCHW in [-1, 1]: x from the batch's `a`, y from `b`, which are drawn apart from each other.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..diagnostics.failure_modes import failure_figures
from ..errors import ConfigError
from ..evaluation.distances import sliced_wasserstein
from .base import Batch, Method
from .building import predictions
from .config import TrainConfig


class Unpaired(Method):
    """A method with a generator for each direction: `generators` holds `a2b` and `b2a`."""

    data_kind = "unpaired"
    best_metric = "val_swd"

    @torch.no_grad()
    def sample_columns(self, batch: Batch) -> dict[str, Tensor]:
        """Of each domain: the picture, its translation, and that translated back; each picture alone.

        In the arithmetic of training, for the grids of a long run would take hours otherwise.
        """
        there, back = self.served("a2b"), self.served("b2a")
        columns = {"A": batch["a"], "B": batch["b"]}
        columns["A → B"] = self._alone(there, columns["A"])
        columns["A → B → A"] = self._alone(back, columns["A → B"])
        columns["B → A"] = self._alone(back, columns["B"])
        columns["B → A → B"] = self._alone(there, columns["B → A"])
        return {name: columns[name] for name in ("A", "A → B", "A → B → A", "B", "B → A", "B → A → B")}

    @torch.no_grad()
    def validate(self, columns: Mapping[str, Tensor]) -> dict[str, float]:
        """`val_swd` of translations from real pictures, mean of both directions; and the figures of failure modes."""
        there, back = self.served("a2b"), self.served("b2a")
        x, y, fake_y, fake_x = (columns[name] for name in ("A", "B", "A → B", "B → A"))
        distance = (sliced_wasserstein(fake_y, y) + sliced_wasserstein(fake_x, x)) / 2
        return {
            "val_swd": distance,
            **failure_figures(x, fake_y, y, lambda p: self._alone(back, p), "a2b"),
            **failure_figures(y, fake_x, x, lambda p: self._alone(there, p), "b2a"),
        }

    def loss_summary(self, scalars: Mapping[str, float]) -> str:
        """The cycle error, D(real) and D(fake)."""
        cycles = [value for name, value in scalars.items() if name.startswith("g_cycle")]
        off = [f"cycle {sum(cycles) / len(cycles):.3g}"] if cycles else []
        return ", ".join([*off, *predictions(scalars)])

    def _alone(self, network: nn.Module, pictures: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H, W) in full precision, picture by picture."""
        with self.placement.autocast():
            return torch.cat([network(picture[None]).float() for picture in pictures])


def refuse_direction(config: TrainConfig) -> None:
    """Raises ConfigError when a direction is asked for: both are trained."""
    if config.direction != "a2b":
        raise ConfigError(
            f"{config.method} trains both directions at once, so --direction has no place here. "
            "Leave it out, and choose afterwards: i2i convert RUN SOURCE TARGET --direction b2a."
        )
