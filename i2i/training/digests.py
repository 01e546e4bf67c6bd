"""What tells a whole checkpoint from a damaged one: SHA256SUMS in its folder, as `sha256sum -c` reads it.

Standard library only: reports and exports look for whole checkpoints without torch.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..files import write_synced

DIGESTS = "SHA256SUMS"


def write_files(folder: Path, contents: Mapping[str, bytes | memoryview]) -> None:
    """Write files into `folder`, synced, and their digests, which are of what was to be written; raises OSError."""
    for name, data in contents.items():
        write_synced(folder / name, data)
    lines = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items())
    write_synced(folder / DIGESTS, lines.encode())


def damage(folder: Path, names: Sequence[str]) -> str | None:
    """What is wrong with the files of a checkpoint, in words, or None where nothing is.

    Checkpoints of earlier versions have no digests: there only a file that is missing is damage.
    """
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        return f"{missing[0]} is missing"
    try:
        listed = (folder / DIGESTS).read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{DIGESTS} cannot be read: {error.strerror}"
    wanted = {m[2]: m[1] for m in (re.fullmatch(r"([0-9a-f]{64})  (\S+)", line) for line in listed) if m}
    for name in names:
        if name not in wanted:
            return f"{DIGESTS} does not list {name}"
        try:
            with (folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return f"{name} cannot be read: {error.strerror}"
        if found != wanted[name]:
            return f"{name} is not what was written: its SHA-256 is another"
    return None
