"""The settings of super-resolution and restoration, and the rows of them that have a name.

SRGAN: Ledig et al., CVPR 2017, arXiv 1609.04802. ESRGAN: Wang et al., ECCVW 2018, arXiv 1809.00219. Real-ESRGAN: Wang
et al., ICCVW 2021, arXiv 2107.10833.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from ..adversarial.config import GanConfig
from ..degradation import DEGRADATIONS, DegradationConfig
from ..losses.perceptual import PerceptualConfig
from ..networks.config import DiscriminatorConfig
from .config import AdamConfig, DataConfig, MethodOptions, TrainConfig
from .ema import EmaConfig
from .schedules import ScheduleConfig


class SrganData(DataConfig):
    """The data, with the augmentations that leave every pixel as it is."""

    augment: tuple[str, ...] = ("crop", "flip", "rotate90")
    """Names of the augmentations, in order; docs/data.md lists them."""


class SrganOptions(MethodOptions):
    """What the method itself uses of the settings; the defaults are those of everyday."""

    scale: int = Field(4, ge=1, le=4)
    """How much larger the result is: 2, 3 or 4; 1 restores pictures at their own size."""
    pixel: Literal["l1", "charbonnier", "mse"] = "l1"
    """The pixel loss, of pictures in [0, 1]."""
    lambda_pixel: float = Field(1, ge=0, allow_inf_nan=False)
    """Weight of the pixel loss in the adversarial stage."""
    lambda_perceptual: float = Field(1, ge=0, allow_inf_nan=False)
    """Weight of the perceptual loss, there."""
    lambda_gan: float = Field(0.005, ge=0, allow_inf_nan=False)
    """Weight of the generator's adversarial loss, there."""
    lambda_checkerboard: float = Field(25, ge=0, allow_inf_nan=False)
    """Weight of the loss against a regular pattern of the period of the scale, there."""
    optimizer: AdamConfig = AdamConfig(lr=2e-4, beta1=0.9, beta2=0.99)
    gan_lr: float = Field(1e-4, gt=0, allow_inf_nan=False)
    """Learning rate of the adversarial stage."""
    gan: GanConfig = GanConfig(loss="relativistic")
    ema: EmaConfig = EmaConfig(images=10_000)


class SrganConfig(SrganOptions, TrainConfig):
    """All settings of a run of super-resolution."""

    method: str = "srgan"
    data: SrganData
    size: int = Field(128, ge=16)
    """Side of the high-resolution crops, in pixels; at scale 3 the default is 96."""
    batch: int = Field(16, ge=1)
    """Images a step."""
    gan_images: int = Field(0, ge=0)
    """Length of the adversarial stage in images, after the `images` of the pixel stage; 0: there is none."""
    schedule: ScheduleConfig = ScheduleConfig()
    """Learning rate of the pixel stage."""
    gan_schedule: ScheduleConfig = ScheduleConfig(kind="steps", at=(0.125, 0.25, 0.5, 0.75))
    """How the rate of the adversarial stage goes."""
    discriminator: DiscriminatorConfig = DiscriminatorConfig(name="vgg")
    perceptual: PerceptualConfig = PerceptualConfig()
    """The network of the perceptual loss."""
    degradation: DegradationConfig = DegradationConfig()
    """How low-resolution pictures are made of high-resolution ones."""

    @model_validator(mode="before")
    @classmethod
    def _size_for_the_scale(cls, given: dict[str, Any]) -> dict[str, Any]:
        """At scale 3 the usual size is one that 3 divides, and the discriminators' 32."""
        return {"size": 96, **given} if given.get("scale") == 3 else given

    @property
    def total(self) -> int | None:
        """Images of both stages."""
        return None if self.images is None else self.images + self.gan_images

    def free_to_change(self) -> frozenset[str]:
        """While a run has no adversarial stage, one may be added, with all that belongs to it."""
        free = super().free_to_change() | {"gan_images"}
        return free if self.gan_images else free | ADVERSARIAL_STAGE


ADVERSARIAL_STAGE = frozenset(
    {
        *("discriminator", "gan", "gan_lr", "gan_schedule", "perceptual"),
        *("lambda_pixel", "lambda_perceptual", "lambda_gan", "lambda_checkerboard"),
        *("optimizer.lr_d", "optimizer.name_d", "optimizer.beta1_d"),
    }
)
"""Settings that only the adversarial stage looks at."""


FAST: dict[str, Any] = {
    "size": 96,
    "images": 50_000,
    "discriminator": {"width": 32},
    "optimizer": {"lr": 7e-4},
    "ema": {"images": 2000},
}
"""Small networks on small crops, by a high rate."""
LONG: dict[str, Any] = {
    "images": 400_000,
    "generator": {"name": "compact", "blocks": 16},
    "discriminator": {"width": 32},
    "optimizer": {"lr": 5e-4},
}
"""The same networks twice as deep, for an evening."""
RESTORING: dict[str, Any] = {
    "scale": 1,
    "size": 256,
    "batch": 4,
    "images": 3000,
    "optimizer": {"lr": 1e-3},
    "ema": {"images": 300},
}
"""At the pictures' own size, by a U-Net that knows how bright a picture is; so the crops are large."""
UNDOING: dict[str, Any] = {
    "scale": 1,
    "batch": 8,
    "images": 20_000,
    "generator": {"name": "restorer", "norm": "none", "up": "shuffle"},
    "optimizer": {"lr": 1e-3},
    "ema": {"images": 2000},
}
"""Without that knowledge, for damage that leaves brightness alone: large pictures can be cut into tiles."""

PRESETS: dict[str, dict[str, Any]] = {
    "fast": FAST,
    "x2": {**LONG, "scale": 2, "size": 96, "images": 200_000},
    "x3": {**LONG, "scale": 3, "size": 96},
    "x4": {**LONG, "scale": 4},
    "photo": {**LONG, "scale": 4, "gan_images": 30_000, "degradation": DEGRADATIONS["mild"]},
    "paper": {
        "size": 96,
        "images": 16_000_000,
        "gan_images": 3_200_000,
        "generator": {"name": "srresnet"},
        "discriminator": {"name": "srgan"},
        "pixel": "mse",
        "lambda_pixel": 0,
        "lambda_perceptual": 0.006,
        "lambda_gan": 0.001,
        "lambda_checkerboard": 0,
        "optimizer": {"lr": 1e-4, "beta2": 0.999},
        "schedule": {"kind": "constant"},
        "gan_schedule": {"at": [0.5], "by": 0.1},
        "gan": {"loss": "non_saturating"},
        "ema": {"images": 0},
        "perceptual": {"network": "vgg19", "layers": {"relu5_4": 1}, "criterion": "mse"},
    },
    "esrgan": {
        "images": 16_000_000,
        "gan_images": 6_400_000,
        "generator": {"name": "rrdbnet"},
        "lambda_pixel": 0.01,
        "lambda_gan": 0.0025,
        "lambda_checkerboard": 0,
        "schedule": {"periods": 4, "floor": 0.0005},
        "ema": {"images": 11_000},
        "perceptual": {"network": "vgg19"},
    },
    "real": {
        "size": 256,
        "batch": 12,
        "images": 12_000_000,
        "gan_images": 4_800_000,
        "generator": {"name": "rrdbnet"},
        "discriminator": {"name": "unet"},
        "lambda_gan": 0.1,
        "lambda_checkerboard": 0,
        "schedule": {"kind": "constant"},
        "gan_schedule": {"kind": "constant"},
        "gan": {"loss": "non_saturating"},
        "ema": {"images": 8300},
        "perceptual": {
            "network": "vgg19",
            "layers": {"conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1, "conv4_4": 1, "conv5_4": 1},
        },
        "data": {"augment": ["crop", "flip"]},
        "degradation": DEGRADATIONS["real"],
    },
    "restore": RESTORING,
    **{name: {**UNDOING, "degradation": DEGRADATIONS[name]} for name in ("noise", "blur", "jpeg")},
}
"""By name: for a laptop, for an evening, as in the papers, and for one kind of damage each."""
