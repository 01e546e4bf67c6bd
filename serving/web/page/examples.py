"""Pictures to try, and their translations: what lies in the folder `examples` beside a model, or a drawn landscape.

Each is translated once, when somebody first looks at it, and kept while there is room. Examples that are larger than
the server's limits are left out.
"""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from ....errors import PictureError
from ....images.decode import read_header, read_picture
from ....images.encode import encode
from ....images.find import find_pictures
from ....images.structure.bounds import STRANGERS
from ...inference.controls import pictures_of
from ..service import ModelService, shown
from .sample import sample

EACH = 8
"""Examples of a model."""

ROOM = 64 * 2**20
"""Bytes that are kept of all of them."""

SIDE = 192
"""Pixels of a small one's shorter side."""


class Examples:
    """The examples of every model in `services`; safe to call from several threads."""

    def __init__(self, services: Mapping[str, ModelService]) -> None:
        self._services = services
        self._kept: OrderedDict[tuple[str, str, int], bytes] = OrderedDict()
        self._changing = threading.Lock()
        self._named: dict[str, list[str]] = {}

    def names(self, model: str) -> list[str]:
        """File names of the examples; none of a model that is not there."""
        if model not in self._services or self._services[model].card.image is None:
            return []
        file = self._services[model].model.found.sha256
        if file not in self._named:
            self._named[file] = [name for name, _ in self._found(model)]
        return self._named[file]

    def picture(self, model: str, number: int) -> bytes:
        """The example itself: the file as it is, where browsers show it, else as PNG of 8 bits."""
        return self._once("picture", model, number, lambda: self._readable(model, number))

    def thumb(self, model: str, number: int) -> bytes:
        """A small JPEG of it."""
        return self._once("thumb", model, number, lambda: _small(self.picture(model, number)))

    def after(self, model: str, number: int) -> bytes:
        """Its translation, as `/v1/translate` gives it; raises what that raises, BusyError too."""
        return self._once("after", model, number, lambda: self._translated(model, number))

    def _once(self, what: str, model: str, number: int, make: Callable[[], bytes]) -> bytes:
        key = (what, self._services[model].model.found.sha256, number)
        with self._changing:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        return self._keep(key, make())

    def _keep(self, key: tuple[str, str, int], made: bytes) -> bytes:
        with self._changing:
            self._kept[key] = made
            while sum(map(len, self._kept.values())) > ROOM and len(self._kept) > 1:
                self._kept.popitem(last=False)
        return made

    def _translated(self, model: str, number: int) -> bytes:
        service = self._services[model]
        with service.admission.enter():
            return service.translate(self.picture(model, number))

    def _readable(self, model: str, number: int) -> bytes:
        data = self._found(model)[number][1]()
        if data.startswith((b"\x89PNG", b"\xff\xd8", b"RIFF")):
            return data
        return encode(shown(read_picture(data)), "png")

    def _found(self, model: str) -> list[tuple[str, Callable[[], bytes]]]:
        service = self._services[model]
        if pictures_of(service.card):  # of which an example says nothing
            return []
        folder = service.model.path.parent / "examples"
        found = find_pictures(folder)[:EACH] if folder.is_dir() else []
        rows = [(path.name, path.read_bytes) for path in found if _fits(path.read_bytes(), service)]
        if rows or service.card.input_channels not in (1, 3):
            return rows
        scale, fixed = service.card.scale, service.card.fixed_size
        height, width = fixed or (360 // scale, 480 // scale)
        return [("landscape.png", lambda: sample(width, height))]


def _fits(data: bytes, service: ModelService) -> bool:
    try:
        header = read_header(data, STRANGERS)
    except PictureError:
        return False
    pixels = header.width * header.height
    return pixels <= service.max_pixels and pixels * service.card.scale**2 <= service.max_result_pixels


def _small(data: bytes) -> bytes:
    picture = shown(read_picture(data))
    pixels = picture.pixels[..., 0] if picture.pixels.shape[2] == 1 else picture.pixels
    image = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
    by = min(1.0, SIDE / min(image.size), 4 * SIDE / max(image.size))
    small = image.resize((max(1, round(image.width * by)), max(1, round(image.height * by))), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=85)
    return out.getvalue()
