"""Which settings of adversarial training exclude each other: each combination with its reason and the way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..errors import ConfigError, require
from ..networks.config import NetworkConfig
from .config import GanConfig
from .diff_augment import AUGMENTATIONS
from .losses import ADVERSARIAL


class _Asked(NamedTuple):
    """What the rules look at."""

    gan: GanConfig
    discriminator: NetworkConfig
    batch: int


MIXING = ("batch_as_instance", "batch_running")
"""Norms by which the pictures of a batch influence each other in training."""


def _penalty(gan: GanConfig) -> str:
    """The first that is asked for, or nothing."""
    return next((f"gan.{name}" for name in ("gradient_penalty", "r1", "r2") if getattr(gan, name)), "")


def _bounds(gan: GanConfig) -> bool:
    return gan.gradient_penalty > 0 or gan.weight_clipping > 0


def _held(discriminator: NetworkConfig) -> bool:
    """Whether spectral normalisation bounds D: of every layer, with no learned scale behind it."""
    ends_free = getattr(discriminator.table[discriminator.name], "ends_free", False)
    options = discriminator.options
    return bool(options.get("spectral")) and not ends_free and options.get("norm") in (None, False, "none", "instance")


RULES: tuple[tuple[Callable[[_Asked], bool], Callable[[_Asked], str]], ...] = (
    (
        lambda q: q.gan.label_smoothing > 0 and not ADVERSARIAL[q.gan.loss].smoothable,
        lambda q: (
            f"gan.label_smoothing lowers the target of real pictures, and the {q.gan.loss} loss has no target. "
            "Leave it out, or use --set gan.loss=non_saturating or least_squares."
        ),
    ),
    (
        lambda q: bool(_penalty(q.gan)) and q.discriminator.options.get("norm") in (*MIXING, True),
        lambda q: (
            f"{_penalty(q.gan)} is on the gradient at each picture, and the norm "
            f"{q.discriminator.options['norm']} mixes the pictures of a batch. "
            "Use --set discriminator.norm=instance_affine (or instance, or none)."
            if q.discriminator.options["norm"] in MIXING
            else f"{_penalty(q.gan)} is on the gradient at each picture, and batch norm mixes the pictures of a batch. "
            "Use --set discriminator.norm=false."
        ),
    ),
    (
        lambda q: q.gan.gradient_penalty > 0 and (q.gan.r1 > 0 or q.gan.r2 > 0),
        lambda q: (
            f"gan.gradient_penalty pulls the norm of D's gradient to 1 and gan.{'r1' if q.gan.r1 else 'r2'} pulls it "
            "to 0. Use one of them."
        ),
    ),
    (
        lambda q: not (ADVERSARIAL[q.gan.loss].bounded or _bounds(q.gan) or _held(q.discriminator)),
        lambda q: (
            f"The {q.gan.loss} loss is unbounded unless D's gradient is. Add --set gan.gradient_penalty=10 or, for "
            "a D other than 'unet', of which it leaves two layers out, --set discriminator.spectral=true with a norm "
            "that learns no scale: --set discriminator.norm=instance (or none)."
        ),
    ),
    (
        lambda q: bool(q.discriminator.options.get("minibatch_std")) and q.batch < 2,
        lambda _: (
            "discriminator.minibatch_std shows how much the pictures of a batch differ, and a batch of one does not. "
            "Use --batch 4."
        ),
    ),
    (
        lambda q: q.gan.d_steps > 1 and q.gan.g_steps > 1,
        lambda q: (
            f"gan.d_steps={q.gan.d_steps} and gan.g_steps={q.gan.g_steps} give both networks more updates; one of them "
            "must be 1."
        ),
    ),
    (
        lambda q: q.gan.weight_clipping > 0 and bool(q.discriminator.options.get("spectral")),
        lambda _: (
            "gan.weight_clipping and discriminator.spectral both bound D's weights, each by another measure. Use one "
            "of them."
        ),
    ),
    (
        lambda q: q.gan.ada and not q.gan.augment,
        lambda _: (
            "gan.ada adapts how often pictures are augmented, and gan.augment names no augmentation. "
            "Add --set gan.augment=[colour,translation,cutout]."
        ),
    ),
    (
        lambda q: q.gan.ada and ADVERSARIAL[q.gan.loss].threshold is None,
        lambda q: (
            f"gan.ada counts how often D says real, and with the {q.gan.loss} loss a single output of D has no sign. "
            "Leave it out (gan.augment alone works), or use --set gan.loss=non_saturating."
        ),
    ),
)


def check_compatible(gan: GanConfig, discriminator: NetworkConfig, batch: int) -> None:
    """Raises ConfigError with the reason for a combination that cannot work, UnknownNameError for an unknown name.

    `discriminator` has its defaults filled in (`complete`); `batch` is images a step.
    """
    require("adversarial loss", gan.loss, ADVERSARIAL)
    for name in gan.augment:
        require("differentiable augmentation", name, AUGMENTATIONS)
    asked = _Asked(gan, discriminator, batch)
    for applies, reason in RULES:
        if applies(asked):
            raise ConfigError(reason(asked))
