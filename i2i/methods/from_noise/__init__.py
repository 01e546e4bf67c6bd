"""Training GANs from noise: gan.py is the step, presets.py the systems as rows of settings."""
