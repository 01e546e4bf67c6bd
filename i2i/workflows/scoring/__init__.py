"""Scoring a model, or two folders: which pictures, which metrics, the table and the sheet."""
