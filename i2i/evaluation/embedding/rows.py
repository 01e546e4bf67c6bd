"""Which embeddings there are, where their weights come from, and how a picture goes through one."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import DataError, I2IError, ModelFileError, RequestError
from ...images.image import Doubles, Floats

if TYPE_CHECKING:
    from .networks import Network

INCEPTION_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""Of the weights of FID, one file under two names: pytorch-fid's and torch-fidelity's."""


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of EMBEDDINGS."""

    words: str
    """What the features are, with the resize rule, as it stands in the name of a figure."""
    length: int
    """Features of a picture."""
    builder: str
    """The function of networks.py."""
    mark: tuple[str, tuple[int, ...]] | None = None
    """A tensor and its shape by which weights of this network are known; None for one without weights."""
    url: str = ""
    """Where the weights are published; the name pins the beginning of their SHA-256."""
    variable: str = ""
    """Environment variable that may name the file of weights."""
    classes: str = ""
    """The tensor that gives class logits."""
    sha256: str = ""
    """Of the one file that makes the figures the published ones."""


EMBEDDINGS: dict[str, Row] = {
    "inception": Row(
        "Inception pool3 features, 8 bits, 299 px by TensorFlow's bilinear",
        2048,
        "inception",
        ("Mixed_7c.branch_pool.conv.weight", (192, 2048, 1, 1)),
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
        "I2I_INCEPTION",
        "fc.weight",
        INCEPTION_SHA256,
    ),
    "squeezenet": Row(
        "SqueezeNet features, 224 px antialiased bicubic",
        512,
        "squeezenet",
        ("features.12.expand3x3.weight", (256, 64, 3, 3)),
        "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
        "I2I_SQUEEZENET",
        "classifier.1.weight",
    ),
    "vgg16": Row(
        "VGG-16 fc2 features, 224 px antialiased bicubic",
        4096,
        "vgg16",
        ("classifier.3.weight", (4096, 4096)),
        "https://download.pytorch.org/models/vgg16-397923af.pth",
        "I2I_VGG16",
        "classifier.6.weight",
    ),
    "pixels": Row("plain pixels, 8 x 8 px antialiased bicubic", 192, "pixels"),
}
"""By the word that `--features` takes, in the order in which one is looked for."""


class Embedding:
    """Turns pictures into features, each picture once: what was seen before comes from the cache."""

    def __init__(self, name: str, network: Network, digest: str, cache: Any = None, classes: bool = False) -> None:
        """`digest` is of the weights, "" without any; `cache` takes and gives vectors by the digest of a picture.

        `classes`: whether the weights tell class logits too.
        """
        self.name, self.row, self.network, self.digest = name, EMBEDDINGS[name], network, digest
        self.cache, self.classes = {} if cache is None else cache, classes
        self.last: tuple[Any, Doubles] | None = None
        self.genuine = bool(self.row.sha256) and digest == self.row.sha256

    @property
    def words(self) -> str:
        """What the features are, and the beginning of their weights' SHA-256 unless those are the published ones."""
        return self.row.words + (f" (weights {self.digest[:8]})" if self.digest and not self.genuine else "")

    def __call__(self, picture: Floats) -> Doubles:
        """(H, W, 1 or 3) in [0, 1] -> (d,) or (d + classes,) float64; raises DataError for other channels."""
        if self.last is not None and self.last[0] is picture:
            return self.last[1]
        if picture.shape[2] not in (1, 3):
            raise DataError(f"Features are for grey and RGB; here is a picture of {picture.shape[2]} channels.")
        key = content(picture)
        found = self.cache.get(key)
        if found is None:
            found = self._run(picture)
            self.cache[key] = found
        self.last = (picture, found)
        return self.last[1]

    def features(self, vectors: list[Doubles]) -> Doubles:
        """(n, d) of what pictures became."""
        return np.stack(vectors)[:, : self.row.length].astype(np.float64)

    def logits(self, vectors: list[Doubles]) -> Doubles:
        """(n, classes) of what pictures became."""
        return np.stack(vectors)[:, self.row.length :].astype(np.float64)

    def _run(self, picture: Floats) -> Doubles:
        import torch

        rgb = np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture
        x = torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1), np.float32))[None]
        with torch.no_grad():
            features, logits = self.network(x)
        both = features if logits is None else torch.cat([features, logits], 1)
        return np.asarray(both[0].float().numpy())


def content(picture: Floats) -> str:
    """Digest of what a picture shows: its size and its values, and nothing of its file."""
    import hashlib

    values = np.ascontiguousarray(picture, np.float32)
    return hashlib.blake2b(repr(values.shape).encode() + values.tobytes(), digest_size=20).hexdigest()


def open_embedding(
    wanted: str | None, local_only: bool = False, cache: Callable[[str], Any] | None = None
) -> Embedding:
    """The embedding of that name or of a file of weights; None is the first whose weights are at hand, else pixels.

    A named one is downloaded where it is not at hand, unless `local_only`. `cache` gives the cache for a key.
    Raises an I2IError with how to get the weights, ModelFileError for a file that holds other ones.
    """
    name, path = _chosen(wanted, local_only)
    from ...losses.backbones import as_torchvision
    from ...losses.weights import digest, read
    from . import networks

    weights = {} if path is None else read(path)
    named = as_torchvision(weights)[0]
    if path is not None and wanted not in EMBEDDINGS and wanted is not None:
        fits = [key for key, row in EMBEDDINGS.items() if row.mark and _has(named, row.mark)]
        if not fits:
            known = ", ".join(key for key, row in EMBEDDINGS.items() if row.mark)
            raise ModelFileError(f"{path} holds no weights of {known}, by the names and shapes in it.")
        name = fits[0]
    of_weights = "" if path is None else digest(path)
    try:
        network: Network = getattr(networks, EMBEDDINGS[name].builder)(weights)
    except (RuntimeError, KeyError) as error:
        raise ModelFileError(f"{path} does not fit {name}: {str(error).splitlines()[-1].strip()}") from error
    kept = None if cache is None else cache(key_of(name, of_weights))
    return Embedding(name, network, of_weights, kept, any(EMBEDDINGS[name].classes == key for key in named))


def key_of(name: str, digest: str) -> str:
    """What features depend on beside the picture: the code that makes them, its libraries, and the weights."""
    import hashlib
    from importlib.metadata import version

    from ...losses import backbones

    files = (Path(__file__), Path(__file__).with_name("networks.py"), Path(backbones.__file__))
    code = b"".join(path.read_bytes() for path in files)
    made_by = [
        name,
        digest,
        *(f"{package} {version(package)}" for package in ("torch", "torchvision", "torch-fidelity")),
    ]
    return f"{name}-{hashlib.sha256(code + repr(made_by).encode()).hexdigest()[:16]}"


def _has(weights: Mapping[str, Any], mark: tuple[str, tuple[int, ...]]) -> bool:
    return mark[0] in weights and tuple(weights[mark[0]].shape) == mark[1]


def _chosen(wanted: str | None, local_only: bool) -> tuple[str, Path | None]:
    """Name (to be found out, of a file) and file."""
    if wanted is None:
        return next((name, path) for name in EMBEDDINGS if (path := _at_hand(name)) or EMBEDDINGS[name].mark is None)
    if wanted in EMBEDDINGS:
        row = EMBEDDINGS[wanted]
        if row.mark is None:
            return wanted, None
        named = os.environ.get(row.variable)
        return wanted, Path(named) if named else _downloaded(wanted, local_only)
    path = Path(wanted)
    if not path.is_file():
        raise RequestError(
            f"There are no features called {wanted!r}, and no file of weights of that name. "
            f"Known: {', '.join(EMBEDDINGS)}."
        )
    return "pixels", path


def _at_hand(name: str) -> Path | None:
    """The file of weights that the environment names, or that torch's cache has."""
    row = EMBEDDINGS[name]
    if not row.mark:
        return None
    named = os.environ.get(row.variable)
    if named:
        return Path(named)
    from ...losses.weights import cached

    path = cached(row.url)
    return path if path.is_file() else None


def _downloaded(name: str, local_only: bool) -> Path:
    from ...losses.weights import cached, digest, fetched

    row = EMBEDDINGS[name]
    ways = f"Put {row.url} at {cached(row.url)}, or say where it is with --features FILE or {row.variable}."
    if local_only and not cached(row.url).is_file():
        raise ModelFileError(f"{name} needs its weights. {ways}")
    try:
        path = fetched(row.url)
    except I2IError as error:
        raise type(error)(f"The features of {name} need its weights, but {error} {ways}") from error
    if row.sha256 and digest(path) != row.sha256:
        raise ModelFileError(f"{path} is not the published file: its SHA-256 is not {row.sha256}. Remove it.")
    return path
