"""`i2i data check`: what could spoil a training run."""
