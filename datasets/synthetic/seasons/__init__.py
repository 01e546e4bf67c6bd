"""Landscapes in summer and winter."""
