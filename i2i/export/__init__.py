"""Generators as ONNX files: from runs, and from other people's weights."""
