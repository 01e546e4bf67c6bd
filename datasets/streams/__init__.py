"""Training samples as functions of (seed, n)."""
