"""Ways to compute a model's answer to arrays: whole, in tiles, or whichever of the two size and memory ask for.

Executors take feeds by port name: `image`, (N, C, H, W) float32 in [0, 1] of any size, and whatever further ports the
model has. They give (N, C', H * scale, W * scale) float32 in [0, 1], and can be put around one another. They take no
lock: whoever calls them (batcher.py) sees to it that one computation runs at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ...card import Card
from ...errors import ModelFileError, ProviderError, first_line
from ..runtime.jobs import StoppedError, parts
from ..runtime.sessions import Run, Session, takes_one
from ..runtime.trial import ADOPT
from .padding import pad
from .planes import Canvas, delivered
from .tiles import grid

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]
Feeds = Mapping[str, Array]
"""Arrays by port name, each with the batch axis."""

IMAGE, TRANSLATION = "image", "translation"
"""The ports that every translator has."""


class Executor(Protocol):
    """One way to compute: whole, in tiles, in segments of the graph (segments/)."""

    def run(self, feeds: Feeds, into: Canvas | None = None) -> FloatArray:
        """The translation of `feeds["image"]`, or, part by part, `into` what takes it instead of an array.

        Raises ProviderError (OutOfMemoryError) and ModelFileError.
        """
        ...


class OutOfMemoryError(ProviderError):
    """Memory did not suffice for a picture of this size; smaller tiles may help."""


def with_pictures(card: Card, feeds: Feeds, change: Callable[[Array], Array]) -> dict[str, Array]:
    """The feeds, with `change` applied to the image and to all that lies on its pixels (a mask, say).

    That is what the card gives sides that follow the picture, unless it came at a size of its own (a reference may).
    """
    sides = feeds[IMAGE].shape[2:]
    sides_of_image = (None, None) if card.image is None else card.image.shape[1:]
    following = {port.name for port in card.inputs if len(port.shape) == 3 and port.shape[1:] == sides_of_image}
    return {
        name: change(array) if name in following and array.shape[2:] == sides else array
        for name, array in feeds.items()
    }


LARGEST_KEPT = 2**21
"""Input pixels of a run after which a session is opened anew: ONNX Runtime keeps the memory of its largest picture, and
opening takes a small part of the time of such a run."""


class Wear:
    """What a session has been through."""

    def __init__(self) -> None:
        self.is_spoiled = False
        """Whether its memory did not suffice once, or a run was stopped; what it computes afterwards may be wrong."""
        self._largest = 0

    def add(self, shape: tuple[int, ...]) -> None:
        """A run of (N, C, H, W)."""
        self._largest = max(self._largest, shape[0] * shape[2] * shape[3])

    @property
    def is_due(self) -> bool:
        """Whether it should be opened anew."""
        return self.is_spoiled or self._largest > LARGEST_KEPT


class Whole:
    """The picture in one piece, padded to a size that the network takes and cropped back exactly."""

    def __init__(self, session: Session, card: Card, where: str, reopen: Callable[[], Session] | None = None) -> None:
        """`where` names provider and precision in messages: `cpu in fp32`; `reopen` gives another session in place of
        one that is worn.
        """
        self.session, self.card, self.where, self.reopen = session, card, where, reopen
        self._wear = Wear()
        self._one_by_one = takes_one(session)

    def run(self, feeds: Feeds, into: Canvas | None = None) -> FloatArray:
        """See Executor; values are clipped to [0, 1]."""
        card = self.card
        count, _, height, width = feeds[IMAGE].shape
        if count > 1 and self._one_by_one:
            each = ({name: array[n : n + 1] for name, array in feeds.items()} for n in range(count))
            return np.concatenate([self.run(one) for one in each])
        grown = with_pictures(card, feeds, lambda batch: np.ascontiguousarray(pad(batch, card.multiple, card.smallest)))
        out = self._computed(grown)
        expected = (count, card.output_channels, *(side * card.scale for side in grown[IMAGE].shape[2:]))
        if out.shape != expected:
            raise ModelFileError(f"The model gave the shape {out.shape} where its card promises {expected}. {ADOPT}")
        out = out[:, :, : height * card.scale, : width * card.scale]
        if not np.isfinite(out).all():
            raise ProviderError(
                f"The model gave values that are no numbers on {self.where}. Try --precision fp32, or --device cpu."
            )
        out = out.astype(np.float32, copy=False)
        np.clip(out, 0, 1, out=out)  # in place, as an enlarged picture is large
        return delivered(out, into)

    def let_go(self) -> None:
        """Give back what the session holds; the next run opens another."""
        if self.reopen is not None and hasattr(self, "session"):
            del self.session

    def _computed(self, feeds: dict[str, Array]) -> FloatArray:
        """What the session gives; one that is worn goes at once, and the next run opens another."""
        if not hasattr(self, "session") and self.reopen is not None:
            self.session, self._wear = reopened(self.reopen), Wear()
        self._wear.add(feeds[IMAGE].shape)
        try:
            answer: FloatArray = computed(self.session.run, [TRANSLATION], feeds)[0]
        except (OutOfMemoryError, StoppedError):
            self._wear.is_spoiled = True
            raise
        finally:
            if self._wear.is_due and self.reopen is not None:
                del self.session
        return answer


class Tiled:
    """The picture in tiles of an inner side of about `side` input pixels, each computed by another executor."""

    def __init__(self, inner: Executor, card: Card, side: int) -> None:
        self.inner, self.card, self.side = inner, card, side

    def run(self, feeds: Feeds, into: Canvas | None = None) -> FloatArray:
        """See Executor."""
        scale = self.card.scale
        count, _, height, width = feeds[IMAGE].shape
        out: Any = into
        if into is None:
            out = np.empty((count, self.card.output_channels, height * scale, width * scale), np.float32)
        for down, right in parts(list(grid(height, width, self.side, self.card))):
            part = self.inner.run(with_pictures(self.card, feeds, cutting(down.outer, right.outer)))
            out[:, :, down.place(scale), right.place(scale)] = part[:, :, down.kept(scale), right.kept(scale)]
        answer: FloatArray = out
        return answer


def cutting(down: slice, right: slice) -> Callable[[Array], Array]:
    """Takes a part of a batch of pictures."""
    return lambda batch: batch[:, :, down, right]


def computed(run: Run, names: list[str], feeds: dict[str, Array]) -> list[Array]:
    """What a session gives for the outputs named; raises OutOfMemoryError, and ProviderError for anything else."""
    try:
        return list(run(names, feeds))
    except StoppedError:
        raise
    except Exception as error:  # ONNX Runtime's own classes, which have no base but Exception
        height, width = next(array.shape for array in feeds.values() if array.ndim == 4)[2:]
        what = f"a picture of {width}x{height} pixels"
        if wants_memory(error):
            raise OutOfMemoryError(f"There is not enough memory for {what}.") from error
        raise ProviderError(f"The model failed on {what} ({first_line(error)}).") from error


def reopened(opener: Callable[[], Session]) -> Session:
    """A session made while pictures are computed; raises OutOfMemoryError where memory does not suffice for it."""
    try:
        return opener()
    except Exception as error:
        if wants_memory(error):
            raise OutOfMemoryError("There is not enough memory for the model.") from error
        raise


def wants_memory(error: Exception) -> bool:
    """Whether something failed for want of memory: providers say so in words of their own, at the end of many lines."""
    if isinstance(error, MemoryError | OutOfMemoryError):
        return True
    said = str(error).lower()
    return any(words in said for words in SCARCE)


SCARCE = ("alloc", "out of memory", "not enough memory", "insufficient memory", "broken promise", "failed to serialize")
"""What is said of memory that does not suffice. OpenVINO's "Broken promise" is of a thread that found none; protobuf
cannot serialize what it has no room for."""
