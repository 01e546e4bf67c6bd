"""Progressive growing (Karras et al., ICLR 2018): stages of rising size, each new one faded in and then kept.

The networks begin at their smallest map; with each further level a block is added to both, and real pictures are shown
as small as the level, faded in alike. The optimizers begin anew with each level.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

from ...networks.from_noise.progan import Growing, faded
from ..stages import Stage

LEVEL, FADES = "level", "fades"
"""Settings of a stage: doublings of the smallest map, and whether the newest of them is faded in."""


def growing(network: nn.Module) -> bool:
    """Whether it grows."""
    return isinstance(network, Growing)


def growth_stages(doublings: int, images: int, schedule: Callable[[float], float]) -> tuple[Stage, ...]:
    """`level 0`, then `level 1 fades`, `level 1`, …: of all images each has an even share, the last one the rest."""
    kinds = [(0, False), *((level, fades) for level in range(1, doublings + 1) for fades in (True, False))]
    each = images // len(kinds)
    lengths = [each] * (len(kinds) - 1) + [images - each * (len(kinds) - 1)]
    return tuple(
        Stage(
            f"level {level}{' fades' if fades else ''}",
            length,
            settings={LEVEL: level, FADES: fades},
            schedule=schedule,
        )
        for (level, fades), length in zip(kinds, lengths, strict=True)
    )


def at_level(real: Tensor, level: int, doublings: int, alpha: float) -> Tensor:
    """(N, C, H, W) as small as the level, and as coarse as the one before while it is faded in."""
    if level < doublings:
        sides = [-(-length // 2 ** (doublings - level)) for length in real.shape[2:]]
        real = F.interpolate(real, sides, mode="area")
    even = all(length % 2 == 0 for length in real.shape[2:])
    return faded(real, alpha) if level and alpha < 1 and even else real


def shown(picture: Tensor, sides: tuple[int, int]) -> Tensor:
    """A smaller picture at its final size, each pixel a square."""
    return picture if picture.shape[2:] == sides else F.interpolate(picture, sides, mode="nearest")
