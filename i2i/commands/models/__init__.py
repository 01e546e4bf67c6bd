"""The commands that are about a model file: what it says of itself, and how others become one."""
