"""Every error that a user can cause, as one tree. A message says what failed, the likely intent, the way out.

I2IError                    base; the command line prints its sentence and exits with `status`
├── RequestError            what was asked for cannot be: nothing was done (status 2)
│   ├── UnknownNameError    a name that is in no table, with "did you mean"
│   ├── ConfigError         a configuration value or key that makes no sense
│   ├── DataError           a folder that cannot be trained on or scored
│   ├── RunError            a run directory that does not fit the request
│   └── ModelFileError      a file that is no model of ours, or a damaged one
├── PictureError            one picture that cannot be read
│   ├── PictureTooLargeError  a picture over the limit of pixels
│   └── SeveralFramesError  an animation, or a book of pages, where one picture was asked for
├── TrainingError           a run that had to stop (status 1)
├── ExportError             a file that would not agree with the network it came from
├── ProviderError           an execution provider that is missing or computes wrongly
└── StorageError            a disk that is full or not writable
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable


class I2IError(Exception):
    """Base of all errors with a sentence for the user."""

    status = 2
    """Exit status of a command that ends with this error."""


class RequestError(I2IError):
    """The request was wrong; nothing was done."""


LONGEST = 99
"""Letters of an unknown name that are said and compared: anybody may send 30 million."""


class UnknownNameError(RequestError, LookupError):
    """No generator is called 'unet265'. Did you mean 'unet256'? Known: resnet9, unet128, unet256."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names, name = sorted(known), name if len(name) <= LONGEST else f"{name[:LONGEST]}…"
        super().__init__(
            f"No {kind} is called {name!r}.{did_you_mean(name, names)} Known: {', '.join(names) or 'none'}."
        )


class ConfigError(RequestError):
    """A configuration key or value that makes no sense."""


class DataError(RequestError):
    """A folder that cannot be trained on or scored."""


class RunError(RequestError):
    """A run directory that does not fit the request."""


class ModelFileError(RequestError):
    """A file that is no model of ours, or a damaged one."""


class PictureError(I2IError):
    """One picture that cannot be read."""

    status = 1


class PictureTooLargeError(PictureError):
    """A picture with more pixels than the limit allows."""


class SeveralFramesError(PictureError):
    """An animation, or a TIFF of several pages, where one picture was asked for."""


class TrainingError(I2IError):
    """A run that had to stop before its end."""

    status = 1


class ExportError(I2IError):
    """An exported file that would not agree with the network it came from."""


class ProviderError(I2IError):
    """An execution provider that is missing here or computes wrongly."""


class StorageError(I2IError):
    """A disk that is full or not writable."""


LINE = 250
"""Letters of somebody else's error that a sentence has room for."""


def first_line(error: Exception) -> str:
    """What an exception of somebody else's says, on one line of LINE letters at most and without the full stop; its
    type's name if nothing.
    """
    said = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    return said if len(said) <= LINE else f"{said[:LINE]}…"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The hint `Did you mean 'unet256'?` with a space before it, or nothing when no known name is near."""
    near = difflib.get_close_matches(name[:LONGEST], list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def require(kind: str, name: str, table: Collection[str]) -> None:
    """Raises UnknownNameError when `name` is not in `table`."""
    if name not in table:
        raise UnknownNameError(kind, name, table)
