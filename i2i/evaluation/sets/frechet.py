"""Fréchet distance between Gaussians with the means and covariances of two sets of features (Heusel et al., 2017)."""

from __future__ import annotations

import numpy as np

from ...images.image import Doubles
from .estimate import Estimate, around, second_order


def frechet(generated: Doubles, real: Doubles) -> float:
    """|m1 - m2|² + tr(S1 + S2 - 2 (S1 S2)^(1/2)) of (n, d) and (m, d), unbiased covariances; on Inception it is FID.

    It is biased upwards by few pictures. Fewer pictures than features make covariances singular, which this allows.
    """
    means, traces, roots = _parts(generated, real)
    return means + traces - 2 * float(roots.sum())


def frechet_unbiased(generated: Doubles, real: Doubles) -> float:
    """The same without the bias of few pictures, for more pictures than features; it can be a little below 0.

    The trace of the root is that of Tiomoko and Couillet (Random matrix-improved estimation of the Wasserstein distance
    between two centered Gaussian distributions, EUSIPCO 2019), consistent as n and d grow together: with eigenvalues
    L of S1 S2 and X of diag(L) - l l' / N, l their roots, it is 2 N (sum of L's roots - sum of X's roots).
    The sizes of both sets enter as their harmonic mean N.
    """
    n, m = len(generated), len(real)
    means, traces, roots = _parts(generated, real)
    size = 2 / (1 / (n - 1) + 1 / (m - 1))
    lower = np.linalg.eigvalsh(np.diag(roots**2) - np.outer(roots, roots) / size)
    root = 2 * size * (roots.sum() - np.sqrt(np.maximum(lower, 0)).sum())
    means -= float(generated.var(0, ddof=1).sum() / n + real.var(0, ddof=1).sum() / m)
    return means + traces - 2 * float(root)


def frechet_estimate(generated: Doubles, real: Doubles) -> Estimate:
    """The distance as it is published, with the interval of what sets of this size have on average."""
    variance, freedom = second_order(frechet, generated, real)
    return around(frechet(generated, real), variance**0.5, freedom, 0)


def frechet_unbiased_estimate(generated: Doubles, real: Doubles) -> Estimate:
    """The unbiased distance with the interval of the true one."""
    variance, freedom = second_order(frechet, generated, real)  # the correction hardly varies, and needs n > d
    return around(frechet_unbiased(generated, real), variance**0.5, freedom, 0)


def _parts(generated: Doubles, real: Doubles) -> tuple[float, float, Doubles]:
    """Square of the means' distance, the sum of both traces, and the singular values of S1^(1/2) S2^(1/2)."""
    n, m, d = len(generated), len(real), generated.shape[1]
    of_x, of_y = generated.mean(0), real.mean(0)
    x, y = (generated - of_x) / (n - 1) ** 0.5, (real - of_y) / (m - 1) ** 0.5
    if min(n, m) > d:
        x, y = np.linalg.qr(x, mode="r"), np.linalg.qr(y, mode="r")
    roots = np.linalg.svd(x @ y.T, compute_uv=False)  # S1 S2 has the squares of these as eigenvalues
    return float(((of_x - of_y) ** 2).sum()), float((x**2).sum() + (y**2).sum()), np.asarray(roots, np.float64)
