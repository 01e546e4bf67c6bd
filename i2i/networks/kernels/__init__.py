"""Layers that are quick on a CPU where torch is not, in bf16: im2col, Winograd, normalisation."""
