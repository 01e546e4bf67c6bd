"""Tensors of pictures: translated one by one as they are served, and turned into arrays for people."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..networks import for_inference


@torch.no_grad()
def each_alone(network: nn.Module, pictures: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C', H', W'): each picture through `network` by itself, as an exported file computes it.

    In fp32 whatever the run's precision, without dropout and batch statistics, clipped to [-1, 1] as a file is
    written: so that a validation figure does not depend on the other pictures, the precision or the batch.
    """
    served = for_inference(network)
    with torch.autocast(pictures.device.type, enabled=False):
        return torch.cat([served(picture[None].float()).clamp(-1, 1) for picture in pictures])


def to_floats(tensors: Tensor) -> npt.NDArray[np.float32]:
    """(N, C, H, W) in [-1, 1] -> (N, H, W, C) float32 in [0, 1]: all channels as they are, for figures."""
    array: npt.NDArray[np.float32] = ((tensors.detach().float() + 1) / 2).cpu().numpy()
    return array.transpose(0, 2, 3, 1)


def to_pictures(tensors: Tensor) -> npt.NDArray[np.uint8]:
    """(N, C, H, W) in [-1, 1] -> (N, H, W, 3) uint8: grey is repeated; of many bands the first three are shown."""
    array = tensors.detach().float().cpu().numpy().transpose(0, 2, 3, 1)
    array = array[..., :3] if array.shape[3] >= 3 else np.repeat(array[..., :1], 3, axis=3)
    return np.rint(np.clip((array + 1) * 127.5, 0, 255)).astype(np.uint8)
