"""Experiments that the docs report: `python -m benchmarks.experiments.NAME`."""
