"""Losses of pictures against pictures: pixels, and features of trained networks."""
