"""GANs from noise with networks that train in no time, by family, and the small presets; for the tests of their steps."""

from __future__ import annotations

import torch

from i2i.methods import METHODS
from i2i.settings import resolve

GAN = METHODS["gan"]
CLASSES = tuple("0123456789")
TINY = {
    "mlp": ("mlp", {"widths": [8], "latent": 4}, {"widths": [8]}, {}),
    "mlp against maxout": ("mlp", {"widths": [8], "norm": True}, {"name": "maxout", "units": 4, "pieces": 2}, {}),
    "conditional_mlp": ("conditional_mlp", {"widths": [4, 4, 8]}, {}, {"conditional": True}),
    "dcgan": ("dcgan", {"width": 4}, {"width": 4}, {}),
    "dcgan by class": ("dcgan", {"width": 4, "up": "shuffle"}, {"width": 4}, {"conditional": True}),
    "dcgan that sees its batch": (
        "dcgan",
        {"width": 4, "up": "resize"},
        {"width": 4},
        {"minibatch_std": True, "minibatch_kernels": 3},
    ),
    "dcgan with attention": (
        *("dcgan", {"width": 4, "attention": 8, "spectral": True}),
        *({"width": 4, "attention": 8, "spectral": True, "norm": False}, {"gan": {"loss": "hinge"}}),
    ),
    "resnet": ("resnet", {"widths": [4, 4, 4]}, {"widths": [4, 4, 4, 4]}, {"gan": {"loss": "hinge"}}),
    "resnet, shared": (
        *("resnet", {"widths": [4, 4, 4], "latent": 9, "shared": 4, "spectral": True}),
        *({"widths": [4, 4]}, {"conditional": True, "gan": {"loss": "hinge"}}),
    ),
    "progan": ("progan", {"base": 64, "most": 16, "latent": 8}, {"base": 64, "most": 8}, {"gan": {"drift": 0.001}}),
    "stylegan2": (
        *("stylegan2", {"base": 16, "most": 4, "latent": 4, "style": 4, "layers": 1}, {"base": 16, "most": 4}),
        {"mixing": 0.9, "path_length": 2.0, "gan": {"r1": 1.0, "penalty_every": 2}, "fresh_fakes": True},
    ),
    "transgan": (
        *("transgan", {"width": 64, "depths": [1, 1], "latent": 4}, {"width": 32, "depth": 1}),
        {"gan": {"loss": "wasserstein", "gradient_penalty": 10}},
    ),
    "r3gan": (
        *("r3gan", {"widths": [8, 8, 8], "latent": 4, "group": 4}, {"widths": [8, 8, 8], "group": 4}),
        {"gan": {"loss": "relativistic_pairs", "r1": 0.1, "r2": 0.1}},
    ),
    "lapgan": (
        *("lapgan", {"widths": [8], "width": 4, "latent": 4}, {"widths": [8], "width": 4}),
        {"conditional": True, "fresh_fakes": True, "gan": {"r1": 0.1, "augment": ["colour"]}},
    ),
    "fastgan": (
        *("fastgan", {"width": 2, "latent": 4, "light": False}, {"width": 8}),
        {"reconstruction": 1.0, "gan": {"loss": "hinge"}},
    ),
}
"""Name, options of generator and discriminator, and what else is set, of nets that train in no time."""


OF_ONE_SIZE = {
    "wgan_gp": ("wgan_gp", {"width": 2, "latent": 4}, {"width": 2}, {"size": 28}),
    "stacked": ("stacked", {"latent": 4}, {"width": 2}, {"size": 28}),
    "voxels": (
        "voxels",
        {"width": 2, "latent": 4},
        {"width": 2},
        {"data": {"path": "noise", "channels": {"image": 1}}},
    ),
}
"""The same of networks that make no pictures of 16 pixels."""


def settings(row):
    name, generator, discriminator, others = (TINY | OF_ONE_SIZE)[row]
    domains = {"data": {"path": "noise", "domains": ["one", "two"]}} if others.get("conditional") else {}
    return {
        "size": 16,
        "batch": 4,
        "generator": {"width": None, "name": name, **generator},
        "discriminator": {"width": None, "name": name, **discriminator},
        **domains,
        **others,
    }


SMALL = {name: row for name, row in GAN.PRESETS.items() if name.endswith("-small")}


def small_config(preset, **given):
    """The preset for ten classes in colour, and the shape of its pictures or volumes."""
    channels, sides = (1, 3) if preset.startswith("3dgan") else (3, 2)
    data = {"path": "x", "domains": CLASSES, "channels": {"image": channels}}
    config = GAN.complete_config(
        resolve(GAN.Config, [GAN.PRESETS[preset], given, {"data": data, "images": 1000}]), 1000
    )
    return config, (channels, *[config.size] * sides)


def leave_iterations_out(monkeypatch):
    """On the "meta" device, where nothing has values, leave out what iterates over large matrices.

    Each step of the power method, and of a QR decomposition, is worked out in Python there: half a minute for BigGAN.
    """
    monkeypatch.setattr(torch.nn.utils.parametrizations._SpectralNorm, "_power_method", lambda *_: None)
    monkeypatch.setattr(torch.nn.init, "orthogonal_", lambda weight: weight)
