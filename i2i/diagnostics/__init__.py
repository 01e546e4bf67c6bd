"""Detectors of failure modes: what a run shows of them, and what helps."""
