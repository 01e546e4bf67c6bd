"""Progressive growing (Karras et al., ICLR 2018): stages of rising size, each new one faded in and then kept.

The networks begin at their smallest map; with each further level a block is added to both, and real pictures are shown
as small as the level, faded in alike. The optimizers begin anew with each level.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from ...networks.from_noise.base import middle, padded
from ...networks.from_noise.progan import ProganCritic, faded
from ..stages import Stage

LEVEL, FADES = "level", "fades"
"""Settings of a stage: doublings of the smallest map, and whether the newest of them is faded in."""


def growth_stages(doublings: int, images: int, schedule: Callable[[float], float]) -> tuple[Stage, ...]:
    """`level 0`, then `level 1 fades`, `level 1`, …: of all images each has an even share, the last one the rest."""
    kinds = [(0, False), *((level, fades) for level in range(1, doublings + 1) for fades in (True, False))]
    each = images // len(kinds)
    lengths = [each] * (len(kinds) - 1) + [images - each * (len(kinds) - 1)]
    starts = [each * n for n in range(len(kinds))]

    def of_the_run(n: int) -> Callable[[float], float]:
        """The schedule of a stage's share, by the share of the run."""
        return lambda share: schedule((starts[n] + share * lengths[n]) / max(1, images))

    return tuple(
        Stage(
            f"level {level}{' fades' if fades else ''}",
            length,
            settings={LEVEL: level, FADES: fades},
            scored_as=f"level {level}",
            schedule=of_the_run(n),
        )
        for n, ((level, fades), length) in enumerate(zip(kinds, lengths, strict=True))
    )


def at_level(real: Tensor, D: ProganCritic, alpha: float) -> Tensor:
    """(N, C, H, W) as small as D's level, and as coarse as the one before while it is faded in.

    What D pads at its last level, it is given with that border at all the others.
    """
    if D.level == D.doublings and alpha == 1:
        return real
    whole = padded(real, D.whole)
    small = F.avg_pool2d(whole, 2 ** (D.doublings - D.level))
    seen = faded(small, alpha) if D.level and alpha < 1 else small
    return middle(seen, (real.shape[2], real.shape[3])) if D.level == D.doublings else seen


def shown(picture: Tensor, sides: tuple[int, int]) -> Tensor:
    """A smaller picture at its final size, each pixel a square."""
    return picture if picture.shape[-2:] == sides else F.interpolate(picture, sides, mode="nearest")
