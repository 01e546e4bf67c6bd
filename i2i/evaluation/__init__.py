"""Figures of merit: metrics of pairs and sets, baselines, the contact sheet."""
