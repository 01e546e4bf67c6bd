"""Kinds of files that Pillow does not read or write whole, one module each; rows of FORMATS name them."""
