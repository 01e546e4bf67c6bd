"""Folders of pictures into training samples."""

from __future__ import annotations

from .paired import PairedPictures

DATASETS = {"paired": PairedPictures}
"""What turns a folder's layout into samples, by the kind of training that it is for."""
