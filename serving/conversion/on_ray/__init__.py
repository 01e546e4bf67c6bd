"""A conversion as a Ray Data job: `i2i convert --engine ray`, on this machine or on a cluster."""
