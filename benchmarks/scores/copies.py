"""Are copies found, and honest pictures left alone? The table of docs/evaluation/copies.md.

    python -m benchmarks.scores.copies [FOLDER]

FOLDER holds pictures, side by side as the facades' (their left half is taken) or as they are; without one, summer
landscapes are painted. A part of them is the training set, of which copies are planted; of the others, half set the
threshold and half are an honest model's outputs.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from i2i.datasets.synthetic.samples import SAMPLES
from i2i.evaluation.copies.metric import threshold
from i2i.evaluation.copies.search import Originals, Seen
from i2i.images.image import Floats

PLANTED = 100
Change = Callable[[np.random.Generator, Floats], Floats]


def cropped(rng: np.random.Generator, picture: Floats) -> Floats:
    """From 55 to 95 % of each side, brought back to the whole size."""
    height, width = picture.shape[:2]
    share = rng.uniform(0.55, 0.95)
    a, b = int(height * share), int(width * share)
    top, left = rng.integers(0, height - a + 1), rng.integers(0, width - b + 1)
    part = Image.fromarray((picture[top : top + a, left : left + b] * 255).astype(np.uint8))
    return np.asarray(part.resize((width, height), Image.Resampling.BICUBIC), np.float32) / 255


def recoloured(rng: np.random.Generator, picture: Floats) -> Floats:
    """Channels in another order, each with a gain of 0.7 to 1.2, under a gamma of 0.6 to 1.6."""
    turned = picture[..., rng.permutation(3)] ** rng.uniform(0.6, 1.6)
    return np.clip(turned * rng.uniform(0.7, 1.2, 3), 0, 1).astype(np.float32)


def mirrored(_: np.random.Generator, picture: Floats) -> Floats:
    return np.ascontiguousarray(picture[:, ::-1])


CHANGES: dict[str, tuple[Change, float]] = {
    "exact": (lambda _, picture: picture, 0.99),
    "flipped": (mirrored, 0.95),
    "recoloured": (recoloured, 0.95),
    "cropped": (cropped, 0.95),
    "cropped, recoloured and flipped": (lambda rng, p: mirrored(rng, recoloured(rng, cropped(rng, p))), 0.95),
}
"""By name: what is done to a training picture, and the AUROC that it must be found with."""


def auroc(copies: list[float], honest: list[float]) -> float:
    """Chance that a copy is likelier than an honest picture."""
    a, b = np.array(copies)[:, None], np.array(honest)[None]
    return float(((a > b) + 0.5 * (a == b)).mean())


def study(pictures: list[Floats], seed: int = 0) -> list[tuple[str, float, float]]:
    """Rows: what was planted (at last nothing), AUROC, share that is suspected."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(pictures))
    held = [pictures[n] for n in order[: len(pictures) // 3]]
    training = [pictures[n] for n in order[len(pictures) // 3 :]]
    originals = Originals((str(n), picture) for n, picture in enumerate(training))
    likest = [value for value, _ in originals.likest([Seen.of(picture) for picture in held])]
    measure, honest = likest[::2], likest[1::2]
    limit = threshold(measure)
    rows = []
    for name, (change, _) in CHANGES.items():
        chosen = rng.choice(len(training), min(PLANTED, len(training)), replace=False)
        found = originals.likest([Seen.of(change(rng, training[n])) for n in chosen])
        values = [value for value, _ in found]
        rows.append((name, auroc(values, likest), float(np.mean([value > limit for value in values]))))
    rows.append(("none: honest held-out pictures", float("nan"), float(np.mean([v > limit for v in honest]))))
    return rows


def load(folder: Path) -> list[Floats]:
    """Pictures, the left half of those that are twice as wide as high; equal ones, as the season set has, but once."""
    found = {}
    for path in sorted([*folder.rglob("*.jpg"), *folder.rglob("*.png")]):
        image = Image.open(path).convert("RGB")
        if image.width == 2 * image.height:
            image = image.crop((0, 0, image.height, image.height))
        found[image.tobytes()] = np.asarray(image, np.float32) / 255
    return list(found.values())


def painted(folder: Path, count: int) -> Path:
    return SAMPLES["seasons"].write(folder / "seasons", count=count, size=128) / "trainA"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    words, began = parser.parse_args(), time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        pictures = load(words.folder or painted(Path(scratch), 300))
    print(f"{len(pictures):,} pictures")
    print("| planted | AUROC | suspected |\n|---|---|---|")
    for name, area, suspected in study(pictures):
        print(f"| {name} | {'' if np.isnan(area) else f'{area:.4f}'} | {100 * suspected:.0f} % |")
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
