"""A training of the page as a command line and files, for the same curve elsewhere."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml
from PIL import Image

from .training import Training


def as_command(training: Training) -> dict[str, Any]:
    """The line, the configuration as YAML, and the samples: points as a .npy (N, 2), or by class as a zip of folders
    with one each; pictures as a zip of PNGs.

    Both files in base64. `exact` is what keeps the curve from being the very same; "" where nothing does.
    """
    file, data = _points(training) if training.is_plane else ("pictures.zip", _pictures(training))
    return {
        "line": f"i2i train gan {file.removesuffix('.zip')} --config learn.yaml --run runs/learn",
        "config": yaml.safe_dump(training.as_config(), sort_keys=False, default_flow_style=None),
        "file": file,
        "data": base64.b64encode(data).decode(),
        "exact": _why_not(training),
    }


def _why_not(training: Training) -> str:
    steps = ", ".join(str(one["step"]) for one in training.changes)
    if steps:
        return f"Settings were changed at step {steps}: the line trains by the last ones from its start."
    if training.settings["data.augment"]:
        return "Turns are drawn by other numbers there."
    return ""


def _points(training: Training) -> tuple[str, bytes]:
    """The file's name, and what is in it."""
    points, kinds = training.train["image"].flatten(1).numpy(), training.shape.kinds
    if not training.settings["conditional"]:
        return "points.npy", _saved(points)
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        for number, kind in enumerate(kinds):
            archive.writestr(f"points/{kind}/points.npy", _saved(points[training.train["label"].numpy() == number]))
    return "points.zip", stored.getvalue()


def _saved(points: npt.NDArray[np.float32]) -> bytes:
    stored = io.BytesIO()
    np.save(stored, points)
    return stored.getvalue()


def _pictures(training: Training) -> bytes:
    """In their order; in a folder for each class where they are trained by class."""
    stored, kinds = io.BytesIO(), training.shape.kinds
    pixels = ((training.train["image"] + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    with zipfile.ZipFile(stored, "w") as archive:
        for number, (one, kind) in enumerate(zip(pixels, training.train["label"].tolist(), strict=True)):
            picture = io.BytesIO()
            Image.fromarray(one[..., 0] if one.shape[2] == 1 else one).save(picture, "PNG")
            folder = f"pictures/{kinds[kind]}" if training.settings["conditional"] else "pictures"
            archive.writestr(f"{folder}/{number:05}.png", picture.getvalue())
    return stored.getvalue()
