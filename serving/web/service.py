"""Uploaded bytes in, PNG bytes out: what the HTTP API and the page both call, so that their results are the same.

Admission is decided here: sizes from the header, before decoding; how many may wait; how much may be in memory.
Decoding and encoding run in the callers' threads beside the engine's computation, which goes through its batcher.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ...card import Card
from ...errors import PictureError, PictureTooLargeError
from ...hardware.system import available_threads
from ...images.colour.managed import in_srgb
from ...images.decode import MAX_PIXELS
from ...images.encode import encode
from ...images.guarded.decoder import decoder
from ...images.guarded.seen import CrowdedError, Decoder, Seen
from ...images.image import Header, Picture, to_float, to_uint8, with_channels
from ...images.metadata.policy import kept
from ...ports import Port
from ..hosting.ledger import Ledger, NoRoomError
from ..hosting.model import Model
from ..inference.controls import NO_CONTROLS, pictures_of
from ..inference.engine import Engine
from ..inference.executors import FloatArray, OutOfMemoryError
from ..inference.padding import padded_side
from ..runtime.jobs import Job, working_on
from .admission import Admission, BusyError


class NotAPictureError(PictureError):
    """An upload that is no picture of a kind that we read."""


@dataclasses.dataclass(frozen=True)
class Form:
    """A format that answers may have."""

    media_type: str
    quality: int | None = None
    """None: the format keeps every value."""


FORMS = {"png": Form("image/png"), "jpg": Form("image/jpeg", 92), "webp": Form("image/webp", 90)}
"""By names of formats; the first is taken where a client asks for none."""
MAX_WAITING = 32
MOST_DECODERS = 4
"""Processes that decode small pictures at once; half as many decode large ones."""
CROWDED = 5
"""Seconds after which to try again when too many large pictures wait to be decoded."""


def shared_decoder() -> Decoder:
    """The one decoder that all models share."""
    return decoder(min(MOST_DECODERS, available_threads()))


class ModelService:
    """The one place where a served engine takes pictures; safe to call from several threads."""

    def __init__(
        self,
        model: Model | Engine,
        max_pixels: float,
        max_result_pixels: float,
        max_waiting: int = MAX_WAITING,
        max_bytes: int = 2**31,
    ) -> None:
        self.model = Model.of(model.card.name, model, Ledger()) if isinstance(model, Engine) else model
        self.card, self.ledger = self.model.card, self.model.ledger
        self.max_pixels = int(max_pixels)
        self.max_result_pixels = int(max_result_pixels)
        self.admission = Admission(max_waiting + 1, self.ledger, max_bytes)
        self.on_stage: Callable[[str, float], None] = lambda _stage, _seconds: None
        """Is told how long a picture was in each of its stages: decode, queue, inference, encode."""
        self.decoder = shared_decoder()

    def translate(
        self, data: bytes, controls: Mapping[str, object] = NO_CONTROLS, job: Job | None = None, form: str = "png"
    ) -> bytes:
        """A picture's file as the file of its translation: `form` is a key of FORMS. A PNG has 16 bits where the
        picture had more than 8. For those who have a place (`admission`); in the caller's thread.

        `controls` are values by port name, a picture's file for a mask or a reference. Raises NotAPictureError,
        PictureTooLargeError, PictureError (damaged, of channels that the model does not take, a mask of another size),
        RequestError on controls that mean nothing, UnopenedError where the model cannot be opened, CancelledError and
        DeadlineError when the job is to end. Of the metadata the answer carries the colour profile alone.
        """
        job, began = job or Job(), time.monotonic()
        seen = self.look(data)
        beside = self._look_beside(seen.header, controls)
        asked = time.monotonic()
        with working_on(job), self.model.leased() as engine, self._room(engine, seen.header, job, len(beside)):
            job.check()
            entered = time.monotonic()
            source = self._decoded(data, seen)
            pictures = {port.name: self._as_taken(port, *file) for port, file in beside.items()}
            decoded = time.monotonic()
            picture = engine.translate(source, **{**controls, **pictures})
            done = time.monotonic()
            answer = encode(kept(picture, "strip"), form, FORMS[form].quality, is_quick=True)
        computing = done - decoded - job.waited
        self.admission.learn(computing)
        stages = {
            "decode": asked - began + decoded - entered,
            "queue": entered - asked + job.waited,
            "inference": computing,
        }
        for stage, seconds in {**stages, "encode": time.monotonic() - done}.items():
            self.on_stage(stage, seconds)
        return answer

    def infer(
        self, batch: FloatArray, job: Job | None = None, controls: Mapping[str, object] = NO_CONTROLS
    ) -> FloatArray:
        """(N, C, H, W) in [0, 1] as `Engine.run` gives it. For those who have a place; raises what `translate` raises
        of sizes and controls, and DeadlineError and CancelledError.
        """
        job, (count, channels, height, width) = job or Job(), batch.shape
        tall = height if count == 1 else count * padded_side(height, self.card.multiple, self.card.smallest)
        header = Header(width, tall, channels, 32)  # each of them is grown to what the network takes
        _check_size(header, self.card, self.max_pixels, self.max_result_pixels)
        with working_on(job), self.model.leased() as engine, self._room(engine, header, job):
            return engine.run(batch, **controls)

    def preview(self, data: bytes) -> bytes:
        """A picture's file as PNG of 8 bits, upright and in sRGB, for who cannot read its kind. For those who have a
        place; raises what `translate` raises of a picture.
        """
        seen = self.look(data)
        with self.ledger.holding(_picture_bytes(seen.header, None)):
            return encode(shown(self._decoded(data, seen)), "png", is_quick=True)

    @contextlib.contextmanager
    def _room(self, engine: Engine, header: Header, job: Job, beside: int = 0) -> Iterator[None]:
        """Wait for memory for the picture, so many `beside` it, the result and the run; raises PictureTooLargeError
        where there never is.
        """
        own = _picture_bytes(header, self.card) + beside * _picture_bytes(header, None)
        quickest, least = engine.foretold(header.height, header.width)
        try:
            with self.ledger.holding(own, quickest, least, self.model) as job.memory:
                yield
        except (NoRoomError, OutOfMemoryError) as error:
            raise PictureTooLargeError(
                f"There is not enough memory here for a picture of {header.width}x{header.height}. Send a smaller one; "
                f"`i2i serve --max-memory` raises the limit, which is {self.ledger.limit / 1e6:.0f} MB now."
            ) from error

    def look(self, data: bytes) -> Seen:
        """What the picture's header says; raises NotAPictureError, PictureTooLargeError, PictureError, BusyError."""
        seen = self._looked(data)
        _check_size(seen.header, self.card, self.max_pixels, self.max_result_pixels)
        _check_channels(seen.header, self.card)
        return seen

    def _looked(self, data: bytes) -> Seen:
        try:
            return self.decoder.look(data)
        except PictureTooLargeError as error:  # of our decoder, whose limit is another
            raise PictureTooLargeError(
                f"The picture is too large: over the limit of {self.max_pixels / 1e6:g} megapixels."
            ) from error
        except PictureError as error:
            raise NotAPictureError(str(error)) from error
        except CrowdedError as error:
            raise BusyError(CROWDED) from error

    def _look_beside(self, header: Header, controls: Mapping[str, object]) -> dict[Port, tuple[bytes, Seen]]:
        """The files among the settings, by port, with their headers; PictureError unless they have the picture's size,
        or the port's own.
        """
        files = {port: controls[port.name] for port in pictures_of(self.card)}
        found = {port: (data, self._looked(data)) for port, data in files.items() if isinstance(data, bytes)}
        for port, (_, seen) in found.items():
            sides = zip(port.shape[1:], (header.height, header.width), strict=True)
            height, width = (follows if side is None else side for side, follows in sides)
            if (seen.header.height, seen.header.width) != (height, width):
                has = f"{seen.header.width}x{seen.header.height}"
                raise PictureError(f"The {port.kind} {port.name!r} has {has} pixels; it takes {width}x{height} here.")
        return found

    def _as_taken(self, port: Port, data: bytes, seen: Seen) -> FloatArray:
        """(C, H, W) in [0, 1]."""
        pixels = with_channels(self._decoded(data, seen).pixels, int(port.shape[0] or 1))
        return np.ascontiguousarray(to_float(pixels).transpose(2, 0, 1))

    def _decoded(self, data: bytes, seen: Seen) -> Picture:
        try:
            return self.decoder.picture(data, seen, self.max_pixels)
        except CrowdedError as error:
            raise BusyError(CROWDED) from error


class Services(Mapping[str, ModelService]):
    """What is served, by the names that clients use; it follows the models as they come, go and are replaced. Safe to
    use from several threads: what was begun to be walked stays as it was.
    """

    def __init__(self, models: Mapping[str, Model], make: Callable[[Model], ModelService]) -> None:
        self._models, self._make = models, make
        self._now: dict[str, ModelService] = {}
        self.follow()

    def follow(self) -> None:
        """Take up what has become of the models; those that are as they were keep who waits for them."""
        models = dict(self._models)
        kept = {name: self._now.get(name) for name in models}
        self._now = {
            name: service if service is not None and service.model is models[name] else self._make(models[name])
            for name, service in kept.items()
        }

    def __getitem__(self, name: str) -> ModelService:
        return self._now[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now)

    def __len__(self) -> int:
        return len(self._now)


def shown(picture: Picture) -> Picture:
    """A decoded picture as a screen has it: 8 bits, sRGB, of other bands the first."""
    pixels = in_srgb(picture.pixels, picture.icc)
    alpha = None if picture.alpha is None else to_uint8(picture.alpha)
    return Picture(to_uint8(pixels if pixels.shape[2] in (1, 3) else pixels[..., :1]), alpha)


def _check_size(header: Header, card: Card, max_pixels: int, max_result_pixels: int) -> None:
    """Raises PictureTooLargeError on what the server will not even decode, and on too large a result."""
    pixels = _padded(header, card)
    checks = [("The picture", pixels, max_pixels, "--max-megapixels")]
    if card.scale > 1:
        result = f"The result at scale {card.scale}"
        checks.append((result, pixels * card.scale**2, max_result_pixels, "--max-result-megapixels"))
    for what, has, limit, option in checks:
        if has > limit:
            raise PictureTooLargeError(
                f"{what} has {math.ceil(has / 1e5) / 10:g} megapixels{_with_padding(header, card)} "
                f"({header.width}x{header.height} were sent); the limit is {limit / 1e6:g}. `i2i serve {option}` "
                f"raises it; `i2i convert` reads up to {MAX_PIXELS / 1e6:g} megapixels and has no limit for results."
            )


def _padded(header: Header, card: Card) -> int:
    """Pixels that the network is fed: a thin picture is grown to its least side, by many times what it has itself."""
    return math.prod(padded_side(side, card.multiple, card.smallest) for side in (header.height, header.width))


def _picture_bytes(header: Header, card: Card | None) -> int:
    """Of memory that a picture takes outside of the run: what the decoder holds of it, its own pixels, those that the
    network is fed, and the same of its result; of a preview without a `card`.
    """
    depth = max(1, header.depth // 8)
    here = header.width * header.height * (DECODING + header.channels * (depth + 4))
    if card is None:
        return here
    return here + _padded(header, card) * (
        4 * card.input_channels + card.scale**2 * card.output_channels * (4 + 2 * depth)
    )


DECODING = 5
"""Bytes a pixel that a decoder's process takes."""


def _with_padding(header: Header, card: Card) -> str:
    return (
        " once it is grown to what the network takes"
        if _padded(header, card) > 2 * header.width * header.height
        else ""
    )


def _check_channels(header: Header, card: Card) -> None:
    """Raises PictureError where the model takes, or PNG holds, other channels."""
    if header.channels != card.input_channels and {header.channels, card.input_channels} != {1, 3}:
        raise PictureError(f"The picture has {header.channels} channels where {card.input_channels} are needed.")
    if card.output_channels not in (1, 3):
        raise PictureError(f"The model gives {card.output_channels} bands, which no PNG holds; use `i2i convert`.")
