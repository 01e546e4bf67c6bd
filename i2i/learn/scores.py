"""How near outputs are to what is learnt: divergences on a grid, parts covered, precision and recall."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..evaluation.sets.neighbours import precision, recall
from .data import Shape

CELLS = 16
"""Cells of the grid along either side of [-1, 1]."""

LEAST = 1e-4
"""Probability that no cell falls below, so that the Kullback-Leibler divergence stays finite."""


@torch.no_grad()
def figures(shape: Shape, fake: Tensor, real: Tensor, parts: Tensor) -> dict[str, float]:
    """`learn_kl`, `learn_js`, `learn_modes`, `learn_precision` and `learn_recall` of outputs (N, C, H, W).

    Divergences are in nats, of real from generated: over the cells of a grid for points, over the kinds for pictures.
    A mode is covered by at least a quarter of its even share of the outputs.
    """
    a, b = fake.flatten(1), real.flatten(1)
    distance, nearest = torch.cdist(a, b).min(1)
    kinds = parts[nearest]
    p, q = (_on_grid(b), _on_grid(a)) if a.shape[1] == 2 else (_shares(parts, shape.parts), _shares(kinds, shape.parts))
    kl, js = divergences(p, q)
    close = kinds if shape.near == 0 else kinds[distance < shape.near]
    covered = torch.bincount(close, minlength=shape.parts) >= len(a) / shape.parts / 4
    x, y = a.double().numpy()[:128], b.double().numpy()[:128]
    return {
        "learn_kl": kl,
        "learn_js": js,
        "learn_modes": float(covered.sum()),
        "learn_precision": float(precision(x, y)) if np.isfinite(x).all() else math.nan,
        "learn_recall": float(recall(x, y)) if np.isfinite(x).all() else math.nan,
    }


def divergences(p: Tensor, q: Tensor) -> tuple[float, float]:
    """KL(p, q) and JS(p, q) of two distributions, in nats; the second is at most ln 2."""
    p, q = (_smooth(p.double()), _smooth(q.double()))
    m = (p + q) / 2
    return float((p * (p / q).log()).sum()), float(((p * (p / m).log()).sum() + (q * (q / m).log()).sum()) / 2)


def _smooth(p: Tensor) -> Tensor:
    p = p + LEAST
    return p / p.sum()


def _on_grid(points: Tensor) -> Tensor:
    """(N, 2) in [-1, 1] -> (CELLS * CELLS,): shares; what lies outside counts for the cell at the edge."""
    cells = ((points + 1) / 2 * CELLS).nan_to_num().long().clamp(0, CELLS - 1)
    return _shares(cells[:, 1] * CELLS + cells[:, 0], CELLS * CELLS)


def _shares(kinds: Tensor, count: int) -> Tensor:
    return torch.bincount(kinds, minlength=count).double() / max(1, len(kinds))
