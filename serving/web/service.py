"""Uploaded bytes in, PNG bytes out: what the HTTP API and the page both call, so that their results are the same.

Admission is decided here: sizes from the header, before decoding; how many may wait; how much may be in memory.
Decoding and encoding run in the callers' threads beside the engine's computation, which goes through its batcher.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping

from ...card import Card
from ...errors import PictureError, PictureTooLargeError
from ...hardware.system import available_threads
from ...images.colour.managed import in_srgb
from ...images.decode import MAX_PIXELS
from ...images.encode import encode
from ...images.guarded.decoder import decoder
from ...images.guarded.seen import CrowdedError, Decoder, Seen
from ...images.image import Header, Picture, to_uint8
from ...images.metadata.policy import kept
from ..inference.controls import NO_CONTROLS
from ..inference.engine import Engine
from ..inference.executors import FloatArray
from ..inference.padding import padded_side
from ..runtime.jobs import Job, working_on
from .admission import Admission, BusyError
from .limits import PixelBudget


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
        engine: Engine,
        max_pixels: float,
        max_result_pixels: float,
        max_waiting: int = MAX_WAITING,
        max_bytes: float = float("inf"),
    ) -> None:
        self.engine = engine
        self.max_pixels = int(max_pixels)
        self.max_result_pixels = int(max_result_pixels)
        self.admission = Admission(max_waiting + 1, max_bytes)
        self.on_stage: Callable[[str, float], None] = lambda _stage, _seconds: None
        """Is told how long a picture was in each of its stages: decode, queue, inference, encode."""
        self.decoder = shared_decoder()
        self._budget = PixelBudget()
        engine.let_short_ones_by()

    def translate(
        self, data: bytes, controls: Mapping[str, object] = NO_CONTROLS, job: Job | None = None, form: str = "png"
    ) -> bytes:
        """A picture's file as the file of its translation: `form` is a key of FORMS. A PNG has 16 bits where the
        picture had more than 8. For those who have a place (`admission`); in the caller's thread.

        `controls` are values by port name. Raises NotAPictureError, PictureTooLargeError, PictureError (damaged, or of
        channels that the model does not take), RequestError on controls that mean nothing, CancelledError and
        DeadlineError when the job is to end. Of the metadata the answer carries the colour profile alone.
        """
        job, began = job or Job(), time.monotonic()
        seen = self.look(data)
        asked = time.monotonic()
        with working_on(job), self._budget.holding(self._share(seen.header)):
            job.check()
            entered = time.monotonic()
            source = self._decoded(data, seen)
            decoded = time.monotonic()
            picture = self.engine.translate(source, **controls)
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
        count, channels, height, width = batch.shape
        header = Header(width, height * count, channels, 32)
        _check_size(header, self.engine.card, self.max_pixels, self.max_result_pixels)
        with working_on(job), self._budget.holding(self._share(header)):
            return self.engine.run(batch, **controls)

    def preview(self, data: bytes) -> bytes:
        """A picture's file as PNG of 8 bits, upright and in sRGB, for who cannot read its kind. For those who have a
        place; raises what `translate` raises of a picture.
        """
        seen = self.look(data)
        with self._budget.holding(self._share(seen.header)):
            return encode(shown(self._decoded(data, seen)), "png", is_quick=True)

    def _share(self, header: Header) -> float:
        """Of the memory that the limits allow for."""
        pixels, scale = _padded(header, self.engine.card), self.engine.card.scale
        of_results = pixels * scale**2 / self.max_result_pixels if scale > 1 else 0
        return max(pixels / self.max_pixels, of_results)

    def look(self, data: bytes) -> Seen:
        """What the picture's header says; raises NotAPictureError, PictureTooLargeError, PictureError, BusyError."""
        try:
            seen = self.decoder.look(data)
        except PictureTooLargeError as error:  # of our decoder, whose limit is another
            raise PictureTooLargeError(
                f"The picture is too large: over the limit of {self.max_pixels / 1e6:g} megapixels."
            ) from error
        except PictureError as error:
            raise NotAPictureError(str(error)) from error
        except CrowdedError as error:
            raise BusyError(CROWDED) from error
        _check_size(seen.header, self.engine.card, self.max_pixels, self.max_result_pixels)
        _check_channels(seen.header, self.engine.card)
        return seen

    def _decoded(self, data: bytes, seen: Seen) -> Picture:
        try:
            return self.decoder.picture(data, seen, self.max_pixels)
        except CrowdedError as error:
            raise BusyError(CROWDED) from error


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
