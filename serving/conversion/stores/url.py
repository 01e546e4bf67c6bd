"""Places in object stores and other file systems that fsspec knows, as paths: `s3://bucket/photos`, `sftp://host/photos`.

A Url reckons as a path does, and what it reads and writes goes to the store. Credentials are the driver's business: its
settings and environment have them, and no URL.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import hashlib
import io
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ....errors import I2IError, RequestError, first_line

if TYPE_CHECKING:
    from pathlib import PosixPath as _Path  # what takes a Path takes a Url
else:
    from pathlib import PurePosixPath as _Path  # but nothing that a Path does reaches this machine's disk by a Url

HERE = ("file", "local")
"""Protocols of this machine's own folders."""
ROOTED = ("hdfs", "viewfs")
"""Protocols whose URLs name no host."""
DRIVERS = {
    "abfs": "adlfs",
    "abfss": "adlfs",
    "az": "adlfs",
    "gcs": "gcsfs",
    "gs": "gcsfs",
    "s3": "s3fs",
    "s3a": "s3fs",
    "sftp": "paramiko",
    "smb": "smbprotocol",
}
"""The package that has the driver of a protocol; fsspec names others."""
TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "modify", "created")
"""What drivers call the time of the last change."""
TAGS = ("ETag", "etag", "md5Hash")
"""And what changes with the content, where there is no time."""

listings: dict[str, Mapping[str, os.stat_result]] = {}
"""What lies below some places, by URL, while `listed` (listing.py) says that this is to be asked once."""


class Url(_Path):
    """A place in a store. It compares, joins and pickles as a path does."""

    def __str__(self) -> str:
        protocol, *names = self.parts or ("",)
        if not protocol.endswith(":"):
            return "/".join(self.parts)  # relative to some place
        return f"{protocol}//{'/' if protocol[:-1] in ROOTED else ''}{'/'.join(names)}"

    def __fspath__(self) -> str:
        return str(self)

    @property
    def store(self) -> Any:
        """The file system of fsspec's; raises RequestError where there is no driver."""
        return _store(self.parts[0][:-1], str(self))

    @property
    def name_there(self) -> str:
        """What the store calls it."""
        return str(self.store._strip_protocol(str(self)))

    def stat(self, **_: bool) -> os.stat_result:
        """Size and time in whole seconds, as stores differ below them; raises OSError.

        Of what lies below a place that is listed, the listing has it.
        """
        name = str(self)
        for root, found in listings.items():
            if name == root or name.startswith(f"{root}/"):
                if name in found:
                    return found[name]
                raise _nowhere(self)
        with asking(self):
            self.store.invalidate_cache(self.name_there)
            return as_stat(name, self.store.info(self.name_there))

    def exists(self) -> bool:
        """Whether a file or a folder is there; raises OSError where the store does not say."""
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def is_file(self) -> bool:
        """Raises OSError where the store does not say."""
        return self.exists() and stat.S_ISREG(self.stat().st_mode)

    def is_dir(self) -> bool:
        """Raises OSError where the store does not say."""
        return self.exists() and stat.S_ISDIR(self.stat().st_mode)

    def absolute(self) -> Url:
        """Itself."""
        return self

    def read_bytes(self) -> bytes:
        """All of it; raises OSError."""
        with asking(self):
            return bytes(self.store.cat_file(self.name_there))

    def open(self, *_: Any, **__: Any) -> io.BytesIO:  # type: ignore[override]
        """All of it, for reading; raises OSError."""
        return io.BytesIO(self.read_bytes())

    def write_bytes(self, data: Any) -> int:
        """Object stores show it when it is whole; with others, write beside and `replace`. Raises OSError."""
        with asking(self):
            self._make_room()
            self.store.pipe_file(self.name_there, bytes(data))
        return len(data)

    def replace(self, target: Any) -> Url:
        """Move it to a Url of the same store, whole or not at all; raises OSError."""
        with asking(self):
            target._make_room()
            if _renames(self.store):
                self.store.mv(self.name_there, target.name_there)
            else:  # its `mv` would take the signs * ? [ in a name for a pattern
                self.store.cp_file(self.name_there, target.name_there)
                self.store.rm_file(self.name_there)
        return Url(target)

    def unlink(self, missing_ok: bool = False) -> None:
        """Raises OSError."""
        try:
            with asking(self):
                self.store.rm_file(self.name_there)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def mkdir(self, *_: Any, **__: Any) -> None:
        """Folders come with what is written into them."""

    def _make_room(self) -> None:
        if _renames(self.store):  # it has folders; others would look for the bucket, and make it
            self.store.makedirs(self.parent.name_there, exist_ok=True)


def placed(place: Path) -> Path:
    """A path as it is, or as the Url, or the folder of this machine, that it can only be meant for.

    Raises RequestError for a URL with a password, or with `..` in it.
    """
    scheme = place.parts[0] if place.parts else ""
    if isinstance(place, Url) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]+(::.+)?:", scheme) or Path(scheme).exists():
        return place
    protocol, names = scheme[:-1].lower(), place.parts[1:]
    if protocol in HERE:
        return Path("/", *map(unquote, names))
    if names and re.match(r"[^@]*:[^@]*@", names[0]):
        raise RequestError(
            f"A {protocol} URL has a password in it, which would be shown and written down. Give it in the environment "
            "or the settings of the driver, and leave it out here."
        )
    if not names or ".." in names:
        raise RequestError(f"{protocol}://{'/'.join(names)} names no place in a store. Write it as s3://bucket/folder.")
    return Url(f"{protocol}:", *names)


@contextlib.contextmanager
def asking(url: Url) -> Iterator[None]:
    """Whatever a driver raises becomes an OSError that says why, without what is secret in URLs."""
    try:
        yield
    except (I2IError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise _nowhere(url) from error
    except Exception as error:
        number = (error.errno if isinstance(error, OSError) else None) or errno.EIO
        raise OSError(number, _said(error), str(url)) from error


def as_stat(name: str, info: Mapping[str, Any]) -> os.stat_result:
    """What fsspec says of a file or folder, as the operating system would; `name` stands for its identity."""
    kind = stat.S_IFDIR if info.get("type") == "directory" else stat.S_IFREG
    seconds = next((found for key in TIMES if (found := _seconds(info.get(key))) is not None), None)
    if seconds is None:
        tag = next((str(info[key]) for key in TAGS if info.get(key)), "")
        seconds = int(hashlib.sha256(tag.encode()).hexdigest()[:8], 16) if tag else 0
    number = int(hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:15], 16) | 1
    plain = (kind, number, -1, 1, 0, 0, int(info.get("size") or 0), seconds, seconds, seconds)
    return os.stat_result(plain, {"st_mtime_ns": seconds * 10**9})


def _seconds(when: Any) -> int | None:
    if isinstance(when, str):
        try:
            when = datetime.datetime.fromisoformat(when)
        except ValueError:
            return None
    if isinstance(when, datetime.datetime):
        return int(when.timestamp())
    return int(when) if isinstance(when, int | float) else None


def _store(protocol: str, url: str) -> Any:
    try:
        import fsspec
    except ImportError as error:
        raise RequestError(f"{url} needs fsspec, which is not installed. Type: pip install 'i2i[ray]'") from error
    try:
        made_by = fsspec.get_filesystem_class(protocol)
        return fsspec.filesystem(protocol, **made_by._get_kwargs_from_urls(url))
    except ImportError as error:
        package = DRIVERS.get(protocol)
        what = f"{package}, which is not installed. Type: pip install {package}"
        raise RequestError(f"{url} needs {what if package else f'a driver ({_said(error)})'}") from error
    except Exception as error:
        raise RequestError(f"{url} cannot be reached ({_said(error)}). Write it as s3://bucket/folder.") from error


def _renames(store: Any) -> bool:
    """Whether it moves files by itself, as those do that have folders."""
    from fsspec.spec import AbstractFileSystem

    return type(store).mv is not AbstractFileSystem.mv


def _nowhere(url: Url) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, "no such object or bucket", str(url))


def _said(error: Exception) -> str:
    """Without user names, passwords and signed queries, which URLs in messages may have."""
    text = (error.strerror if isinstance(error, OSError) else None) or first_line(error) or type(error).__name__
    return re.sub(r"(?<=//)[^/\s]*@|(?<=\?)\S+", "…", text)
