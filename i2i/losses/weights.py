"""Weights of others' networks that pictures are compared by: where they are looked for, fetched and read.

A file of weights is one of torch's `.pth`, read with `weights_only=True`, a `.npz` without pickles, or a
`.safetensors`. What is downloaded must have the digest that is pinned in its name, as torch's own files have; what has
another one is not kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import pickle
import re
import socket
import urllib.error
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..errors import ModelFileError, StorageError, first_line

PINNED = re.compile(r"-([0-9a-f]{8,64})\.")
"""The beginning of a file's SHA-256 in its name."""
TIMEOUT = 30.0
"""Seconds without a word from the other side, after which a download is given up."""

UNREADABLE = (
    *(OSError, ValueError, RuntimeError, EOFError),
    *(pickle.UnpicklingError, zipfile.BadZipFile, SafetensorError),
)
"""What the three readers raise for a file that is not theirs."""

Weights = dict[str, Tensor]


def read(path: Path) -> Weights:
    """The tensors of a file by name, in fp32 on the CPU; raises ModelFileError when it holds none, or is not there."""
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                found: Any = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        elif path.suffix == ".safetensors":
            found = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelFileError(f"There is no file of weights {path}.") from error
    except UNREADABLE as error:
        raise ModelFileError(
            f"{path} cannot be read as weights ({first_line(error)}). Files of torch (.pth, tensors alone), "
            ".safetensors and .npz can."
        ) from error
    if not isinstance(found, dict) or not found or not all(isinstance(value, Tensor) for value in found.values()):
        raise ModelFileError(f"{path} holds no tensors by name. Save the network's state_dict() and nothing around it.")
    return {str(name): value.float() for name, value in found.items()}


def cached(url: str) -> Path:
    """Where torch keeps the file of this address once it is there: TORCH_HOME, or ~/.cache/torch."""
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]


def fetched(url: str) -> Path:
    """The file of this address, from torch's cache or downloaded into it, with the digest that its name pins.

    Raises StorageError when it cannot be downloaded or kept, ModelFileError for a file with another digest: one in the
    cache stays for the user to remove, one that was downloaded is not kept.
    """
    path = cached(url)
    pin = _pin(url)
    if path.exists():
        if not digest(path).startswith(pin):
            raise ModelFileError(f"{path} is damaged: its SHA-256 does not begin with {pin}. Remove it and try again.")
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _patience(TIMEOUT):
            torch.hub.download_url_to_file(url, str(path), pin)
    except RuntimeError as error:  # what torch raises for another digest, having removed the file
        raise ModelFileError(f"{url} is not the file that it was: {first_line(error)}. Nothing was kept.") from error
    except (OSError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise StorageError(f"{url} could not be downloaded ({reason}).") from error
    return path


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pin(url: str) -> str:
    found = PINNED.search(url.rsplit("/", 1)[-1])
    assert found, f"{url} does not pin its digest"
    return found[1]


@contextlib.contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """Connections made inside give up after so long without a word; torch's download would wait forever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def in_package(package: str, inside: str) -> Path | None:
    """A file of an installed package, found without importing it; None when there is no such package or file."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / inside
        if path.is_file():
            return path
    return None
