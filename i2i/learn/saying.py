"""A training of the page as a command line and files, for the same curve elsewhere."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import yaml

from .training import Training


def as_command(training: Training) -> dict[str, Any]:
    """The line, the configuration as YAML, and the samples as a `.npy` file in base64: (N, 2), or (N, C, H, W)."""
    stored = io.BytesIO()
    data = training.train.flatten(1) if training.is_plane else training.train
    np.save(stored, data.numpy())
    name = "points.npy" if training.is_plane else "pictures.npy"
    return {
        "line": f"i2i train gan {name} --config learn.yaml --run runs/learn",
        "config": yaml.safe_dump(training.as_config(), sort_keys=False, default_flow_style=None),
        "data": name,
        "npy": base64.b64encode(stored.getvalue()).decode(),
        "changed": training.changes,
    }
