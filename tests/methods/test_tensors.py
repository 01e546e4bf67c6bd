"""Validation pictures are translated as an exported file does it: one by one, in fp32, clipped."""

import torch
from torch import nn

from i2i.methods.tensors import each_alone


def test_each_picture_is_translated_alone_in_fp32_and_clipped():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.5)).train()
    pictures = torch.rand(3, 3, 8, 8) * torch.tensor([0.1, 1, 5])[:, None, None, None]
    with torch.autocast("cpu", torch.bfloat16):
        together = each_alone(network, pictures)
    assert together.dtype == torch.float32
    assert not together.requires_grad
    assert float(together.min()) == -1
    assert float(together.max()) == 1
    for picture, output in zip(pictures, together, strict=True):
        assert torch.equal(each_alone(network, picture[None])[0], output)
    assert network.training
    assert float(network[1].running_mean.abs().max()) == 0
