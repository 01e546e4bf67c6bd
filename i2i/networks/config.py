"""The settings of generator and discriminator: a name, and what is not to be as the network has it."""

from __future__ import annotations

from pydantic import Field

from ..settings import Strict


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
