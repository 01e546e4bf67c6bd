"""What ails a training: detectors of every known failure, which read lines of the log alone. No torch."""

from .across import ailments_across
from .detectors import DETECTORS, Detector
from .monitor import Ailment, Monitor, examine

__all__ = ["DETECTORS", "Ailment", "Detector", "Monitor", "ailments_across", "examine"]
