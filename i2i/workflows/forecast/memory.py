"""What fits into memory: extrapolated from two steps on little data, before anything large is tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import RequestError
from ...methods import METHODS
from ...methods.config import TrainConfig
from .steps import SIDES, parameters_at

NEAR = 0.75
"""Part of the memory that what is proposed takes: it was not tried."""
BYTES_A_PARAMETER = 16
"""A weight, its gradient and Adam's two moments, in float32."""


def needed(small: Sequence[dict[str, Any]], config: TrainConfig, size: int, batch: int) -> float | None:
    """Bytes that training takes at this side and batch, by the last two small steps; None where there are not two.

    Of a batch that is taken in several passes (`accumulate`), one pass is in memory.

    What grows does so with the pixels of a batch; what does not is the networks' own, counted at this side, and the
    rest as it was measured.
    """
    if len(small) < 2:
        return None
    one, two = small[-2:]
    slope = max(0.0, (_rest(two) - _rest(one)) / (_pixels(two) - _pixels(one)))
    parameters = two["parameters"] if size == two["size"] else parameters_at(config, size) or two["parameters"]
    fixed = max(0.0, _rest(two) - slope * _pixels(two))
    return float(fixed + BYTES_A_PARAMETER * parameters + slope * (batch // config.accumulate) * size**2)


def _pixels(step: dict[str, Any]) -> int:
    return int(step["batch"] * step["size"] ** 2)


def _rest(step: dict[str, Any]) -> float:
    """Bytes of a step without the networks' own."""
    return float(step["bytes"] - BYTES_A_PARAMETER * step["parameters"])


def nearest(small: Sequence[dict[str, Any]], config: TrainConfig, memory: float) -> tuple[int, int] | None:
    """The side and batch nearest to the configuration's that fit: a smaller batch first, then a smaller side.

    The batch can be divided into the passes of the configuration, and each of them into what a discriminator sees at
    once; the settings allow it.
    """
    least = config.accumulate * config.seen_at_once
    for size in [config.size, *(side for side in reversed(SIDES) if side < config.size)]:
        if size < config.size and not _can_be(config, size):
            continue
        most = config.batch - 1 if size == config.size else config.batch
        low, high = 0, most // least
        while low < high:  # what is needed grows with the batch
            middle = (low + high + 1) // 2
            need = needed(small, config, size, middle * least)
            low, high = (middle, high) if need is not None and need <= NEAR * memory else (low, middle - 1)
        if low and _is_allowed(config, size, low * least):
            return size, low * least
    return None


def _is_allowed(config: TrainConfig, size: int, batch: int) -> bool:
    """Whether the settings go together with this side and batch: some compare the pictures of a batch."""
    asked = config.model_copy(update={"size": size, "batch": batch})
    try:
        METHODS[config.method].complete_config(asked, 1)  # the length is decided already
    except RequestError:
        return False
    return True


def _can_be(config: TrainConfig, size: int) -> bool:
    try:
        return parameters_at(config, size) > 0
    except RequestError:
        return False


def refusal(small: Sequence[dict[str, Any]], config: TrainConfig, memory: float) -> str:
    """That it does not fit, and what does, in a sentence."""
    need = needed(small, config, config.size, config.batch)
    takes = f"about {gigabytes(need)}" if need is not None and need > memory else f"more than {gigabytes(memory)}"
    found = nearest(small, config, memory)
    if found is None:
        way_out = "Nothing smaller fits either. Try --set generator.width=32, or end other programs."
    else:
        size, batch = found
        flags = ([f"--size {size}"] if size != config.size else []) + [f"--batch {batch}"]
        about = needed(small, config, size, batch)
        way_out = f"The nearest that fits is {' '.join(flags)}" + (f" (about {gigabytes(about)})." if about else ".")
    return (
        f"A step at --size {config.size} --batch {config.batch} takes {takes} of memory, and {gigabytes(memory)} are "
        f"to be had. {way_out}"
    )


def tried_in_vain(small: Sequence[dict[str, Any]], config: TrainConfig, memory: float) -> list[dict[str, Any]]:
    """The small steps with one more: the step that was wanted took more than `memory`, whatever they had promised."""
    need = needed(small, config, config.size, config.batch)
    if need is None or need > memory:
        return list(small)
    parameters = parameters_at(config, config.size) or small[-1]["parameters"]
    return [
        *small,
        {
            "size": config.size,
            "batch": config.batch // config.accumulate,
            "bytes": 1.25 * memory,
            "parameters": parameters,
        },
    ]


def gigabytes(size: float) -> str:
    """`310 MB` or `1.2 GB`."""
    return f"{size / 2**20:.0f} MB" if size < 2**30 else f"{size / 2**30:.1f} GB"
