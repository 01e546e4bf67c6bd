"""The configuration of a training run: strict, typed, complete, and written into the run directory.

Layers from weak to strong: the method's defaults, a preset, `--config FILE`, the flags, `--set key.path=value`.
A method adds its own fields by a subclass of `TrainConfig` beside its code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import ConfigError, did_you_mean


class Strict(BaseModel):
    """A frozen model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class DataConfig(Strict):
    """Where the pictures are and how they become samples."""

    path: str
    """Folder of training pictures."""
    a: str | None = None
    """Name of the folder of side A, where more than two could be meant; or of left halves, or of `trainA`'s domain."""
    b: str | None = None
    """The same for side B."""
    skip_broken: bool = False
    """Leave out files that cannot be read, instead of refusing to start."""
    augment: tuple[str, ...] = ("jitter", "flip")
    """Names of the augmentations, in order; docs/data.md lists them."""
    interpolation: str = "bicubic"
    """How pictures are resized: `bicubic`, `bilinear`, or `nearest`, which keeps label maps pure."""
    squash: bool = False
    """Make pictures square by squeezing them, as the papers' code does, instead of cropping their long side."""
    cache_mb: int = Field(2048, ge=0)
    """Memory for decoded pictures, in MiB; when they do not all fit, they are decoded anew each time."""
    holdout: float = Field(0.05, ge=0, lt=1)
    """Share of `train` kept for validation where there is no such folder; at most 16 pairs, or of each domain."""
    channels_a: int | None = Field(None, ge=1)
    """Channels that side A is read with: 1 grey, 3 RGB, else the bands of a TIFF; found by the scan."""
    channels_b: int | None = Field(None, ge=1)
    """The same for side B."""


class GeneratorConfig(Strict):
    """The generator by name, and what is not to be as the network has it."""

    name: str = "auto"
    """A name of GENERATORS; `auto` takes the method's own: a U-Net or ResNet that suits the size."""
    width: int | None = Field(None, ge=1)
    """Channels of the first layer (64); deeper layers have multiples of it."""
    norm: str | None = None
    """`picture`, `batch`, `population`, `instance` or `none`."""
    dropout: float | None = Field(None, ge=0, lt=1)
    """Probability of dropout, where the network has it; off in exported files."""
    up: str | None = None
    """How the sides are doubled: `transposed`, `resize`, `shuffle` or `bilinear`."""
    blocks: int | None = Field(None, ge=1)
    """Residual blocks, or layers of `compact`."""
    skip: str | None = None
    """How the input is enlarged that is added to the output: `nearest`, `bilinear` or `bicubic`."""


class DiscriminatorConfig(Strict):
    """The discriminator by name, and what is not to be as the network has it."""

    name: str = "patch"
    """A name of DISCRIMINATORS."""
    layers: int | None = Field(None, ge=1, le=6)
    """Layers of the patch discriminator (3: 70 pixels a patch)."""
    width: int | None = Field(None, ge=1)
    """Channels of the first layer (64)."""
    norm: str | None = None
    """`picture`, `batch`, `population`, `instance` or `none`."""
    spectral: bool | None = None
    """Spectral normalisation of every convolution (Miyato et al., 2018)."""
    minibatch_std: bool | None = None
    """Show the last layer how much the pictures of a batch differ (Karras et al., 2018, section 3)."""


class GanConfig(Strict):
    """The contest of generator and discriminator D: its loss, and the remedies for one that goes wrong."""

    loss: str = "non_saturating"
    """A name of ADVERSARIAL."""
    label_smoothing: float = Field(0, ge=0, lt=1)
    """How far below 1 the target of real pictures lies; 0.1 is usual (Salimans et al., 2016, section 3.4)."""
    instance_noise: float = Field(0, ge=0, allow_inf_nan=False)
    """Standard deviation of noise on all that D sees, in [-1, 1]; falls linearly to 0 at the end of the run."""
    gradient_penalty: float = Field(0, ge=0, allow_inf_nan=False)
    """Weight of the penalty that holds D's slope at 1 between real and made pictures; 10 is usual (WGAN-GP)."""
    r1: float = Field(0, ge=0, allow_inf_nan=False)
    """Weight gamma of the penalty gamma/2 · slope² on D at real pictures (Mescheder et al., 2018)."""
    feature_matching: float = Field(0, ge=0, allow_inf_nan=False)
    """Weight of the gap between D's mean features of real and made pictures, in the generator's loss."""
    augment: tuple[str, ...] = ()
    """Differentiable changes to all that D sees, real and made: `colour`, `translation`, `cutout`."""
    augment_p: float = Field(1, ge=0, le=1)
    """Probability of each of these changes, for each picture; with `ada` it is found while training."""
    ada: bool = False
    """Adapt the probability of the changes to how far D overfits (Karras et al., 2020)."""
    ada_target: float = Field(0.6, ge=0, le=1)
    """Share by which D's verdicts on real pictures may lean to real before the probability rises."""
    ada_images: int = Field(500_000, ge=1)
    """Images in which the probability can go from 0 to 1."""
    d_steps: int = Field(1, ge=1)
    """Updates of D in a turn, each on a batch of its own; with 1 and 1 both use the same batch."""
    g_steps: int = Field(1, ge=1)
    """Updates of the generator in a turn."""
    pool: int = Field(0, ge=0)
    """Made pictures kept to show D again, one for a new one half of the time (Shrivastava et al., 2017); 0: none."""


class EmaConfig(Strict):
    """A running average of the generator's weights, which is then what is shown and exported."""

    images: int = Field(0, ge=0)
    """Images after which a weight counts half; 0 keeps no average, 10000 is usual."""
    rampup: float = Field(0.05, ge=0, allow_inf_nan=False)
    """Early on the half-life is at most this share of the images seen, so that the start is soon forgotten."""


class PerceptualConfig(Strict):
    """The network whose features the perceptual loss compares."""

    network: Literal["auto", "vgg19", "squeezenet", "none"] = "auto"
    """`vgg19`, `squeezenet` or `none`; `auto` takes the first whose weights are at hand, and never downloads."""
    weights: str | None = None
    """File of its weights; else torch's cache, and for a network that is named a download of torchvision's own."""
    layers: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}
    """Weight of each layer by name, as `conv5_4`; empty: the network's own choice."""
    gap: Literal["l1", "mse"] = "l1"
    """What is taken of the difference of two maps: its mean size (ESRGAN) or its mean square (SRGAN)."""


class AdamConfig(Strict):
    """Adam and its schedule: constant, then linear to zero."""

    lr: float = Field(2e-4, gt=0, allow_inf_nan=False)
    """Learning rate."""
    lr_d: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Another one for the discriminators (two time scales: Heusel et al., 2017)."""
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
    rows: int = Field(4, ge=1, le=16)
    """Validation pictures in the grid."""


class TrainConfig(Strict):
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
    """Images a step."""
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
    optimizer: AdamConfig = AdamConfig()
    gan: GanConfig = GanConfig()
    ema: EmaConfig = EmaConfig()
    log: LogConfig = LogConfig()

    @property
    def total(self) -> int | None:
        """Length of the whole run in images; None while it is not decided."""
        return self.images

    def free_to_change(self) -> frozenset[str]:
        """What may differ in the configuration that this run is resumed with: settings, or groups of them."""
        return FREE_TO_CHANGE


C = TypeVar("C", bound=TrainConfig)

FREE_TO_CHANGE = frozenset(
    {
        *("images", "epochs", "device", "precision", "workers", "licence", "log"),
        *("data.path", "data.cache_mb", "perceptual.weights"),
    }
)
"""What may differ when a run of any method is resumed."""


def resolve(model: type[C], layers: Iterable[Mapping[str, Any]]) -> C:
    """The layers, weakest first, as one checked configuration; raises ConfigError in words."""
    # a group that a layer names in part keeps what the model's own default says of the rest
    merged = {k: f.default.model_dump() for k, f in model.model_fields.items() if isinstance(f.default, BaseModel)}
    for layer in layers:
        merged = merge(merged, layer)
    try:
        return model.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(" ".join(_in_words(model, e) for e in error.errors())) from error


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over` put on top, mapping by mapping."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """`["generator.width=32"]` as `{"generator": {"width": 32}}`; values are YAML."""
    parsed: dict[str, Any] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path:
            raise ConfigError(f"--set {assignment!r} must have the form key.path=value, as in generator.width=32.")
        try:
            value = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError) as error:
            raise ConfigError(f"--set {path}: {text!r} is not a value ({error}).") from error
        for key in reversed(path.split(".")):
            value = {key: value}
        parsed = merge(parsed, value)
    return parsed


def read_yaml(path: Path) -> dict[str, Any]:
    """A configuration file as a mapping; raises ConfigError when it is none."""
    try:
        value = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read as YAML ({error}).") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path} must hold a mapping of settings, like a run's config.yaml.")
    return value


def to_yaml(config: BaseModel) -> str:
    """The complete configuration, in the order of its fields."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def differences(old: TrainConfig, new: TrainConfig, stated: Mapping[str, Any] | None = None) -> list[str]:
    """What keeps a run from being resumed with `new`: one phrase for each setting.

    `stated` is what the run's file says: a setting that it lacks came with a later version, and kept its meaning.
    """
    before, after = _flat(old.model_dump(mode="json")), _flat(new.model_dump(mode="json"))
    free = old.free_to_change()
    known = before.keys() if stated is None else _flat(stated).keys()
    return [
        f"{key} was {before.get(key)!r} and would be {after.get(key)!r}"
        for key in sorted(before.keys() | after.keys())
        if (key in known or key not in before)
        and before.get(key) != after.get(key)
        and not {key, key.partition(".")[0]} & free
    ]


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in mapping.items():
        flat.update(_flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value})
    return flat


def _in_words(model: type[BaseModel], error: Any) -> str:
    """One complaint of pydantic as a sentence with the key's full path."""
    path = [str(part) for part in error["loc"]]
    key = ".".join(path)
    if error["type"] == "extra_forbidden":
        known = _keys(model, path[:-1])
        return f"There is no setting called {key!r}.{did_you_mean(path[-1], known)} Known here: {', '.join(known)}."
    if error["type"] == "missing":
        return f"The setting {key!r} is missing."
    if error["type"] == "tuple_type" and isinstance(error["input"], str):
        return f"The setting {key} is a list: {key}=[{error['input']}]."
    return f"The setting {key} cannot be {error['input']!r}: {error['msg'][0].lower()}{error['msg'][1:]}."


def _keys(model: type[BaseModel], path: list[str]) -> list[str]:
    for part in path:
        inner = model.model_fields[part].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return sorted(model.model_fields)
