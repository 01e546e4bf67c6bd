"""Tensors of pictures into arrays for people."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from torch import Tensor


def to_pictures(tensors: Tensor) -> npt.NDArray[np.uint8]:
    """(N, C, H, W) in [-1, 1] -> (N, H, W, 3) uint8: grey is repeated; of many bands the first three are shown."""
    array = tensors.detach().float().cpu().numpy().transpose(0, 2, 3, 1)
    array = array[..., :3] if array.shape[3] >= 3 else np.repeat(array[..., :1], 3, axis=3)
    return np.rint(np.clip((array + 1) * 127.5, 0, 255)).astype(np.uint8)
