"""The table of detectors: one row a failure, with its threshold, the reason for it, and what cures it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from . import adversaries, pictures, remedies
from .history import Evidence, History
from .remedies import Remedy, Settings, changing


class Detector(NamedTuple):
    """One failure, and how it is told from the lines of a log."""

    title: str
    """What is said of a run that has it."""
    figure: str
    """The key of the log whose lines are judged; with several discriminators or directions, each by itself."""
    test: Callable[[History, str], Evidence | None]
    """(lines so far, ending) -> what shows it, or None."""
    hold: int
    """Lines in a row that must show it."""
    threshold: str
    """When it counts, in words."""
    reason: str
    """Why there."""
    text: str
    """What it means."""
    remedy: Remedy
    """What cures it, in the settings of the run."""
    anew: bool = False
    """Whether the cure needs a new run, since it changes the networks or their initial weights."""
    sure: bool = True
    """Whether the remedy was seen to cure it (docs/training/doctor.md, Proof); else it may help."""
    unless: tuple[str, ...] = ()
    """Failures of which this one is a consequence: while they are there, it is not named besides."""
    warm_up: float = 0.04
    """Share of a run at whose beginning it is not looked for: first pictures are all alike in any run."""

    def cure(self, settings: Settings) -> list[str]:
        """The assignments of the remedy that change something in a run with these settings."""
        return changing(self.remedy(settings), settings)


DETECTORS: dict[str, Detector] = {
    "exploding": Detector(
        "Gradients explode",
        "g_gan",
        adversaries.exploding,
        2,
        "a loss or a gradient that is no number; or weights of G or D 3 times as long as at first, with G's loss "
        "above 7 or 10 MAD above its last 50 lines, or G's gradient below 1/1000 of its first size",
        "in healthy runs weights grow to 1.7 times their first length and the loss stays below 6; in runs with other "
        "failures to 2.5 times",
        "weights run away and the losses leap",
        remedies.calmer,
    ),
    "vanishing": Detector(
        "The generator's gradient vanishes",
        "g_gan",
        adversaries.vanishing,
        3,
        "the norm of G's gradient below 1/1000 of its first size while D errs on less than 1 %, and no weights are "
        "twice as long as at first",
        "a healthy G keeps a tenth of its first gradient or more; with the minimax loss it goes to 0 as D becomes sure",
        "the discriminator is so sure that its answers no longer tell the generator where to go",
        remedies.steeper,
        unless=("exploding",),
    ),
    "overpowering": Detector(
        "The discriminator overpowers the generator",
        "d_accuracy_real",
        adversaries.overpowering,
        4,
        "mean of 4 lines, 4 times in a row: D right on 97 % of real and of generated pictures, D(real) above 0.95 and "
        "D(fake) below 0.05, and health_distance not below 1.5",
        "a D that wins each time for long has nothing left to teach (imbalance); healthy runs stay below 90 %",
        "training is out of balance: D tells real from generated pictures with ease, and G learns little from it",
        remedies.weaker_discriminator,
        unless=("exploding", "vanishing"),
    ),
    "weak": Detector(
        "The discriminator is too weak",
        "health_distance",
        adversaries.weak,
        2,
        "D(real) - D(fake) below 0.05 and D's weights within 0.1 % of their first length, while health_distance is "
        "above 4",
        "D at 0.5 is the aim when outputs are as good as real (distance 1); at 4 they are plainly not",
        "D tells nothing apart although outputs are far from real pictures, so it teaches nothing",
        remedies.faster_discriminator,
        unless=("exploding",),
        warm_up=0.07,  # no D has moved before
    ),
    "collapse": Detector(
        "Mode collapse",
        "health_spread",
        pictures.collapse,
        3,
        "health_spread below 0.15, fail_collapse below 0.3, or nine of ten outputs with a twin; or at most half "
        "of the modes of the real pictures for three grids",
        "outputs of healthy runs are 0.7 to 1.1 times as far from each other as real pictures are, and those of a "
        "generator that has learnt little yet 0.17 to 0.25 times",
        "outputs are far more alike than real pictures are",
        remedies.slower_generator,
        unless=("exploding", "weak", "vanishing", "overpowering", "hopping"),
    ),
    "hopping": Detector(
        "Mode hopping",
        "health_modes_seen",
        pictures.hopping,
        3,
        "at most half of the modes at a time (median of 6 grids), a quarter of them more over those grids together, "
        "and three times or more a mode that was there is gone at the next grid",
        "a run that has lost modes stays where it is; one that hops reaches them in turns",
        "outputs go from one kind of picture to the next, and are never all kinds at once",
        remedies.slower_generator,
        unless=("exploding", "weak"),
        warm_up=0.1,  # healthy runs look for the modes before
    ),
    "nonconvergence": Detector(
        "The training does not converge",
        "g_gan",
        adversaries.nonconvergence,
        4,
        "autocorrelation of G's loss over 60 lines, without its trend, above 0.5 at a lag of 4 lines or more, after a "
        "valley below -0.25, and a third of that at twice the lag",
        "noise has no peak after a valley; G and D that circle around each other do",
        "G and D go round in circles: losses repeat themselves instead of settling",
        remedies.damped,
        unless=("exploding", "hopping", "collapse", "weak"),
    ),
    "overfitting": Detector(
        "The discriminator overfits",
        "health_overfit",
        adversaries.overfitting,
        3,
        "r_v - 2 standard errors above 0.4",
        "r_v is 0 without overfitting and 1 where held-out pictures look like generated ones (Karras et al., 2020); "
        "a healthy run of few pictures stays below 0.3",
        "D knows its training pictures by heart and takes other real ones for generated",
        remedies.more_variety,
        unless=("exploding",),
    ),
    "memorisation": Detector(
        "The generator copies its training pictures",
        "health_nearest_train",
        pictures.memorisation,
        2,
        "health_nearest_train below 0.75, its median of 3 grids below 0.8, health_spread above 0.4 and "
        "health_distance below 6",
        "1 for honest models, with a spread of 0.05 on 50 to 256 pictures; outputs that are all alike, or far from "
        "any real picture, are nearer to one of the sets by chance",
        "outputs lie nearer to training pictures than to other real ones",
        remedies.more_variety,
        sure=False,
        unless=("exploding", "collapse", "weak", "hopping", "nonconvergence"),
    ),
    "leak": Detector(
        "The augmentation leaks into the outputs",
        "health_leak",
        pictures.leak,
        2,
        "medians of 4 grids: health_leak above 0.1, and health_spread above 0.6",
        "healthy runs have -0.1 to 0.05: outputs are turned no more often than real pictures; shares of few kinds of "
        "outputs say little",
        "outputs are turned or mirrored as the training pictures were, and real ones are not",
        remedies.without_turns,
        unless=("exploding", "collapse", "weak", "overpowering", "vanishing", "memorisation"),
    ),
    "checkerboard": Detector(
        "Checkerboard artefacts",
        "health_checkerboard",
        pictures.checkerboard,
        3,
        "health_checkerboard above 4",
        "photographs have about 1, generators that resize 0.6 to 3.2 while they train",
        "the grid of the up-sampling shows in the outputs",
        remedies.smooth_enlargement,
        anew=True,
        unless=("exploding", "collapse", "vanishing"),
    ),
    "inversion": Detector(
        "Light and dark are swapped",
        "fail_inversion",
        pictures.translator("inversion"),
        3,
        "fail_inversion below -0.3",
        "1 is light that stays light; sound translators of seasons have 0.5 or more",
        "what is light in the input is dark in the output",
        remedies.upright,
        anew=True,
    ),
    "identity": Detector(
        "The input is handed back",
        "fail_identity",
        pictures.translator("identity"),
        3,
        "fail_identity below 0.25, or fail_changed below 0.012",
        "1 is the least change that gives the colours of the target",
        "the output differs from the input by less than a quarter of what the domains' colours are apart",
        remedies.no_identity,
    ),
    "steganography": Detector(
        "The cycle hides its information",
        "fail_cycle",
        pictures.translator("cycle"),
        3,
        "rounding or noise makes the cycle's error more than twice the plain one, and at least 0.02 more",
        "0.02 is five grey levels; an honest way back is not troubled by noise of two",
        "the way back reads a faint pattern that the output carries, not what it shows",
        remedies.less_cycle,
        sure=False,
    ),
    "gaming": Detector(
        "The score is gamed",
        "health_separable",
        pictures.gaming,
        3,
        "health_distance below 1.3 while D's AUROC on held-out against generated pictures is above 0.95",
        "outputs that one measure cannot tell from real pictures, another cannot tell each time",
        "one measure calls the outputs as good as real, D tells every one of them from a held-out picture; "
        "the measure may be what was trained on, or blind",
        remedies.fixed(),
        unless=("exploding", "memorisation"),
    ),
}
"""The failures by name, causes before consequences."""

ACROSS = {
    "sensitivity": "Other seeds or rates give other results",
    "gaming": "The score is gamed",
}
"""Failures that several runs together show."""
