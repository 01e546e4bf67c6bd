"""The published table of collapse: stacked digits, 1,000 modes, by PacGAN's and the unrolled GAN's small networks."""
