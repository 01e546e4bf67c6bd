"""What is measured of a training to tell whether it is sick: figures for `log.jsonl`, each a function of tensors."""

from .figures import Further, Observed, accuracy, health_figures
from .norms import NormWatch

__all__ = ["Further", "NormWatch", "Observed", "accuracy", "health_figures"]
