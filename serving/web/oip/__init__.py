"""The Open Inference Protocol, version 2, which KServe, Triton and others speak: models as named tensors."""
