"""`i2i data sample superres`: sharp pictures made by program, to try an enlarger or a restorer on without any download.

Each is a surface of `textures` with things of other surfaces before it, in some light. Picture n of a split is a
function of (seed, split, n) alone: more of them never change the first ones.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from ..sample_folder import Progress, write_once
from .surfaces import FINENESS, SURFACES, Floats, Rng

SPLITS = ("train", "val", "test")
LEAST_APART = 8
"""Pictures of val and of test, at least: a tenth of those of train otherwise."""


def texture_picture(seed: int, split: str, number: int, size: int) -> npt.NDArray[np.uint8]:
    """Picture `number` of a split, (size, size, 3) uint8."""
    rng = np.random.default_rng((seed, SPLITS.index(split), number))
    side = size * FINENESS
    names = list(SURFACES)
    ground = names[number % len(names)]  # each as often as the others
    canvas = SURFACES[ground](rng, side)
    for _ in range(rng.integers(0, 4)):
        canvas = _with_thing(canvas, SURFACES[str(rng.choice(names))](rng, side), rng)
    fine = np.clip(canvas * _light(rng, side), 0, 1)
    picture = fine.reshape(size, FINENESS, size, FINENESS, 3).mean((1, 3))
    picture += rng.normal(0, rng.choice([0, 0.004]), picture.shape)
    return np.asarray(np.clip(picture, 0, 1) * 255 + 0.5, np.uint8)


def write_textures(
    out: Path, count: int = 400, size: int = 256, seed: int = 0, progress: Progress | None = None
) -> Path:
    """Write `count` pictures into train/ and a tenth as many each, LEAST_APART or more, into val/ and test/.

    A folder that holds this very sample already is left as it is, and one that was interrupted is completed; any
    other that is not empty raises DataError. `progress(done, total)` is called after each picture. Returns `out`.
    """
    apart = max(LEAST_APART, round(count / 10))
    jobs = [(split, n) for split in SPLITS for n in range(count if split == "train" else apart)]

    def write(job: tuple[str, int]) -> None:
        split, number = job
        path = out / split / f"{number + 1:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(texture_picture(seed, split, number, size)).save(path, compress_level=3)

    recipe: dict[str, str | int] = {"sample": "superres", "version": 1, "count": count, "size": size, "seed": seed}
    write_once(out, recipe, jobs, write, progress)
    return out


def _with_thing(canvas: Floats, surface: Floats, rng: Rng) -> Floats:
    """A thing of another surface before the canvas, with its shadow on it."""
    side = len(canvas)
    mask = Image.new("L", (side, side))
    _outline(ImageDraw.Draw(mask), side, rng)
    shift, softness = round(rng.uniform(1, 5) * FINENESS), rng.uniform(1, 4) * FINENESS
    shadow = mask.transform(mask.size, Image.Transform.AFFINE, (1, 0, -shift, 0, 1, -shift))
    dark = np.asarray(shadow.filter(ImageFilter.GaussianBlur(softness)), np.float32)[..., None] / 255
    inside = np.asarray(mask, np.float32)[..., None] / 255
    return np.asarray(canvas * (1 - 0.5 * dark) * (1 - inside) + surface * inside, np.float32)


def _outline(draw: ImageDraw.ImageDraw, side: int, rng: Rng) -> None:
    """A disc, a turned rectangle or a rugged shape."""
    middle, reach = rng.uniform(0.1, 0.9, 2) * side, rng.uniform(0.12, 0.4) * side
    if rng.random() < 0.3:
        wide = reach * rng.uniform(0.5, 1)
        draw.ellipse([middle[0] - reach, middle[1] - wide, middle[0] + reach, middle[1] + wide], fill=255)
        return
    corners = 4 if rng.random() < 0.6 else int(rng.integers(3, 9))
    turn = rng.uniform(0, 2 * math.pi)
    angles = turn + np.arange(corners) * 2 * math.pi / corners
    radii = reach * (np.ones(corners) if corners == 4 else rng.uniform(0.5, 1.1, corners))
    draw.polygon(
        [(middle[0] + r * math.cos(a), middle[1] + r * math.sin(a)) for a, r in zip(angles, radii, strict=True)],
        fill=255,
    )


def _light(rng: Rng, side: int) -> Floats:
    """(side, side, 1) about 1: brighter towards one side."""
    steps = np.linspace(-1, 1, side, dtype=np.float32)
    turn, strength = rng.uniform(0, 2 * math.pi), rng.uniform(0, 0.3)
    slope = math.cos(turn) * steps[None, :, None] + math.sin(turn) * steps[:, None, None]
    return np.asarray(rng.uniform(0.75, 1.1) * (1 + strength * slope), np.float32)
