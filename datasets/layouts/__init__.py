"""Which pictures of a folder are trained on as what."""
