"""The systems of the family as rows of settings: each paper's networks, loss and rates; `…-small` for two cores.

Lengths are the papers' in images, where they say; the small ones are an hour of two cores at most.
"""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def adam(lr: float, beta1: float = 0.5, beta2: float = 0.999, **others: Any) -> Row:
    """A constant rate, as these papers have it."""
    return {"lr": lr, "beta1": beta1, "beta2": beta2, "decay_from": 1.0, **others}


def both(name: str, **options: Any) -> Row:
    """The same network family, with the same options, on both sides."""
    return {"generator": {"name": name, **options}, "discriminator": {"name": name, **options}}


def over(row: Row, **changes: Any) -> Row:
    """A row with some settings changed; of a network or a group, single options."""
    merged = dict(row)
    for key, value in changes.items():
        merged[key] = {**row.get(key, {}), **value} if isinstance(value, dict) else value
    return merged


SMALL: Row = {"size": 32, "batch": 64, "images": 120_000, "ema": {"images": 2_000}}
DCGAN: Row = {**both("dcgan"), "size": 64, "batch": 64, "optimizer": adam(2e-4)}
HINGE: Row = {"discriminator": {"name": "dcgan", "norm": False, "spectral": True}, "gan": {"loss": "hinge"}}
WGAN: Row = over(
    DCGAN,
    optimizer={"name": "rmsprop", "lr": 5e-5},
    gan={"loss": "wasserstein", "weight_clipping": 0.01, "d_steps": 5},
    discriminator={"norm": True},
)
WGAN_GP: Row = {
    "generator": {"name": "resnet", "widths": [128, 128, 128, 128]},
    "discriminator": {"name": "resnet", "widths": [128, 128, 128, 128], "spectral": False, "mean": True, "bias": True},
    "size": 32, "batch": 64, "images": 38_400_000,
    "optimizer": {"lr": 2e-4, "beta1": 0.0, "beta2": 0.9, "decay_from": 0.0},
    "gan": {"loss": "wasserstein", "gradient_penalty": 10.0, "d_steps": 5},
}  # fmt: skip
SNGAN: Row = {
    "generator": {"name": "resnet"}, "discriminator": {"name": "resnet"},
    "size": 32, "batch": 64,
    "optimizer": adam(2e-4, 0.0, 0.9), "gan": {"loss": "hinge", "d_steps": 5},
}  # fmt: skip
SAGAN: Row = {
    "generator": {"name": "resnet", "widths": [1024, 1024, 512, 256, 128, 64], "attention": 256, "spectral": True},
    "discriminator": {
        "name": "resnet", "widths": [64, 128, 256, 512, 1024, 1024], "halved": 5, "attention": 128, "spectral": True,
    },
    "size": 128, "batch": 256, "images": 256_000_000, "conditional": True,
    "optimizer": adam(1e-4, 0.0, 0.9, lr_d=4e-4), "gan": {"loss": "hinge"},
}  # fmt: skip
BIGGAN: Row = {
    "generator": {
        "name": "resnet", "latent": 120, "widths": [1536, 1536, 768, 384, 192, 96], "attention": 192,
        "spectral": True, "shared": 128,
    },
    "discriminator": {
        "name": "resnet", "widths": [96, 192, 384, 768, 1536, 1536], "halved": 5, "attention": 96, "spectral": True,
        "bias": True,
    },
    "size": 128, "batch": 2048, "conditional": True, "fresh_fakes": True, "images": 300_000_000,
    "optimizer": adam(1e-4, 0.0, 0.999, lr_d=4e-4), "gan": {"loss": "hinge"}, "ema": {"images": 14_000_000},
}  # fmt: skip
PROGAN: Row = {
    **both("progan"), "size": 128, "batch": 16, "images": 6_600_000, "fresh_fakes": True,
    "optimizer": adam(1e-3, 0.0, 0.99), "ema": {"images": 11_000},
    "gan": {"loss": "wasserstein", "gradient_penalty": 10.0, "drift": 0.001},
}  # fmt: skip
STYLEGAN2: Row = {
    **both("stylegan2"), "size": 256, "batch": 32, "images": 25_000_000, "fresh_fakes": True,
    "mixing": 0.9, "path_length": 2.0,
    "optimizer": adam(2e-3, 0.0, 0.99), "ema": {"images": 10_000},
    "gan": {
        "r1": 0.4, "penalty_every": 16, "augment": ["bgc"], "ada": True, "ada_target": 0.6,
    },
}  # fmt: skip
LAPGAN: Row = {
    **both("lapgan", sides=[8, 14]), "size": 28, "batch": 128, "images": 10_000_000,
    "optimizer": {"name": "sgd", "lr": 0.02, "beta1": 0.5, "decay_from": 1.0},
}  # fmt: skip
TRANSGAN: Row = {
    **both("transgan"), "size": 32, "batch": 64, "images": 160_000_000,
    "optimizer": adam(1e-4, 0.0, 0.99, weight_decay=0.001, clip=5.0), "ema": {"images": 10_000},
    "gan": {
        "loss": "wasserstein", "gradient_penalty": 10.0, "drift": 0.001, "d_steps": 4,
        "augment": ["colour", "translation", "cutout"],
    },
}  # fmt: skip
R3GAN: Row = {
    **both("r3gan"), "size": 32, "batch": 512, "fresh_fakes": True, "images": 50_000_000,
    "optimizer": adam(5e-5, 0.0, 0.99), "ema": {"images": 5_000_000, "rampup": 1.0},
    "gan": {"loss": "relativistic_pairs", "r1": 0.005, "r2": 0.005, "augment": ["bgc"], "augment_p": 0.55},
    "start": {"share": 0.4, "lr": 4.0, "penalty": 10.0, "augment": 0.0, "ema": 0.0, "beta2": 0.9},
}  # fmt: skip
FASTGAN: Row = {
    **both("fastgan"), "size": 256, "batch": 8, "images": 400_000, "reconstruction": 1.0,
    "optimizer": adam(2e-4), "ema": {"images": 5_500},
    "gan": {"loss": "hinge", "augment": ["colour", "translation"]},
}  # fmt: skip
VOXELS: Row = {**both("voxels"), "size": 64, "batch": 100, "optimizer": adam(2.5e-3, lr_d=1e-5), "d_rests_above": 0.8}
NARROW = {"latent": 128, "style": 128, "layers": 2, "base": 2048, "most": 128}
DCGAN_SMALL: Row = {**DCGAN, **SMALL}
DIGITS: Row = over(
    DCGAN_SMALL,
    generator={"latent": 16, "width": 48}, discriminator={"width": 32, "norm": False},
    batch=32, images=180_000, optimizer=adam(2e-3, 0.0, 0.99, decay_from=0.0),
    gan={"r1": 0.3, "penalty_every": 4},
)  # fmt: skip
"""Ten times the paper's rate, which R1 allows in place of D's batch norm, on fewer channels: a classifier was 0.91 sure
of handwritten digits, and 0.85 with the paper's settings after as many steps or more. Few latent numbers leave few
pictures that are between two digits."""

PRESETS: dict[str, Row] = {
    "points": {
        "generator": {"name": "mlp", "latent": 10, "widths": [64, 32], "activation": "leaky", "bounded": False},
        "discriminator": {"name": "mlp", "widths": [32, 16]}, "size": 1, "batch": 64, "images": 400_000,
        "precision": "fp32", "optimizer": adam(1e-3, 0.0), "ema": {"images": 2_000}, "gan": {"r1": 0.1},
    },
    "vanilla": {
        "generator": {"name": "mlp", "prior": "uniform"}, "discriminator": {"name": "maxout"}, "size": 28, "batch": 100,
        "optimizer": {"name": "sgd", "lr": 0.1, "beta1": 0.5, "decay_from": 0.0}, "images": 15_000_000,
    },
    "vanilla-small": {
        "generator": {"name": "mlp", "widths": [256, 512], "activation": "leaky", "norm": True},
        "discriminator": {"name": "mlp", "dropout": 0.3}, "optimizer": adam(2e-4), **SMALL, "size": 28,
    },
    "teaching-small": {
        "generator": {"name": "mlp", "latent": 64, "widths": [128]},
        "discriminator": {"name": "mlp", "widths": [128], "activation": "relu"}, "size": 28, "batch": 32,
        "images": 600_000, "optimizer": adam(2e-4, 0.9),
    },
    "conditional": {
        **both("conditional_mlp"), "size": 28, "batch": 100, "conditional": True, "images": 15_000_000,
        "optimizer": {"name": "sgd", "lr": 0.1, "beta1": 0.5, "decay_from": 0.0},
    },
    "conditional-small": {**DIGITS, "conditional": True},
    "dcgan": {**DCGAN, "images": 5_000_000},
    "dcgan-small": DIGITS,
    "lsgan": {**DCGAN, "gan": {"loss": "least_squares"}, "images": 5_000_000},
    "lsgan-small": {**DCGAN_SMALL, "gan": {"loss": "least_squares"}},
    "wgan": {**WGAN, "images": 10_000_000},
    "wgan-small": {**WGAN, **SMALL, "images": 240_000},
    "wgan-gp": WGAN_GP,
    "wgan-gp-small": {
        **DCGAN, **SMALL, "discriminator": {"name": "dcgan", "norm": False}, "images": 240_000,
        "optimizer": adam(1e-4, 0.5, 0.9), "gan": {"loss": "wasserstein", "gradient_penalty": 10.0, "d_steps": 5},
    },
    "wgan-gp-digits": {
        **both("wgan_gp"), "size": 28, "batch": 50, "images": 60_000_000, "optimizer": adam(1e-4, 0.5, 0.9),
        "gan": {"loss": "wasserstein", "gradient_penalty": 10.0, "d_steps": 5},
    },
    "hinge": {**DCGAN, **HINGE, "images": 5_000_000},
    "hinge-small": {**DCGAN_SMALL, **HINGE},
    "relativistic": {**DCGAN, "gan": {"loss": "relativistic"}, "images": 5_000_000},
    "relativistic-small": {**DCGAN_SMALL, "gan": {"loss": "relativistic"}},
    "sngan": {**SNGAN, "images": 38_400_000},
    "sngan-small": {
        **SNGAN, **SMALL, "generator": {"name": "resnet", "widths": [64, 64, 64, 64]},
        "discriminator": {"name": "resnet", "widths": [64, 64, 64, 64]}, "gan": {"loss": "hinge", "d_steps": 2},
    },
    "sagan": SAGAN,
    "sagan-small": {
        **DCGAN, **SMALL, "generator": {"name": "dcgan", "attention": 128, "spectral": True},
        "discriminator": {"name": "dcgan", "attention": 128, "spectral": True, "norm": False},
        "optimizer": adam(1e-4, 0.0, 0.9, lr_d=4e-4), "gan": {"loss": "hinge"},
    },
    "biggan": BIGGAN,
    "biggan-small": {
        **BIGGAN, **SMALL, "generator": {
            "name": "resnet", "latent": 80, "widths": [64, 64, 64, 64], "spectral": True, "shared": 32,
        },
        "discriminator": {"name": "resnet", "widths": [64, 64, 64, 64]}, "optimizer": adam(2e-4, 0.0, 0.999),
    },
    "progan": PROGAN,
    "progan-small": {
        **PROGAN, **SMALL, "generator": {"name": "progan", "latent": 128, "base": 1024, "most": 128},
        "discriminator": {"name": "progan", "base": 1024, "most": 128}, "batch": 32,
    },
    "stylegan2": STYLEGAN2,
    "stylegan2-small": {
        **STYLEGAN2, **SMALL, "generator": {"name": "stylegan2", **NARROW}, "optimizer": adam(2.5e-3, 0.0, 0.99),
        "discriminator": {"name": "stylegan2", "base": 2048, "most": 128, "residual": False}, "batch": 16,
        # As its authors' settings for 32 pixels have it, without mixing and path length. Of few steps R1 is what keeps
        # shapes apart: 1 gave one shape in many colours, 0.05 one alone.
        "mixing": 0.0, "path_length": 0.0, "images": 150_000,
        "gan": {**STYLEGAN2["gan"], "r1": 10.0, "penalty_every": 4},
    },
    "lapgan": LAPGAN,
    "lapgan-small": {
        **SMALL, "generator": {"name": "lapgan", "widths": [256, 512], "norm": True, "width": 32},
        "discriminator": {"name": "lapgan", "widths": [512, 256], "width": 32}, "optimizer": adam(2e-4), "batch": 32,
    },
    "transgan": TRANSGAN,
    "transgan-small": {
        **TRANSGAN, **SMALL, "generator": {"name": "transgan", "width": 256, "depths": [2, 2, 2], "latent": 64},
        "discriminator": {"name": "transgan", "width": 96, "depth": 2}, "batch": 16, "images": 30_000,
        # An hour has a thousand or two updates of G: WGAN-GP with two updates of D each made squares of its patches.
        "optimizer": {**TRANSGAN["optimizer"], "lr": 5e-4}, "gan": {"r1": 1.0, "penalty_every": 4},
    },
    "r3gan": R3GAN,
    "r3gan-small": {
        **R3GAN, **SMALL, **both("r3gan", widths=[192, 128, 64, 32]), "batch": 16, "images": 70_000,
        "optimizer": adam(1e-3, 0.0, 0.99), "start": {},
        "gan": {"loss": "relativistic_pairs", "r1": 1.0, "r2": 1.0},
    },
    "fastgan": FASTGAN,
    "fastgan-small": {**FASTGAN, **both("fastgan", width=16), "size": 64, "images": 40_000, "ema": {"images": 2_000}},
    "3dgan": {**VOXELS, "images": 2_500_000},
    "3dgan-small": {
        "generator": {"name": "voxels", "width": 32}, "discriminator": {"name": "voxels", "width": 32, "norm": False},
        "size": 32, "batch": 32, "images": 24_000, "optimizer": adam(5e-4), "ema": {"images": 2_000},
        "gan": {"r1": 1.0},
    },
}  # fmt: skip
"""What `--preset` may name."""
