"""The settings of adversarial training: the loss of D and G, and every stabiliser around it."""

from __future__ import annotations

from pydantic import Field

from ..settings import Strict


class GanConfig(Strict):
    """The adversarial loss of generator and discriminator D, and the stabilisers around it."""

    loss: str = "non_saturating"
    """A name of ADVERSARIAL."""
    label_smoothing: float = Field(0, ge=0, lt=1)
    """How far below 1 the target of real pictures lies; 0.1 is usual (Salimans et al., 2016, section 3.4)."""
    instance_noise: float = Field(0, ge=0, allow_inf_nan=False)
    """Standard deviation of noise on all that D sees, in [-1, 1]; falls linearly to 0 at the end of the run."""
    gradient_penalty: float = Field(0, ge=0, allow_inf_nan=False)
    """Weight of (norm of D's gradient - 1)² between real and generated pictures; 10 is usual (WGAN-GP)."""
    r1: float = Field(0, ge=0, allow_inf_nan=False)
    """Weight gamma of gamma/2 · (norm of D's gradient)² at real pictures (Mescheder et al., 2018)."""
    r2: float = Field(0, ge=0, allow_inf_nan=False)
    """The same at generated pictures; R3GAN has both (Huang et al., 2024)."""
    penalty_every: int = Field(1, ge=1)
    """Updates of D from one of these penalties to the next, each weighted so many times (lazy regularisation: Karras et
    al., 2020, appendix B); 16 is usual with r1."""
    drift: float = Field(0, ge=0, allow_inf_nan=False)
    """Weight of D's squared logits of real pictures, which keeps them near 0; 0.001 is usual (Karras et al., 2018)."""
    weight_clipping: float = Field(0, ge=0, allow_inf_nan=False)
    """Bound of every weight of D, before each of its updates; 0.01 is WGAN's (Arjovsky et al., 2017); 0: none."""
    unrolled: int = Field(0, ge=0)
    """Updates of D that G looks ahead, to answer to that D (Metz et al., 2017): 5 is usual; 0: none."""
    unrolled_rate: float = Field(1e-3, gt=0, allow_inf_nan=False)
    """Rate of these, which are plain gradient steps (eq. 3)."""
    feature_matching: float = Field(0, ge=0, allow_inf_nan=False)
    """Weight of the distance of D's mean features of real from those of generated pictures, in the generator's loss."""
    augment: tuple[str, ...] = ()
    """Augmentation of all that D sees, real and fake: DiffAugment's `colour`, `translation`, `cutout`; ADA's, of which
    `bgc` is all."""
    augment_p: float = Field(1, ge=0, le=1)
    """Probability of each of these, for each picture; with `ada` it is found while training."""
    ada: bool = False
    """Adapt that probability to how far D overfits (Karras et al., 2020)."""
    ada_target: float = Field(0.6, ge=0, le=1)
    """Mean sign of D's outputs on real pictures above which the probability rises."""
    ada_images: int = Field(500_000, ge=1)
    """Images in which the probability can go from 0 to 1."""
    d_steps: int = Field(1, ge=1)
    """Updates of D in a turn, each on a batch of its own; with 1 and 1 both use the same batch."""
    g_steps: int = Field(1, ge=1)
    """Updates of the generator in a turn."""
    pool: int = Field(0, ge=0)
    """Size of the pool of past fakes that D sees again half of the time (Shrivastava et al., 2017); 0: none."""

    @property
    def penalised(self) -> bool:
        """Whether there is a penalty on D's gradient."""
        return bool(self.gradient_penalty or self.r1 or self.r2)
