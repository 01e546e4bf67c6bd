"""The discriminator as the adversarial losses see it: with the classes of its pictures, and in packs."""

from __future__ import annotations

from torch import Tensor, nn

from ...hardware.batch_part import in_packs
from ...networks.discriminators.base import Discriminator, Outputs
from ...networks.from_noise.base import Critic


class Judge(Discriminator):
    """D of pictures whose classes are `label`; several batches of the same classes may be joined."""

    def __init__(self, D: Critic, label: Tensor | None = None, packed: int = 1, *, matches: bool = False) -> None:
        """`matches`: features are wanted as well, for feature matching."""
        nn.Module.__init__(self)  # it has no layers of its own
        self.D, self.label, self.packed, self.matches = D, label, packed, matches

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N / packed, 1)."""
        label = self.label
        if label is not None and len(label) != len(x):
            label = label.repeat(len(x) // len(label))
        with in_packs(self.packed):
            logit: Tensor = self.D(pack(x, self.packed), label)
        return logit

    def features(self, x: Tensor) -> Outputs:
        """The same with the features."""
        with in_packs(self.packed):
            found = [self.D.features(pack(x, self.packed))] if self.matches else []
        return Outputs(found, self(x))


def pack(x: Tensor, packed: int) -> Tensor:
    """(N, C, H, W) -> (N / packed, packed C, H, W): pictures that follow each other, stacked by channel."""
    return x if packed == 1 else x.reshape(len(x) // packed, packed * x.shape[1], *x.shape[2:])
