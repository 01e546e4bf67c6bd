"""The state of a training at a moment, to go back to it."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..methods import Method
from ..methods.building import renew

MOST_KEPT = 24 * 2**20
"""Bytes of all moments that a training keeps."""


class Moment(NamedTuple):
    """What a training goes back to."""

    images: int
    step: int
    weights: dict[str, dict[str, Tensor]]
    state: dict[str, Any]
    random: Tensor
    """State of the training's random numbers."""
    nbytes: int
    """About what it takes in memory."""


def take(method: Method, images: int, step: int, random: Tensor) -> Moment:
    """The method as it stands."""
    weights = {
        name: {key: value.clone() for key, value in net.state_dict().items()} for name, net in method.networks.items()
    }
    size = 3 * sum(value.nbytes for one in weights.values() for value in one.values())  # with Adam's two moments
    return Moment(images, step, weights, copy.deepcopy(method.state_dict()), random.clone(), size)


def put_back(method: Method, moment: Moment) -> None:
    """Networks and optimizers as they were then, at the rates and momenta that the method was built with."""
    for name, weights in moment.weights.items():
        method.networks[name].load_state_dict(weights)
    method.load_state_dict(copy.deepcopy(moment.state))
    for optimizer in method.optimizers.values():
        renew(optimizer)


def thinned(moments: list[Moment]) -> list[Moment]:
    """As many as there is memory for: the first, and the newest."""
    kept = list(moments)
    while len(kept) > 2 and sum(one.nbytes for one in kept) > MOST_KEPT:
        del kept[1]
    return kept


def finite(method: Method) -> bool:
    """Whether every weight is a number."""
    return all(bool(torch.isfinite(w).all()) for net in method.networks.values() for w in net.parameters())
