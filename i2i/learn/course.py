"""The course: ten lessons as data, each a training to begin with, what to do, what to look at, and what it teaches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .failures import PLAIN


class Lesson(NamedTuple):
    """One of COURSE."""

    title: str
    settings: Mapping[str, Any]
    """What differs from the usual settings of the page."""
    look: str
    """What to do and to look at."""
    teaches: str
    """What one sees by it."""
    shows: tuple[str, ...] = ()
    """Layers of the picture that are switched on for it: field, arrows, warped, walk."""
    then: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """Buttons: what they say, and the settings that they change."""


STILL = 1e-9
"""A rate at which a network stands still."""

NO_MOMENTUM: Mapping[str, Any] = {"optimizer.beta1": 0.0, "optimizer.beta1_d": 0.0}
CALM: Mapping[str, Any] = {"gan.r1": 1.0, **NO_MOMENTUM}
"""What lets a GAN of eight Gaussians come to rest."""

COURSE: tuple[Lesson, ...] = (
    Lesson(
        "What D learns",
        {"data": "moons", "optimizer.lr": STILL, "optimizer.lr_d": 3e-3},
        "G stands still here; press Play and watch the colours. Blue is where D says real, orange where it says "
        "generated.",
        "D is a classifier. Left alone it learns how much more probable real points are than generated ones at each"
        " place: its best logit is log p(x) - log q(x). Its slope is all that G will ever hear.",
        ("field", "arrows"),
        (("Let G move too", {"optimizer.lr": 1e-3}),),
    ),
    Lesson(
        "Equilibrium, and one half",
        {"data": "blob", **CALM},
        "Play to the end. Follow D(real) and D(fake) on the right, and how the colours fade.",
        "When generated points are as the real ones are, nothing tells them apart: the best D says 0.5 to both, its"
        " loss is 2 ln 2 = 1.386, and the arrows are short. One half means nothing by itself, though: a D that "
        "never learnt says it too.",
        ("field", "arrows"),
    ),
    Lesson(
        "Why the saturating loss stalls",
        {**PLAIN, "data": "ring", "gan.loss": "minimax", "optimizer.lr": 1e-4, "optimizer.lr_d": 1e-2},
        "Play, and look at the arrows of the generated points: they vanish while D is still right about every point.",
        "log(1 - D) is flat where D is sure, so that G hears least when it is worst. -log D has the same goal and "
        "is steep there; Goodfellow proposed it in the first paper, and everybody uses it.",
        ("field", "arrows"),
        (("Use -log D instead", {"gan.loss": "non_saturating"}), ("And an even race", {"optimizer.lr_d": 1e-3})),
    ),
    Lesson(
        "Mode collapse",
        {**PLAIN, "data": "ring", "optimizer.lr": 1e-2, "optimizer.lr_d": 1e-3},
        "Play fast. How many of the eight modes are covered at a time? Read what the doctor says.",
        "Nothing in G's loss asks for variety: one point that D believes is enough. A fast G runs there, D catches "
        "up, G runs on. An even race, and a penalty that keeps D's slopes flat at real points, let it cover all.",
        ("field",),
        (("An even race with R1", {"optimizer.lr": 1e-3, **CALM}),),
    ),
    Lesson(
        "Wasserstein",
        {
            **PLAIN,
            **{"data": "ring", "gan.loss": "wasserstein", "gan.weight_clipping": 0.1, "gan.d_steps": 5},
            **{"optimizer.lr": 1e-3, "optimizer.lr_d": 1e-3, **NO_MOMENTUM, "steps": 3000},
        },
        "The same ring, with a critic instead of a classifier. Its colours are heights, not probabilities.",
        "The critic's gap between real and generated points is the earth mover's distance, as long as its slope is "
        "bounded: it goes on telling how far where a classifier only says no. Clipped weights bound it, roughly: "
        "the landscape is plain.",
        ("field", "arrows"),
    ),
    Lesson(
        "The gradient penalty",
        {
            **PLAIN,
            **{"data": "ring", "gan.loss": "wasserstein", "gan.gradient_penalty": 1.0, "gan.d_steps": 5},
            **{"optimizer.lr": 1e-3, "optimizer.lr_d": 1e-3, **NO_MOMENTUM, "steps": 3000},
        },
        "Instead of clipping weights, D pays for a slope that is not 1 between real and generated points.",
        "A slope of 1 everywhere is what the theory asks for, and arrows of one length are what G gets. R1 asks for"
        " a slope of 0 at real points instead, which lets both networks come to rest (Mescheder et al., 2018).",
        ("field", "arrows"),
        (
            (
                "R1 with the usual loss",
                {"gan.loss": "non_saturating", "gan.gradient_penalty": 0.0, "gan.d_steps": 1, **CALM},
            ),
        ),
    ),
    Lesson(
        "Conditioning",
        {"data": "digits8", "conditional": True, "steps": 1500},
        "Play to the end. In the sheet every column is one digit: the one that G was told to paint.",
        "A condition is one more input: G gets the digit that is asked for, D gets it beside the picture and asks "
        "whether the two fit. G cannot leave a digit out any more, and one gets what one asks for.",
        (),
        (("And without the condition", {"conditional": False}),),
    ),
    Lesson(
        "Walks through the latent space",
        {
            "data": "spiral",
            "generator.latent": 2,
            "generator.prior": "uniform",
            "generator.widths": [128, 128, 128],
            **CALM,
            "steps": 6000,
        },
        "Play, and follow G's grid: the plain square of latent numbers is bent until it covers the spiral.",
        "G is a smooth map. Points that are close stay close, so that a walk from one sample to another passes "
        "through others; where two modes are apart, some points must lie between them.",
        ("warped", "walk"),
    ),
    Lesson(
        "How to score",
        {**PLAIN, "data": "grid", "optimizer.lr": 3e-3, "optimizer.lr_d": 1e-3, "steps": 3000},
        "Play, and compare the figures: losses, KL and JS, modes, precision and recall.",
        "Losses say who is winning, not how good the samples are. Precision asks whether samples look real, recall "
        "whether all that is real is there; one number hides which of the two fails. Score against held-out "
        "samples, never training ones.",
        ("field",),
        (("Make it better", {"optimizer.lr": 1e-3, **CALM}),),
    ),
    Lesson(
        "When to stop",
        {**PLAIN, "data": "digits8", "count": 50, "discriminator.widths": [256, 256], "steps": 3000},
        "Play to the end, then press Back to the best: the step at which held-out samples were matched best.",
        "A GAN's loss has no lowest point to stop at. Keep the state whose figure on held-out samples is best; here"
        " D learns its fifty pictures by heart, and after that it only gets worse.",
    ),
)
"""In the order in which they are taken."""
