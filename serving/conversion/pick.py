"""Which pictures of a folder are converted: those that a pattern names, without those that another one names."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ...errors import ConfigError
from ...images.find import Survey

LEFT_OUT = "pictures left out by --include and --exclude"


def picked(found: Survey, root: Path, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Survey:
    """The same survey with the pictures that some pattern of `include` names, if there are any, and none of `exclude`.

    Patterns are of the whole path below `root`, with `/` between its parts: `*` and `?` stay within a part, `[ab]` is
    one of these signs, and a part `**` is any number of folders. What they leave out is counted; a pattern that names
    no picture is told among the notes. Raises ConfigError for what is no pattern.
    """
    if not include and not exclude:
        return found
    names = {path: path.relative_to(root).as_posix() for path in found.pictures}
    told = [f"{flag} {glob} names no picture." for flag, globs in (("--include", include), ("--exclude", exclude))
            for glob in globs if not any(map(_pattern(glob).fullmatch, names.values()))]  # fmt: skip
    wanted, unwanted = ([_pattern(glob) for glob in globs] for globs in (include, exclude))
    kept = [path for path, name in names.items() if (not wanted or _any(wanted, name)) and not _any(unwanted, name)]
    left = found.left_alone + Counter({LEFT_OUT: len(names) - len(kept)})  # a sum of counters has no zeros
    return dataclasses.replace(found, pictures=kept, left_alone=left, links=(*found.links, *told))


def _any(patterns: Sequence[re.Pattern[str]], name: str) -> bool:
    return any(pattern.fullmatch(name) for pattern in patterns)


def _pattern(glob: str) -> re.Pattern[str]:
    """The pattern as a regular expression of a whole path."""
    parts = glob.removeprefix("./").split("/")
    said = "".join(_part(part, last=place == len(parts) - 1) for place, part in enumerate(parts))
    try:
        return re.compile(said, re.DOTALL)
    except re.error as error:
        raise ConfigError(
            f"{glob!r} is no pattern of paths ({error}). Write them as in '**/*.jpg' or 'IMG_[0-9]*'."
        ) from error


def _part(part: str, *, last: bool) -> str:
    if part == "**":
        return ".*" if last else "(?:[^/]+/)*"
    signs = {"*": "[^/]*", "?": "[^/]"}
    cut = re.findall(r"\[!?\]?[^\]]*\]|.", part, re.DOTALL)
    said = "".join(signs.get(sign) or (_choice(sign) if len(sign) > 1 else re.escape(sign)) for sign in cut)
    return said if last else said + "/"


def _choice(sign: str) -> str:
    """`[ab]` or `[!a-c]`."""
    inner, no = sign[1:-1], ""
    if inner.startswith("!"):
        inner, no = inner[1:], "^/"
    inner = re.sub(r"([\\\[\]^&~|])", r"\\\1", inner)
    return f"[{no}{inner}]"
