"""The training loop, its checkpoints and its run directory."""
