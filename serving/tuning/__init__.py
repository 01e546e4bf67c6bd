"""What runs a model best on this machine, by measurement."""
