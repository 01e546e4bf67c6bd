"""What is measured of a training to tell whether it is sick: figures for `log.jsonl`, each a function of tensors."""

from .figures import Observed, accuracy, health_figures
from .norms import NormWatch

__all__ = ["NormWatch", "Observed", "accuracy", "health_figures"]
