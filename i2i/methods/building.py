"""What methods are built from: networks by their settings, optimizers, device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from ..adversarial import check_compatible
from ..adversarial.config import GanConfig
from ..errors import require
from ..hardware.device import Placement
from ..networks import DISCRIMINATORS, GENERATORS, Discriminator, Generator
from ..networks.build import build, takes
from ..networks.config import GeneratorConfig
from ..networks.kernels.layers import weights_to_channels_last
from .config import AdamConfig, TrainConfig
from .ema import EmaConfig
from .schedules import StartConfig

C = TypeVar("C", bound=TrainConfig)
N = TypeVar("N", bound=nn.Module)


class Stateful(Protocol):
    """Something with a state of its own that a resumed run must have back."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values only."""
        ...

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Take back what `state_dict` gave."""
        ...


def placed(network: N, placement: Placement) -> N:
    """The generator `network` on the device, its weights in the order that is quick there."""
    network.to(placement.device)
    if placement.device.type == "cpu" and placement.precision == "bf16":
        weights_to_channels_last(network)
    return network


def adam(networks: Sequence[nn.Module], config: AdamConfig, *, lr: float | None = None) -> torch.optim.Adam:
    """Fused Adam over the networks' parameters; its own rate, `lr` or else the configuration's, is `initial_lr`."""
    rate = lr or config.lr
    parameters = [p for network in networks for p in network.parameters()]
    optimizer = torch.optim.Adam(
        parameters, rate, (config.beta1, config.beta2), weight_decay=config.weight_decay, fused=True
    )
    for group in optimizer.param_groups:
        group["initial_lr"] = rate
    return optimizer


def optimizer_for(
    networks: Sequence[nn.Module], config: AdamConfig, *, lr: float | None = None, lazy: int = 1
) -> torch.optim.Optimizer:
    """The optimizer that the configuration names.

    With a penalty in every k-th update alone, k being `lazy`, Adam's rate and decays are those of k / (k + 1) updates
    (Karras et al., CVPR 2020, appendix B).
    """
    rate = lr or config.lr
    if config.name == "adam":
        c = lazy / (lazy + 1) if lazy > 1 else 1.0
        moments = {"beta1": config.beta1**c, "beta2": config.beta2**c}
        return adam(networks, config.model_copy(update=moments), lr=rate * c)
    parameters = [p for network in networks for p in network.parameters()]
    if config.name == "rmsprop":
        optimizer: torch.optim.Optimizer = torch.optim.RMSprop(parameters, rate, weight_decay=config.weight_decay)
    else:
        optimizer = torch.optim.SGD(
            parameters, rate, momentum=config.beta1, weight_decay=config.weight_decay, fused=True
        )
    for group in optimizer.param_groups:
        group["initial_lr"] = rate
    return optimizer


def renew(optimizer: torch.optim.Optimizer, *, rate: bool = True, momentum: bool = True) -> None:
    """Give an optimizer the rate and the decays that it was built with, in place of those of a state.

    So each optimizer has what it names momentum, and a lazy penalty's rate and decays are those of its updates.
    """
    built = optimizer.defaults  # which no state brings back
    for group in optimizer.param_groups:
        if rate:
            group["initial_lr"] = built["lr"]
        if momentum:
            group.update({name: built[name] for name in ("betas", "momentum") if name in built})


def scale_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set each learning rate to `factor` times its own."""
    for group in optimizer.param_groups:
        rate = group["initial_lr"] * factor
        if torch.is_tensor(group["lr"]):
            group["lr"].fill_(rate)  # where a replayed step reads it
        else:
            group["lr"] = rate


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Its `state_dict`, which does not tell whether its steps were replayed."""
    state = optimizer.state_dict()
    groups = [{**group, "lr": float(group["lr"]), "capturable": False} for group in state["param_groups"]]
    return {**state, "param_groups": groups}


def moments_like_weights(optimizer: torch.optim.Optimizer) -> None:
    """Bring what the optimizer keeps for each weight into the weight's order in memory.

    A checkpoint may come from a run with another. On a CPU, fused Adam goes along the memory of both as if they were
    alike, and does not look whether they are.
    """
    for weight, kept in optimizer.state.items():
        for name, value in kept.items():
            if torch.is_tensor(value) and value.shape == weight.shape:
                kept[name] = torch.empty_like(weight).copy_(value)


def completed(config: C, count: int, usual: Callable[[int], str]) -> C:
    """The configuration with its length in images, and both networks named with all their options.

    `usual` gives the generator that `auto` means at a size; `count` is the number of training pictures. Raises
    UnknownNameError for names that do not exist, ConfigError for adversarial settings that exclude each other.
    """
    name = usual(config.size) if config.generator.name == "auto" else config.generator.name
    require("generator", name, GENERATORS)
    require("discriminator", config.discriminator.name, DISCRIMINATORS)
    discriminator = config.discriminator.complete()
    check_compatible(config.gan, discriminator, config.batch)
    return config.model_copy(
        update={
            "images": config.images or max(1, round(config.epochs * count)),
            "generator": GeneratorConfig(name=name, **config.generator.options).complete(),
            "discriminator": discriminator,
        }
    )


def build_generator(config: TrainConfig, channels: tuple[int, int], scale: int = 1) -> Generator:
    """The generator that the configuration names, for (channels in, channels out); it enlarges by `scale`."""
    options = config.generator.options
    if scale > 1 or takes(GENERATORS, config.generator.name, "scale"):
        options["scale"] = scale
    return build(GENERATORS, "generator", config.generator.name, channels, options)


def build_discriminator(config: TrainConfig, channels: int) -> Discriminator:
    """The discriminator that the configuration names, for pictures of so many channels."""
    options = config.discriminator.options
    if takes(DISCRIMINATORS, config.discriminator.name, "size"):
        options["size"] = config.size
    return build(DISCRIMINATORS, "discriminator", config.discriminator.name, (channels,), options)


def without_effect(config: TrainConfig, *, paired: bool) -> list[str]:
    """A sentence for each setting that was given and changes nothing, or not what it seems to, with the way out."""
    gan, usual, said = config.gan, GanConfig(), []
    if not gan.ada and (gan.ada_target, gan.ada_images) != (usual.ada_target, usual.ada_images):
        said.append("gan.ada_target and gan.ada_images have no effect without gan.ada. Add --set gan.ada=true.")
    if not gan.augment and gan.augment_p != usual.augment_p:
        said.append(
            "gan.augment_p has no effect without gan.augment. Add --set gan.augment=[colour,translation,cutout]."
        )
    said += _start_without_effect(config)
    said += _moments_without_effect(config.optimizer)
    if not config.ema.images and config.ema.rampup != EmaConfig().rampup:
        said.append("ema.rampup has no effect without ema.images. Add --set ema.images=10000.")
    if gan.feature_matching and config.batch == 1 and not paired:
        said.append(
            "gan.feature_matching compares means over a batch, and a batch of one unpaired picture draws the output to "
            "any picture of the target domain. Use --batch 4 or more."
        )
    return said


def _moments_without_effect(config: AdamConfig) -> list[str]:
    """The same of an optimizer's decays, which G's and D's may both lack."""
    usual, of_d = AdamConfig(), config.of_discriminators().name
    lacking = []
    if config.beta1 != usual.beta1 and {config.name, of_d if config.beta1_d is None else "rmsprop"} == {"rmsprop"}:
        lacking.append(("beta1", "name", config.name))
    if config.beta2 != usual.beta2 and "adam" not in (config.name, of_d):
        lacking.append(("beta2", "name", config.name))
    if config.beta1_d is not None and of_d == "rmsprop":
        lacking.append(("beta1_d", "name_d", of_d))
    return [
        f"optimizer.{name} has no effect with optimizer.{key}={kind}. Leave it out, or use --set optimizer.{key}=adam."
        for name, key, kind in lacking
    ]


def _start_without_effect(config: TrainConfig) -> list[str]:
    """The same of what the run begins with."""
    start, gan, usual = config.start, config.gan, StartConfig()
    asked = {key: value for key, value in start if key != "share" and value != getattr(usual, key)}
    if not start.share:
        return [f"start.{key} has no effect without start.share. Add --set start.share=0.4." for key in asked]
    needs = {
        "penalty": (gan.penalised, "a penalty on D's gradient", "gan.r1=1"),
        "augment": (gan.augment and not gan.ada, "gan.augment, or with gan.ada", "gan.augment=[colour,translation]"),
        "ema": (config.ema.images, "ema.images", "ema.images=10000"),
        "beta2": ("adam" in (config.optimizer.name, config.optimizer.name_d), "Adam", "optimizer.name=adam"),
    }
    lacking = [(key, *needs[key][1:]) for key in asked if key in needs and not needs[key][0]]
    return [f"start.{key} has no effect without {what}. Use --set {way}." for key, what, way in lacking] + (
        [] if asked else ["start.share has no effect alone. Say what the run begins with, as --set start.lr=4."]
    )


def predictions(scalars: Mapping[str, float]) -> list[str]:
    """`D(real) 0.80, D(fake) 0.30`, means over the discriminators; nothing where they give no probability."""
    means = []
    for side in ("p_real", "p_fake"):
        found = [value for name, value in scalars.items() if name.startswith(side)]
        if not found:
            return []
        means.append(sum(found) / len(found))
    return [f"D(real) {means[0]:.2f}, D(fake) {means[1]:.2f}"]
