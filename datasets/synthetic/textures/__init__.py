"""Textured surfaces in high resolution."""
