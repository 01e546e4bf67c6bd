"""Colours: which space a file says its values are in, and values from there to sRGB and back."""
