"""Tests of how generator and discriminator stand to each other: each gives the evidence, or None."""

from __future__ import annotations

import math
import statistics

from .history import Evidence, History, of_one_direction, period, spikes


def vanishing(seen: History, ending: str) -> Evidence | None:
    """G's gradient below a thousandth of its first size, while D errs on less than 1 % and no weights run away."""
    first, now = _gradient(seen)
    sure = min(seen.now(f"d_accuracy_real{ending}"), seen.now(f"d_accuracy_fake{ending}"))
    bad = sure > 0.99 and now < 1e-3 * first and max(_grown(seen).values(), default=1) < 2
    return {"grad_norm_g": now, "at first": first, "d_accuracy": sure} if bad else None


def exploding(seen: History, ending: str) -> Evidence | None:
    """A number that is none; or weights grown threefold, with a loss far outside of its range or with G at rest."""
    if seen.now("non_finite", 0):
        return {"non_finite": seen.now("non_finite")}
    loss = seen.now(f"g_gan{ending}")
    sizes = {side: seen.column(f"weight_norm_{side}") for side in "gd"}
    grown = _grown(seen)
    if not grown or max(grown.values()) < 3:
        return None
    spike = spikes(seen.column(f"g_gan{ending}"))
    first, now = _gradient(seen)
    if abs(loss) <= 7 and spike <= 10 and not now < 1e-3 * first:
        return None
    side = max(grown, key=lambda one: grown[one])
    return {f"weight_norm_{side}": sizes[side][-1], "at first": sizes[side][0], "g_gan": loss, "MAD": round(spike, 1)}


def _grown(seen: History) -> dict[str, float]:
    """How many times as long as at first the weights of G and of D are."""
    sizes = {side: seen.column(f"weight_norm_{side}") for side in "gd"}
    return {side: norms[-1] / max(norms[0], 1e-9) for side, norms in sizes.items() if norms}


def _gradient(seen: History) -> tuple[float, float]:
    """The norm of G's gradient at first, the largest of three, and now; NaN of fewer."""
    gradients = seen.column("grad_norm_g")
    return (max(gradients[:3]), gradients[-1]) if len(gradients) >= 3 else (math.nan, math.nan)


def overpowering(seen: History, ending: str) -> Evidence | None:
    """D all but certain of both kinds over the last lines, while outputs are not as good as real pictures."""
    last = 4
    mean = {
        key: statistics.fmean(values)
        for key in ("d_accuracy_real", "d_accuracy_fake", "p_real", "p_fake")
        if len(values := seen.column(f"{key}{ending}", last)) == last
    }
    if min(mean.get("d_accuracy_real", 0.0), mean.get("d_accuracy_fake", 0.0)) < 0.97:
        return None
    if mean.get("p_real", 1.0) < 0.95 or mean.get("p_fake", 0.0) > 0.05:
        return None
    distance = seen.latest(f"health_distance{_of_direction(ending)}", 9.0)
    if distance < 1.5:  # outputs are as good as real ones: whatever D says, G has not lost
        return None
    return {key: mean[key] for key in ("p_real", "p_fake", "d_accuracy_real", "d_accuracy_fake") if key in mean}


def weak(seen: History, ending: str) -> Evidence | None:
    """D tells nothing apart and has hardly moved, while outputs are far from real pictures."""
    norms = seen.column("weight_norm_d")
    distance = seen.now(f"health_distance{ending}")
    sides = _of_discriminator(seen, ending)
    apart = seen.latest(f"p_real{sides}") - seen.latest(f"p_fake{sides}")
    if len(norms) < 3 or not distance > 4 or not apart < 0.05:
        return None
    moved = max(abs(norm / norms[0] - 1) for norm in norms)
    return {"p_real - p_fake": apart, "health_distance": distance, "d_moved": moved} if moved < 0.001 else None


def nonconvergence(seen: History, ending: str) -> Evidence | None:
    """The generator's loss goes up and down with a period, in the last 60 lines."""
    losses = seen.column(f"g_gan{ending}", 60)
    if len(losses) < 60:
        return None
    height, lag = period(losses)
    swing = statistics.pstdev(losses) / max(abs(statistics.fmean(losses)), 1e-9)
    return {"autocorrelation": height, "lines": float(lag), "swing": swing} if height > 0.5 and swing > 0.02 else None


def overfitting(seen: History, ending: str) -> Evidence | None:
    """D takes held-out real pictures for generated ones by more than half of the way, beyond chance."""
    gap = seen.now(f"health_overfit{ending}")
    error = seen.now(f"health_overfit_error{ending}", 0.0)
    return {"health_overfit": gap, "error": error} if gap - 2 * error > 0.4 else None


def _of_direction(ending: str) -> str:
    """The ending of the direction that a discriminator judges, or ""."""
    return next((one for one in of_one_direction(ending) if one in ("_a2b", "_b2a")), "")


def _of_discriminator(seen: History, ending: str) -> str:
    """The ending of the discriminator that judges a direction: b2a is judged by the one of A, or x."""
    side = {"_a2b": ("_y", "_b"), "_b2a": ("_x", "_a")}.get(ending, ("",))
    return next((one for one in side if seen.column(f"p_real{one}")), "")
