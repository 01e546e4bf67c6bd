"""Figures of two sets of pictures that need not show the same scenes, each with an interval: numpy and scipy alone."""
