"""How often a 95 % interval of each figure covers the truth: the table of docs/evaluation/intervals.md.

    python -m benchmarks.scores.intervals --repeats 500 --sizes 50,200,1000,2000 --out benchmarks/scores/intervals.json

Pictures are drawn from distributions whose distance is known in closed form, by a long Monte-Carlo integral, or, of a
figure that is told of sets of one size, as the mean over the repeats. Cells that are there already are kept.
With 500 repeats a true 95 % shows as 93.1 to 96.9 in 95 of 100 cells.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import stats

from i2i.evaluation.sets import figures, patches
from i2i.evaluation.sets.estimate import Estimate, around, skewed
from i2i.evaluation.sets.figures import Figure
from i2i.images.image import Doubles

LENGTH = 64
SPREAD = np.sqrt(np.arange(1, LENGTH + 1.0) ** -1 * LENGTH / (np.arange(1, LENGTH + 1.0) ** -1).sum())
"""Deviations of 64 features, effectively 22 dimensions: as of 300 facades in SqueezeNet's features, which have 21."""
SHIFTS = {"near": (0.1, 0.05), "apart": (0.4, 0.2), "far": (1.0, 0.5)}
"""How far the generated features are from the real ones: shift of five means in deviations, change of deviations."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A row of the table."""

    figure: str
    distribution: str
    draw: Callable[[np.random.Generator, int], tuple[Doubles, Doubles]]
    estimate: Callable[[Doubles, Doubles], Estimate]
    truth: float | None
    """None: the mean over all repeats."""
    chosen: bool = True
    """Whether i2i has it; the others are published to show why not."""

    @property
    def key(self) -> str:
        """What its cells are kept under."""
        return f"{self.figure}; {self.distribution}"


def features(shift: str, heavy: bool) -> Callable[[np.random.Generator, int], tuple[Doubles, Doubles]]:
    moved, changed = SHIFTS[shift]
    mean = np.zeros(LENGTH)
    mean[:5] = moved * SPREAD[:5]
    other = SPREAD * np.exp(changed * np.sin(np.arange(LENGTH)))

    def draw(rng: np.random.Generator, n: int) -> tuple[Doubles, Doubles]:
        x, y = rng.standard_normal((2, n, LENGTH))
        if heavy:  # a mixture of scales with covariance 1
            x, y = (side * np.sqrt(np.where(rng.random((n, 1)) < 0.5, 1.5, 0.5)) for side in (x, y))
        return x * other + mean, y * SPREAD

    return draw


def frechet_truth(shift: str) -> float:
    moved, changed = SHIFTS[shift]
    other = SPREAD * np.exp(changed * np.sin(np.arange(LENGTH)))
    return float(((moved * SPREAD[:5]) ** 2).sum() + ((other - SPREAD) ** 2).sum())


def mind_truth(shift: str) -> float:
    from i2i.evaluation.sets.projections import directions

    moved, changed = SHIFTS[shift]
    lines = directions(LENGTH)
    other = SPREAD * np.exp(changed * np.sin(np.arange(LENGTH)))
    means = (moved * SPREAD[:5]) @ lines[:5]
    deviations = [np.sqrt(((lines * side[:, None]) ** 2).sum(0)) for side in (other, SPREAD)]
    return float(3 * LENGTH * (means**2 + (deviations[0] - deviations[1]) ** 2).mean())


def kernel_truth(shift: str) -> float:
    """E (x'y/d + 1)³ is known given y, where x'y is Gaussian; its mean over y is taken over 400,000."""
    moved, changed = SHIFTS[shift]
    mean = np.zeros(LENGTH)
    mean[:5] = moved * SPREAD[:5]
    sides = [(mean, SPREAD * np.exp(changed * np.sin(np.arange(LENGTH)))), (np.zeros(LENGTH), SPREAD)]
    rng = np.random.default_rng(0)

    def expected(x: int, y: int) -> float:
        drawn = rng.standard_normal((400_000, LENGTH)) * sides[y][1] + sides[y][0]
        a = drawn @ sides[x][0] / LENGTH + 1
        b = ((drawn * sides[x][1]) ** 2).sum(1) / LENGTH**2
        return float((a**3 + 3 * a * b).mean())

    return expected(0, 0) + expected(1, 1) - 2 * expected(1, 0)


def logits(rng: np.random.Generator, n: int) -> tuple[Doubles, Doubles]:
    """200 classes met as 1/rank of the first 40, sure by degrees."""
    chances = 1 / np.arange(1, 41)
    classes = rng.choice(40, n, p=chances / chances.sum())
    found = rng.standard_normal((n, 200))
    found[np.arange(n), classes] += rng.uniform(2, 12, n)
    return found, found


def textures(rng: np.random.Generator, n: int) -> tuple[Doubles, Doubles]:
    """Grey pictures of 16 pixels, each of its own brightness and contrast; the generated ones are smoother."""
    x, y = rng.standard_normal((2, n, 16, 16, 1))
    x = (x + np.roll(x, 1, 1)) / 2**0.5
    light, contrast = rng.normal(0.5, 0.1, (2, n, 1, 1, 1)), rng.uniform(0.05, 0.15, (2, n, 1, 1, 1))
    return light[0] + contrast[0] * x, light[1] + contrast[1] * y


def of_pictures(x: Doubles, y: Doubles) -> Estimate:
    generated, real = (list(side.astype(np.float16)) for side in (x, y))
    low, high = patches.interval(generated, real) or (np.nan, np.nan)
    return Estimate(patches.sliced_wasserstein(generated, real), low, high)


def mean_by_hall(x: Doubles, _: Doubles) -> Estimate:
    return skewed(float(x.mean()), [x - x.mean()])


def mean_by_student(x: Doubles, _: Doubles) -> Estimate:
    return around(float(x.mean()), float(x.std(ddof=1)) / len(x) ** 0.5, len(x) - 1)


def mean_by_bootstrap(x: Doubles, _: Doubles) -> Estimate:
    drawn = x[np.random.default_rng(0).integers(0, len(x), (1000, len(x)))].mean(1)
    return Estimate(float(x.mean()), *(float(end) for end in np.percentile(drawn, [2.5, 97.5])))


def one(values: Callable[[np.random.Generator, int], Doubles]) -> Callable[..., tuple[Doubles, Doubles]]:
    return lambda rng, n: (values(rng, n),) * 2


MEANS = {
    "normal": (one(lambda rng, n: rng.normal(0.7, 0.1, n)), 0.7),
    "lognormal, sigma 0.5": (one(lambda rng, n: np.exp(rng.normal(0, 0.5, n))), float(np.exp(0.125))),
    "exponential": (one(lambda rng, n: rng.exponential(1, n)), 1.0),
    "difference of pairs, exponential less gamma": (
        one(lambda rng, n: rng.exponential(1, n) - rng.gamma(2, 0.4, n)),
        0.2,
    ),
}


def cases() -> list[Case]:
    rows = []
    for name, (draw, truth) in MEANS.items():
        rows.append(Case("mean of pairs", name, draw, mean_by_hall, truth))
        rows.append(Case("mean of pairs by Student's t", name, draw, mean_by_student, truth, chosen=False))
        rows.append(Case("mean of pairs by percentile bootstrap", name, draw, mean_by_bootstrap, truth, chosen=False))
    known: dict[str, tuple[Figure, Callable[[str], float | None]]] = {
        "frechet": (figures.FRECHET, lambda _: None),
        "frechet_unbiased": (figures.FRECHET_UNBIASED, frechet_truth),
        "kernel": (figures.KERNEL, kernel_truth),
        "precision": (figures.PRECISION, lambda _: None),
        "recall": (figures.RECALL, lambda _: None),
        "density": (figures.DENSITY, lambda _: None),
        "coverage": (figures.COVERAGE, lambda _: None),
        "mind": (figures.MIND, lambda _: None),
        "mind_unbiased": (figures.MIND_UNBIASED, mind_truth),
    }
    for name, (figure, truth_of) in known.items():
        for shift in SHIFTS:
            rows.append(Case(name, f"features {shift}", features(shift, False), figure.estimate, truth_of(shift)))
        if name != "kernel" and "mind_" not in name:  # their truths are those of Gaussians alone
            heavy = features("apart", True)
            rows.append(Case(name, "features apart, heavy tails", heavy, figure.estimate, truth_of("apart")))
    frechet, mind = figures.FRECHET.estimate, figures.MIND.estimate
    wrong = "taken for the true distance"
    rows.append(Case("frechet", wrong, features("apart", False), frechet, frechet_truth("apart"), chosen=False))
    rows.append(Case("mind", wrong, features("apart", False), mind, mind_truth("apart"), chosen=False))
    sure = figures.CLASSES.compute(*logits(np.random.default_rng(0), 400_000))
    rows.append(Case("classes", "200 classes", logits, figures.CLASSES.estimate, None))
    rows.append(Case("classes_unbiased", "200 classes", logits, figures.CLASSES_UNBIASED.estimate, sure))
    rows.append(Case("classes", "taken for the true score", logits, figures.CLASSES.estimate, sure, chosen=False))
    rows.append(Case("swd", "textures", textures, of_pictures, None))
    return rows


def coverage(case: Case, n: int, repeats: int) -> dict[str, float]:
    """Share of intervals that cover, their mean half width over what would be right, and the seconds of one."""
    found, began = [], time.perf_counter()
    for repeat in range(repeats):
        rng = np.random.default_rng([zlib.crc32(case.key.encode()), n, repeat])
        found.append(dataclasses.astuple(case.estimate(*case.draw(rng, n))))
    values, low, high = np.array(found).T
    truth = float(values.mean()) if case.truth is None else case.truth
    right = float(stats.norm.ppf(0.975)) * values.std()
    return {
        "covered": round(float(((low <= truth) & (truth <= high)).mean()), 4),
        "width": round(float((high - low).mean() / 2 / right), 3),
        "seconds": round((time.perf_counter() - began) / repeats, 4),
        "repeats": repeats,
    }


def table(results: dict[str, dict[str, float]], sizes: list[int]) -> str:
    """Markdown: a row a case, a column a size, per cent covered."""
    lines = [
        "| figure | distribution | " + " | ".join(f"n {n:,}" for n in sizes) + " |",
        "|---" * (len(sizes) + 2) + "|",
    ]
    for case in cases():
        cells = [results.get(f"{case.key}; {n}") for n in sizes]
        shown = [f"{100 * cell['covered']:.1f}" if cell else "" for cell in cells]
        name = f"`{case.figure}`" if case.chosen and " " not in case.figure else case.figure
        lines.append(f"| {name} | {case.distribution} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=500)
    parser.add_argument("--sizes", default="50,200,1000,2000")
    parser.add_argument("--only", default="", help="Figures, with commas between.")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/scores/intervals.json"))
    words = parser.parse_args()
    sizes = [int(n) for n in words.sizes.split(",")]
    results = json.loads(words.out.read_text()) if words.out.is_file() else {}
    least = {"frechet_unbiased": 96}
    for n in sizes:
        for case in cases():
            key = f"{case.key}; {n}"
            skip = words.only and case.figure not in words.only.split(",")
            if skip or n < least.get(case.figure, 0) or results.get(key, {}).get("repeats", 0) >= words.repeats:
                continue
            results[key] = coverage(case, n, words.repeats)
            words.out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
            print(key, results[key], flush=True)
    print(table(results, sizes))


if __name__ == "__main__":
    main()
