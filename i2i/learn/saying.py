"""A training of the page as a command line and files, for the same curve elsewhere."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import Any

import numpy as np
import yaml
from PIL import Image

from .training import Training


def as_command(training: Training) -> dict[str, Any]:
    """The line, the configuration as YAML, and the samples: points as a .npy file (N, 2), pictures as a zip of PNGs.

    Both files in base64. `exact` is what keeps the curve from being the very same; "" where nothing does.
    """
    plane = training.is_plane
    name = "points.npy" if plane else "pictures.zip"
    return {
        "line": f"i2i train gan {'points.npy' if plane else 'pictures'} --config learn.yaml --run runs/learn",
        "config": yaml.safe_dump(training.as_config(), sort_keys=False, default_flow_style=None),
        "file": name,
        "data": base64.b64encode(_points(training) if plane else _pictures(training)).decode(),
        "exact": _why_not(training),
    }


def _why_not(training: Training) -> str:
    steps = ", ".join(str(one["step"]) for one in training.changes)
    if steps:
        return f"Settings were changed at step {steps}: the line trains by the last ones from its start."
    if training.settings["data.augment"]:
        return "Turns are drawn by other numbers there."
    if training.is_plane:  # remove this once its reader of .npy is there, and prove it in tests/learn/test_command.py
        return "i2i train reads folders of pictures; files of points it does not read yet."
    return ""


def _points(training: Training) -> bytes:
    stored = io.BytesIO()
    np.save(stored, training.train["image"].flatten(1).numpy())
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
