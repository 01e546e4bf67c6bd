"""How each failure is provoked: a row of settings each, and healthy settings beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from i2i.settings import parse_assignments


class Case(NamedTuple):
    """A kind of run."""

    bed: str
    """`toy`, or the method and sample data of a translator: `pix2pix facades`, `cyclegan seasons`."""
    settings: tuple[str, ...]
    expected: frozenset[str]
    """Names that the doctor must say."""
    besides: frozenset[str] = frozenset()
    """Names that are true of it as well, but not the point."""
    curable: bool = True
    steps: int = 0
    """Length of the run; 0 is the usual one of its bed."""
    start: str = ""
    """What the generators begin with: `negative` swaps light and dark, `hidden` hides the input as a faint pattern."""

    def assignments(self) -> Mapping[str, Any]:
        """The settings as a mapping."""
        return parse_assignments(self.settings)


def _case(bed: str, *settings: str, expected: str = "", besides: str = "", **more: Any) -> Case:
    return Case(bed, settings, frozenset(expected.split()), frozenset(besides.split()), **more)


TINY = ("size=32", "generator.width=8", "discriminator.width=8", "discriminator.layers=2")
PAIRS = (*TINY, "generator.name=resnet6", "generator.blocks=2", "batch=8")
CYCLE = (*TINY, "generator.blocks=2", "batch=4", "lambda_identity=0.1")
RESNET = (*CYCLE, "generator.name=resnet6", "generator.up=resize")
COMPACT = (*CYCLE, "generator.name=compact")
"""Begins with its input."""

CASES: dict[str, Case] = {
    "collapse": _case(
        "toy", "toy=digits", "optimizer.lr=3e-3", "optimizer.lr_d=3e-4", "d_width=16", expected="collapse"
    ),
    "hopping": _case(
        "toy", "toy=ring", "optimizer.lr=1e-2", "optimizer.lr_d=1e-3", expected="hopping", besides="collapse"
    ),
    "vanishing": _case(
        "toy", "toy=digits", "gan.loss=minimax", "d_width=256", "optimizer.lr=1e-4",
        "optimizer.lr_d=1e-2", expected="vanishing", besides="overpowering",
    ),
    "exploding": _case("toy", "toy=digits", "optimizer.lr=0.1", expected="exploding"),
    "overpowering": _case("toy", "toy=digits", "gan.d_steps=10", "d_width=512", expected="overpowering"),
    "weak": _case("toy", "toy=ring", "optimizer.lr_d=1e-5", expected="weak"),
    "nonconvergence": _case(  # the Dirac-GAN of Mescheder et al., 2018, in the plane: both networks linear
        "toy", "toy=blob", "optimizer.lr=2e-2", "g_width=0", "d_width=0", expected="nonconvergence", steps=7200,
        besides="exploding",  # the orbits grow
    ),
    "overfitting": _case(
        "toy", "toy=digits", "count=50", "d_width=256", expected="overfitting", besides="memorisation",
    ),
    "memorisation": _case(
        "toy", "toy=digits", "count=24", "d_width=256", "g_width=128", expected="memorisation", besides="overfitting",
        curable=False,  # more pictures are no setting
    ),
    "leak": _case("toy", "toy=digits", "data.augment=[rotate90]", expected="leak"),
    "leak from D": _case("toy", "toy=digits", "gan.augment=[rotate90]", "gan.augment_p=1", expected="leak"),
    "gaming": _case(
        "toy", "toy=digits", "target=projections", "d_width=256", expected="gaming", besides="overpowering",
        curable=False,
    ),
    "checkerboard": _case(  # transposed convolutions of kernel 3 and stride 2
        "pix2pix facades", *PAIRS, "optimizer.lr=5e-3", expected="checkerboard", besides="overpowering overfitting",
    ),
    "inversion": _case(
        "cyclegan seasons", *RESNET, "lambda_identity=0", "optimizer.lr=1e-4", expected="inversion", start="negative",
    ),
    "identity": _case(
        "cyclegan seasons", *COMPACT, "lambda_identity=10", "optimizer.lr=2e-2", "optimizer.lr_d=1e-3",
        expected="identity", besides="overpowering",
    ),
    "steganography": _case(
        "cyclegan seasons", *COMPACT, "lambda_cycle=100", "optimizer.lr=2e-4", expected="steganography",
        besides="collapse overpowering",  # outputs are all of one colour
        start="hidden", curable=False,  # what it begins with is set, and no setting unsets it
    ),
    "healthy ring": _case("toy", "toy=ring", "gan.r1=1", "optimizer.beta1=0"),
    "healthy digits": _case("toy", "toy=digits"),
    "healthy facades": _case("pix2pix facades", *PAIRS, "generator.up=resize", "optimizer.lr=1e-3"),
    "healthy seasons": _case("cyclegan seasons", *RESNET, "optimizer.lr=1e-3"),
}  # fmt: skip
"""Every failure and four kinds of healthy run, by name."""
