"""Pictures from noise: what runs a file that takes a latent and no picture, and what is made of it."""
