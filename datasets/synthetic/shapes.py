"""`i2i data sample shapes`: two domains that share a hidden angle and nothing else, and a gauge that reads it off.

Domain A is an orange arrow on pale paper, domain B a green lollipop on a dark blue wall, each turned about the middle
of the picture, as the cars and faces in DiscoGAN's experiments are turned (Kim et al., ICML 2017). Angles are in
degrees, clockwise from upright, drawn evenly from -75 to 75: not a whole circle, so that no rotation maps the angles
onto themselves, and evenly, so that an unpaired method can be right in two ways, t -> t and t -> -t: take |r|.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...files import write_atomically
from .sample_folder import Progress
from .sample_unpaired import FOLDERS, file_stem, pair_count, write_unpaired

Floats = npt.NDArray[np.float32]

WIDEST = 75.0
"""Angles of the sample reach so far to either side."""
READ = 90
"""Angles that the gauge knows reach so far, in steps of one degree."""
GRAIN = 0.02
FINENESS = 3
TRUTH = "truth.csv"

COLOURS = {"a": ((0.96, 0.94, 0.88), (0.92, 0.45, 0.10)), "b": ((0.10, 0.15, 0.34), (0.35, 0.80, 0.45))}
"""Ground and figure of each domain."""


def shape_picture(seed: int, folder: str, number: int, size: int) -> npt.NDArray[Any]:
    """Picture `number` of a folder, (size, size, 3) uint8: a figure at its angle, with a little grain of its own."""
    domain = folder[-1].lower()
    grain = np.random.default_rng((seed, FOLDERS[folder][0], number, 1, int(domain == "b")))
    picture = render(domain, true_angle(seed, folder, number), size)
    noisy = picture + grain.normal(0, GRAIN, picture.shape).astype(np.float32)
    return (np.clip(noisy, 0, 1) * 255 + 0.5).astype(np.uint8)


def true_angle(seed: int, folder: str, number: int) -> float:
    """The hidden angle of a picture, in degrees; the same in testA and testB."""
    return float(np.random.default_rng((seed, FOLDERS[folder][0], number, 0)).uniform(-WIDEST, WIDEST))


def write_shapes(out: Path, count: int = 400, size: int = 64, seed: int = 0, progress: Progress | None = None) -> Path:
    """Write `count` arrows and as many lollipops at other angles, and test pairs, as `write_unpaired` does.

    `truth.csv` has a line for each test pair: its name and its angle in degrees.
    """
    write_unpaired(out, {"sample": "shapes", "version": 1}, shape_picture, count, size, seed, progress)
    lines = [f"{file_stem('testA', n)},{true_angle(seed, 'testA', n):.4f}" for n in range(pair_count(count))]
    write_atomically(out / TRUTH, "\n".join(["name,degrees", *lines, ""]).encode())
    return out


def read_truth(out: Path) -> dict[str, float]:
    """Name -> angle in degrees of the test pairs of a sample; raises OSError when there is no `truth.csv`."""
    lines = (out / TRUTH).read_text().splitlines()[1:]
    return {name: float(degrees) for name, degrees in (line.split(",") for line in lines)}


def render(domain: str, degrees: float, size: int) -> Floats:
    """The figure of a domain (`a` or `b`) at an angle, without grain: (size, size, 3) in [0, 1]."""
    fine = size * FINENESS
    place = ((np.arange(fine) + 0.5) / fine - 0.5).astype(np.float32)
    turn = np.deg2rad(degrees)
    across = np.cos(turn) * place[None, :] + np.sin(turn) * place[:, None]
    up = np.sin(turn) * place[None, :] - np.cos(turn) * place[:, None]
    figure = _arrow(across, up) if domain == "a" else _lollipop(across, up)
    mask = figure.astype(np.float32).reshape(size, FINENESS, size, FINENESS).mean((1, 3))[..., None]
    ground, paint = (np.array(rgb, np.float32) for rgb in COLOURS[domain])
    picture: Floats = ground + mask * (paint - ground)
    return picture


def shape_angle(picture: npt.NDArray[Any], domain: str) -> float:
    """The angle of the figure in a picture of domain `a` or `b`, in degrees from -90 to 90.

    `picture` is (H, H, 3), uint8 or float in [0, 1]. It is compared with clean renders at every degree: the one whose
    deviation from the mean render correlates best with the picture's wins, and a parabola through it and its neighbours
    gives the fraction. Blur, faint contrast and grain hardly matter; a picture without a figure gets some angle too.
    Raises ValueError when the picture is not square.
    """
    if picture.ndim != 3 or picture.shape[0] != picture.shape[1]:
        raise ValueError(f"A picture of shape {picture.shape} is not square (H, H, 3).")
    mean, templates = _gauge(domain, len(picture))
    seen = picture.astype(np.float32) / 255 if picture.dtype == np.uint8 else picture.astype(np.float32)
    match = templates @ (seen.ravel() - mean)
    best = int(match[1:-1].argmax()) + 1
    before, at, after = (float(value) for value in match[best - 1 : best + 2])
    bend = before - 2 * at + after
    share = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return best - READ + float(np.clip(share, -1, 1))


@functools.lru_cache(maxsize=8)
def _gauge(domain: str, size: int) -> tuple[Floats, Floats]:
    """The mean of the renders (values,), and each one's normalised deviation from it (angles, values)."""
    renders = np.stack([render(domain, degrees, size).ravel() for degrees in range(-READ, READ + 1)])
    mean = renders.mean(0)
    away = renders - mean
    return mean, away / np.linalg.norm(away, axis=1, keepdims=True)


def _arrow(across: Floats, up: Floats) -> npt.NDArray[np.bool_]:
    shaft = (np.abs(across) < 0.07) & (up > -0.40) & (up < 0.15)
    head = (up > 0.10) & (np.abs(across) < 0.62 * (0.42 - up))
    return shaft | head


def _lollipop(across: Floats, up: Floats) -> npt.NDArray[np.bool_]:
    stick = (np.abs(across) < 0.035) & (up > -0.42) & (up < 0.2)
    sweet: npt.NDArray[np.bool_] = np.hypot(across, up - 0.23) < 0.17
    return stick | sweet
