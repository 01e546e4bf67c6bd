"""The one place where a served file that makes pictures from noise is asked for them."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator

from ....errors import ModelFileError, PictureTooLargeError, RequestError, UnknownNameError
from ....images.encode import encode
from ...generation.looks import size_of
from ...generation.picks import arrays_of, latents_of
from ...generation.sheet import made, sheet
from ...hosting.ledger import NoRoomError
from ...inference.executors import OutOfMemoryError
from ...runtime.jobs import Job, working_on
from ..service import FORMS, ModelService
from .asked import Asked

SHOWN = 128
"""Numbers of a latent that are told at most."""
BYTES = 20
"""Of memory that a sample takes outside of the run: of a batch as float, twice; in 8 bits, in the sheet, encoded."""


class GeneratorService(ModelService):
    """Safe to call from several threads."""

    def latent(self, asked: Asked) -> str | None:
        """The first numbers of the latent of the one picture that is asked for, with commas; None of several, or of one
        on a way. Raises what `generate` raises of settings.
        """
        (pick, *more), port = asked.picks, latents_of(self.card)[0]
        if more or pick.to is not None:
            return None
        with self.model.leased_generator() as generator, _of_values():
            numbers = arrays_of(self.card, pick, generator.directions)[port.name].ravel()
        return ",".join(f"{x:.3f}" for x in numbers[:SHOWN])

    def generate(self, asked: Asked, job: Job | None = None, form: str = "png") -> bytes:
        """The pictures side by side, without a gap, as the file of one picture: `form` is a key of FORMS. For those who
        have a place (`admission`); in the caller's thread.

        Raises RequestError on settings that mean nothing, PictureTooLargeError, UnopenedError where the model cannot be
        opened, CancelledError and DeadlineError when the job is to end.
        """
        job, began = job or Job(), time.monotonic()
        channels, height, width = size_of(self.card)
        count = len(asked.picks)
        pixels = math.ceil(count / asked.columns) * asked.columns * height * width  # places that stay empty too
        if pixels > self.max_result_pixels:
            raise PictureTooLargeError(
                f"{count} pictures are {pixels / 1e6:.3g} megapixels in {asked.columns} columns, and an answer has "
                f"{self.max_result_pixels / 1e6:g} at most. Ask for fewer, or serve with --max-result-megapixels."
            )
        try:
            with working_on(job), self.model.leased_generator() as generator, _of_values():
                with contextlib.suppress(ModelFileError):  # as they lie there now, for who edits their names
                    generator.read_directions()
                for pick in asked.picks:
                    generator.check(pick)
                run = generator.foretold(1, 1)[0] * min(count, generator.largest)
                with self.ledger.holding(pixels * channels * BYTES, run, run, self.model):
                    entered = time.monotonic()
                    pictures = list(made(generator, asked.picks))
                    computed = time.monotonic()
                    answer = encode(sheet(pictures, asked.columns), form, FORMS[form].quality, is_quick=True)
        except (NoRoomError, OutOfMemoryError) as error:
            raise PictureTooLargeError(
                "There is not enough memory here for so many pictures. Ask for fewer."
            ) from error
        self.admission.learn(computed - entered - job.waited)
        stages = {"queue": entered - began + job.waited, "inference": computed - entered - job.waited}
        for stage, seconds in {**stages, "encode": time.monotonic() - computed}.items():
            self.on_stage(stage, seconds)
        return answer


@contextlib.contextmanager
def _of_values() -> Iterator[None]:
    """A name that the model does not know is that of a value here, not of an address."""
    try:
        yield
    except UnknownNameError as error:
        raise RequestError(str(error)) from error
