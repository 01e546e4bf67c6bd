"""What training and its export load and compile, for the forks of a server that imports this once."""

import importlib

from exports import load_exporter

importlib.import_module("albumentations")
importlib.import_module("i2i.workflows.train")
load_exporter()
