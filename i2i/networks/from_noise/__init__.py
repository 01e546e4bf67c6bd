"""Networks of GANs from noise, one file a family: generators of latent numbers and their discriminators.

Each is written from its paper's definition and has the published number of parameters
(tests/networks/test_from_noise.py). Sizes are any, not squares and powers of two alone.
"""
