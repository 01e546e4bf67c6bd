"""Every failure of a GAN provoked on purpose, healthy runs beside them, and what the doctor says of each."""
