"""The settings that every method has: where the pictures are, how long, how often it is logged."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from ..adversarial.config import GanConfig
from ..networks.config import DiscriminatorConfig, GeneratorConfig
from ..settings import Strict
from .ema import EmaConfig
from .schedules import StartConfig


class DataConfig(Strict):
    """Where the pictures are and how they become samples."""

    path: str
    """Folder of training pictures."""
    a: str | None = None
    """Name of the folder of side A, where more than two could be meant; or of left halves, or of `trainA`'s domain."""
    b: str | None = None
    """The same for side B."""
    domains: tuple[str, ...] | None = None
    """Names of the folders of domains or classes, in the order of their labels; of two sides `a` and `b` do."""
    skip_broken: bool = False
    """Leave out files that cannot be read, instead of refusing to start."""
    augment: tuple[str, ...] = ("jitter", "flip")
    """Names of the augmentations, in order; docs/data.md lists them."""
    interpolation: str = "bicubic"
    """How pictures are resized: `bicubic`, `bilinear`, or `nearest`, which keeps label maps pure."""
    stretch: bool = False
    """Make pictures square, as the papers' code does, instead of cropping their long side."""
    cache_mb: int = Field(2048, ge=0)
    """Memory for decoded pictures, in MiB; when they do not all fit, they are decoded anew each time."""
    holdout: float = Field(0.05, ge=0, lt=1)
    """Share of `train` kept for validation where there is no such folder; at most 16 pairs, or of each domain."""
    channels: dict[str, Annotated[int, Field(ge=1)]] = Field({})
    """Channels that pictures are read with, `a` and `b` of two sides, else `image`: 1 grey, 3 RGB, else the bands of a
    TIFF; found by the scan."""

    @field_validator("channels", mode="before")
    @classmethod
    def _without_none(cls, channels: Any) -> Any:
        return {k: v for k, v in channels.items() if v is not None} if isinstance(channels, dict) else channels

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.domains is not None and (self.a, self.b) != (None, None):
            raise ValueError("domains and a and b say the same; give either")
        return self

    @property
    def names(self) -> tuple[str | None, ...]:
        """What the domains are called, or their folders, as far as that was said."""
        return self.domains or (self.a, self.b)

    def channels_of(self, *keys: str) -> tuple[int, ...]:
        """Channels of the pictures with these keys; RGB before a scan has found them."""
        return tuple(self.channels.get(key, 3) for key in keys)


class AdamConfig(Strict):
    """The optimizer and its schedule: constant, then linear to zero."""

    name: Literal["adam", "rmsprop", "sgd"] = "adam"
    """`adam`; `rmsprop`, as WGAN has it; or `sgd`, whose momentum is `beta1`."""

    lr: float = Field(2e-4, gt=0, allow_inf_nan=False)
    """Learning rate."""
    lr_d: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Another one for the discriminators (two time scales: Heusel et al., 2017)."""
    name_d: Literal["adam", "rmsprop", "sgd"] | None = None
    """Another optimizer for the discriminators."""
    beta1_d: float | None = Field(None, ge=0, lt=1)
    """Another `beta1` for the discriminators."""
    weight_decay: float = Field(0, ge=0, allow_inf_nan=False)
    """L2 penalty on all weights, as Adam has it."""
    clip: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Longest gradient of a step, over all weights of an optimizer; longer ones are shortened to it."""
    beta1: float = Field(0.5, ge=0, lt=1)
    """Decay of the first moment."""
    beta2: float = Field(0.999, ge=0, lt=1)
    """Decay of the second moment."""
    decay_from: float = Field(0.5, ge=0, le=1)
    """Share of the run after which the rate falls linearly to zero; 1 keeps it constant."""

    def of_discriminators(self) -> AdamConfig:
        """The same with what the discriminators have of their own in its place."""
        own = {"lr": self.lr_d, "name": self.name_d, "beta1": self.beta1_d}
        return self.model_copy(update={name: value for name, value in own.items() if value is not None})


class LogConfig(Strict):
    """How often a run writes, counted in images; None chooses by the length of the run."""

    every: int | None = Field(None, ge=1)
    """Images between lines of log.jsonl."""
    samples: int | None = Field(None, ge=1)
    """Images between sample grids, which also measure the validation error."""
    checkpoint: int | None = Field(None, ge=1)
    """Images between checkpoints."""
    checkpoint_minutes: float = Field(5, gt=0)
    """A checkpoint also after this long without one."""
    keep: int = Field(2, ge=1)
    """Newest checkpoints that are kept; the best generator is kept besides."""
    best: str | None = None
    """The validation figure that the best is kept by, as `val_psnr_y`; None is the method's own."""
    rows: int = Field(4, ge=1, le=16)
    """Validation pictures in the grid."""
    trackers: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = ("tensorboard",)
    """Where the run is told to besides, one or several; docs/training/tracking.md says what each needs."""

    @field_validator("trackers", mode="before")
    @classmethod
    def _one_or_several(cls, trackers: Any) -> Any:
        return [name.strip() for name in trackers.split(",")] if isinstance(trackers, str) else trackers


class SpeedConfig(Strict):
    """How the steps are computed, which changes no result."""

    graphs: bool = True
    """Replay the steps as CUDA graphs, on such a device and where the settings allow it."""


class MethodOptions(Strict):
    """What every method's networks are trained with."""

    optimizer: AdamConfig = AdamConfig()
    gan: GanConfig = GanConfig()
    ema: EmaConfig = EmaConfig()
    start: StartConfig = StartConfig()


class TrainConfig(MethodOptions):
    """What every method has. A run is counted in images: source pictures shown."""

    method: str
    """A name of METHODS."""
    data: DataConfig
    direction: Literal["a2b", "b2a"] = "a2b"
    """Which side of a pair is the input."""
    size: int = Field(256, ge=16)
    """Side of the square training crops, in pixels."""
    images: int | None = Field(None, ge=1)
    """Length of the run in images shown; by default `epochs` times the training pictures."""
    epochs: float = Field(200, gt=0, allow_inf_nan=False)
    """Length of the run in passes over the pictures, where `images` is not given."""
    batch: int = Field(1, ge=1)
    """Images a step, over all processes."""
    accumulate: int = Field(1, ge=1)
    """Passes that a step is computed in, each of batch / accumulate images: less memory, the same step."""
    seed: int = Field(0, ge=0, lt=2**63)
    """Of initialisation, order, augmentation and dropout."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or `cuda:N`."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Arithmetic of the networks; `auto` is bf16 where the hardware has it. Weights stay fp32."""
    workers: int | None = Field(None, ge=0)
    """Processes that prepare samples; by default 0 on a CPU, else up to 8."""
    licence: str = "unspecified"
    """Licence of the trained model, for its card: an SPDX name or a sentence."""
    generator: GeneratorConfig = GeneratorConfig()
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    log: LogConfig = LogConfig()
    speed: SpeedConfig = SpeedConfig()

    def with_network_defaults(self) -> Self:
        """With every option of the networks that are named: a run's file may be older than some of them."""
        known = {"generator": self.generator, "discriminator": self.discriminator}
        return self.model_copy(update={key: one.complete() for key, one in known.items() if one.name in one.table})

    def channels(self) -> tuple[int, int]:
        """Channels of what goes into a translator of pairs and of what comes out, in the run's direction."""
        of_a, of_b = self.data.channels_of("a", "b")
        return (of_a, of_b) if self.direction == "a2b" else (of_b, of_a)

    @property
    def crop(self) -> int | tuple[int, int]:
        """Side of the training crops, or height and width where they differ."""
        return self.size

    @property
    def total(self) -> int | None:
        """Length of the whole run in images; None while it is not decided."""
        return self.images

    @property
    def seen_at_once(self) -> int:
        """Pictures that a discriminator sees as one: a batch, each pass of it and the whole run are multiples of it."""
        return 1

    def free_to_change(self) -> frozenset[str]:
        """What may differ in the configuration that this run is resumed with: settings, or groups of them."""
        return FREE_TO_CHANGE


FREE_TO_CHANGE = frozenset(
    {
        *("images", "epochs", "accumulate", "device", "precision", "workers", "licence", "log", "speed"),
        *("data.path", "data.cache_mb", "perceptual.weights"),
    }
)
"""What may differ when a run of any method is resumed."""
