"""A run told to TensorBoard, Weights & Biases or MLflow while it goes on, from its directory alone.

Training does not know of it: a tracker reads log.jsonl, config.yaml and samples/ behind it (docs/training/tracking.md).
"""
