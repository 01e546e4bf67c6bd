"""From a picture to its translation."""
