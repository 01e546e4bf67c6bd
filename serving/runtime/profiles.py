"""What `i2i tune` found best for a model on this machine: a small JSON file each, in the user's cache.

Its name holds the digests of the model and of the machine (processor, threads, versions of the runtimes), so that it is
of no account where any of them is another.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from importlib import metadata
from pathlib import Path

from ...files import write_atomically
from ...hardware.system import available_threads, processor

RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-ep-openvino", "openvino")


@dataclasses.dataclass(frozen=True)
class Profile:
    """How a model is run where the user leaves it to i2i."""

    device: str
    """A key of BACKENDS."""
    precision: str
    tile: int | str
    """Inner side in input pixels, or `auto`."""
    batch: int
    """Pictures of one size computed together at most; 1 where that gains nothing."""
    psnr: float
    """Against fp32, in dB, over the pictures that it was measured with."""
    found: str
    """The day."""
    quantised: str = ""
    """SHA-256 of the file that runs in the model's place, where `precision` is `int8`."""


def profile_of(sha256: str) -> Profile | None:
    """The profile of the model with this digest on this machine, or None."""
    with contextlib.suppress(OSError, ValueError, TypeError, RuntimeError):
        if any(_folder().glob(f"{sha256[:16]}-*.json")):  # asking for the machine takes longer
            profile = Profile(**json.loads(_file(sha256).read_text()))
            if _makes_sense(profile):
                return profile
    return None


def keep_profile(sha256: str, profile: Profile) -> Path:
    """Write the profile, and say where; raises StorageError."""
    path = _file(sha256)
    write_atomically(path, json.dumps(dataclasses.asdict(profile), indent=1).encode())
    return path


def quantised_file(sha256: str) -> Path:
    """Where the model's copy in int8 is kept: beside its profile, as it is that of all machines."""
    return _folder() / f"{sha256[:16]}-int8.onnx"


def forget_profile(sha256: str) -> bool:
    """Remove it, and the model's copy in int8; whether there was one."""
    with contextlib.suppress(FileNotFoundError):
        quantised_file(sha256).unlink()
    with contextlib.suppress(FileNotFoundError):
        _file(sha256).unlink()
        return True
    return False


def _makes_sense(profile: Profile) -> bool:
    texts = (profile.device, profile.precision, profile.found, profile.quantised)
    words = all(isinstance(each, str) for each in texts)
    tile = profile.tile == "auto" or (type(profile.tile) is int and profile.tile >= 16)
    return words and tile and type(profile.batch) is int and profile.batch >= 1


def cache_folder(name: str) -> Path:
    """A folder of the user's cache, which may not be there yet."""
    told = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    return (Path(told) if told else Path.home() / ".cache") / "i2i" / name


def _folder() -> Path:
    return cache_folder("tuned")


def _file(sha256: str) -> Path:
    facts = [processor(), available_threads(), [_version(name) for name in RUNTIMES]]
    machine = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    return _folder() / f"{sha256[:16]}-{machine[:16]}.json"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
