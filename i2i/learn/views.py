"""What the page draws of a training at a moment; looking leaves no trace in it, and draws no random number."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from .training import Training

FIELD, REACH = 44, 1.1
"""Cells of D's landscape along a side, and how far it reaches: [-REACH, REACH]."""

SHOWN, ARROWS, WARPED, WALK = 250, 90, 17, 41
"""Points of each kind, arrows, lines of G's grid, points of a walk."""

SHEET, MOST_SHOWN, HINTS = 36, 100, 8
"""Pictures of the sheet, of a sheet with a column for each class at most, and those with a hint."""


def view(training: Training) -> dict[str, Any]:
    """All that is drawn now: of points a landscape, arrows and a grid, of pictures a sheet and a map of two axes."""
    with judged(training):
        return _plane(training) if training.is_plane else _pictures(training)


def still(training: Training) -> dict[str, Any]:
    """What does not change while it trains: real samples."""
    if training.is_plane:
        return {"plane": True, "real": _points(training.real[:SHOWN]), "reach": REACH}
    return {
        **{"plane": False, "real": _bytes(training.real[:SHEET]), "picture": list(training.real.shape[1:])},
        **{"reach": REACH, "map": _points(_on_axes(training, training.real[:SHOWN]))},
    }


@contextlib.contextmanager
def judged(training: Training) -> Iterator[None]:
    """Both networks as they are served, inside."""
    networks = [training.method.G, training.method.D]
    modes = [network.training for network in networks]
    for network in networks:
        network.eval()
    try:
        yield
    finally:
        for network, mode in zip(networks, modes, strict=True):
            network.train(mode)


def _plane(training: Training) -> dict[str, Any]:
    method = training.method
    with torch.no_grad():
        fake = training.generated()[:SHOWN]
        side = torch.linspace(-REACH, REACH, FIELD)
        y, x = torch.meshgrid(side, side, indexing="ij")
        field = opinion(training, training.judged(torch.stack([x, y], -1).reshape(-1, 2, 1, 1)), fake)
        latents, lines = _lattice(method.G.latent, method.G.prior)
        return {
            "fake": _points(fake),
            "field": _shades(_stretched(field)),
            "cells": FIELD,
            "says": [round(float(v), 2) for v in (field.nan_to_num(0.5).min(), field.nan_to_num(0.5).max())],
            "arrows": _points(pull(training, fake[:ARROWS])),
            "warped": _points(training.made(latents)),
            "lines": lines,
            "walk": _points(training.made(_way(training))),
        }


def _pictures(training: Training) -> dict[str, Any]:
    method = training.method
    with torch.no_grad():
        fake = training.generated()
        latents, lines = _lattice(method.G.latent, method.G.prior, 7)
        sheet = min(MOST_SHOWN, method.G.classes**2) or SHEET
        logits = training.judged(fake[:sheet], training.labels(sheet))
        return {
            "fake": _bytes(fake[:sheet]),
            "classes": method.G.classes,
            "judged": _shades(opinion(training, logits, fake)),
            "map": _points(_on_axes(training, fake[:SHOWN])),
            "warped": _bytes(training.made(latents)),
            "lines": lines,
            "walk": _bytes(training.made(_way(training, 9))),
            "hints": _bytes(_signed(pull(training, fake[:HINTS]))),
        }


def _stretched(field: Tensor) -> Tensor:
    """So that the colours tell where D says more and less, also when it says nearly the same everywhere."""
    apart = field.nan_to_num(0.5) - 0.5
    stretched: Tensor = 0.5 + 0.5 * apart / apart.abs().max().clamp(min=0.05)
    return stretched


def opinion(training: Training, logits: Tensor, fake: Tensor) -> Tensor:
    """Logits (N,) as 0 (generated) to 1 (real).

    The probability where the loss has one, D itself between its targets for least squares; of a critic without a
    scale, how it stands against its own mean, over its spread.
    """
    kind = training.config.gan.loss
    if kind == "least_squares":
        return logits.clamp(0, 1)
    if kind in ("minimax", "non_saturating", "hinge"):
        return logits.sigmoid()
    usual = training.judged(torch.cat([fake, training.real[: len(fake)]]))
    stands: Tensor = (logits - usual.mean()) / usual.std().clamp(min=1e-6)
    return (1.5 * stands).sigmoid()


def pull(training: Training, fake: Tensor) -> Tensor:
    """Where G's loss draws each of its samples (N, C, H, W): minus its gradient, times N."""
    with torch.enable_grad():
        x = fake.detach().requires_grad_()
        labels, loss = training.labels(len(fake)), training.method.gan.loss
        of_real = training.parts[: len(fake)] if labels is not None else None
        real = training.judged(training.real[: len(fake)], of_real) if loss.g_needs_real else None
        (gradient,) = torch.autograd.grad(loss.g(real, training.judged(x, labels)), x)
    drawn: Tensor = -len(fake) * gradient
    return drawn


def _lattice(latent: int, prior: str, side: int = WARPED) -> tuple[Tensor, list[int]]:
    """Latents of a lattice in the first two numbers, the others 0, each cell as probable; and its (rows, columns)."""
    share = torch.linspace(0.03, 0.97, side)
    values = 2 * share - 1 if prior == "uniform" else torch.erfinv(2 * share - 1) * 2**0.5
    rows = side if latent > 1 else 1
    latents = torch.zeros(rows * side, latent)
    latents[:, 0] = values.repeat(rows)
    if latent > 1:
        latents[:, 1] = values.repeat_interleave(side)
    return latents, [rows, side]


def _way(training: Training, count: int = WALK) -> Tensor:
    """(count, latent): from one fixed latent to another, on the sphere where they are normal, else straight."""
    a, b = training.fixed[0], training.fixed[1]
    share = torch.linspace(0, 1, count)[:, None]
    if training.method.G.prior == "uniform" or len(a) == 1:
        straight: Tensor = a + share * (b - a)
        return straight
    angle = torch.arccos(torch.nn.functional.cosine_similarity(a, b, 0).clamp(-0.999, 0.999))
    length = a.norm() + share * (b.norm() - a.norm())
    mixed = ((1 - share) * angle).sin() * a / a.norm() + (share * angle).sin() * b / b.norm()
    way: Tensor = mixed / angle.sin() * length
    return way


def _on_axes(training: Training, pictures: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, 2): on the first two principal axes of the real ones, within [-1, 1]."""
    if training.axes is None:
        flat = training.real.flatten(1)
        mean = flat.mean(0)
        two = torch.linalg.svd(flat - mean, full_matrices=False)[2][:2].T
        training.axes = mean, two / ((flat - mean) @ two).abs().max()
    mean, axes = training.axes
    found: Tensor = (pictures.flatten(1) - mean) @ axes
    return found


def _points(found: Tensor) -> list[int]:
    """As thousandths in one list; what is no number, or far outside, is at the edge of what can be shown."""
    thousandths: list[int] = (
        (found.flatten() * 1000).nan_to_num(9999, 9999, -9999).clamp(-9999, 9999).round().int().tolist()
    )
    return thousandths


def _shades(values: Tensor) -> str:
    """(N,) in [0, 1] -> bytes, in base64."""
    return base64.b64encode((values.nan_to_num(0.5) * 255).round().clamp(0, 255).byte().numpy().tobytes()).decode()


def _bytes(pictures: Tensor) -> str:
    """(N, C, H, W) in [-1, 1] -> (N, H, W, C) bytes, in base64."""
    return _shades((pictures.permute(0, 2, 3, 1) + 1) / 2)


def _signed(values: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, 1, H, W): means over channels, each picture by its own largest values."""
    grey = values.mean(1, keepdim=True)
    largest = grey.flatten(1).abs().quantile(0.97, 1)[:, None, None, None]
    signed: Tensor = (grey / largest.clamp(min=1e-12)).clamp(-1, 1)
    return signed
