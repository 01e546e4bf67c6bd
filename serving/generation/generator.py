"""Runs one file that makes pictures from noise: picks in, pictures out.

Picture n of a seed is the same whatever it is computed with: what goes in is a function of both alone (picks.py), and
pictures are computed together only where that was seen to change no byte.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from PIL import Image

from ...errors import ModelFileError, ProviderError, RequestError, first_line
from ...hardware.system import available_threads
from ...images.image import Picture
from ...probes import example
from ..inference.batcher import EXACT
from ..inference.executors import Array, Feeds, FloatArray, OutOfMemoryError, wants_memory
from ..inference.memory import living
from ..inference.opened import ModelFile
from ..inference.prepared import to_pil
from ..runtime.jobs import StoppedError, Turns, current
from ..runtime.model_file import read_model
from ..runtime.resolve import resolve_model
from ..runtime.sessions import Session
from .directions import Direction, check_directions, read_directions
from .looks import picture_of, size_of
from .opening import first_map, opened_file, part_of
from .picks import Pick, alone, arrays_of, between, pairs, style_of

BATCH = 16
"""Pictures that are computed together at most, unless told otherwise."""
SPARE = 2.5
"""Times the tensors that live at once that a run is taken to need: providers keep more than they use."""
UNFORETOLD = 2**26
"""Bytes of a picture's run where the graph does not say."""


class Generator:
    """A loaded file. `generator(seed=3, number=7)` makes a Pillow picture; `generator.pictures` many as an array.

    Safe to call from several threads; one computation runs at a time.
    """

    ensemble = False
    maps = "fp32"

    def __init__(
        self,
        path: str | Path,
        device: str = "auto",
        precision: str = "fp32",
        threads: int | None = None,
        *,
        is_lenient: bool = False,
    ) -> None:
        """Load an ONNX file of task generation, or that of a run directory, with the directions that lie beside it;
        `is_lenient`: without them where their file is damaged.

        Raises ModelFileError on a file that is none, ProviderError when a named device cannot be used.
        """
        named = Path(path)
        self.path = resolve_model(named) if named.is_dir() else named
        raw, self.card = read_model(self.path)
        self.sha256 = hashlib.sha256(raw).hexdigest()
        if self.card.image is not None:
            raise ModelFileError(
                f"{self.path} makes nothing from noise: it translates pictures. "
                f"i2i convert {self.path.name} SOURCE TARGET"
            )
        self.directions: tuple[Direction, ...] = ()
        with contextlib.suppress(*([ModelFileError] if is_lenient else [])):
            self.read_directions()
        self._file = ModelFile(self.path, self.card, self.sha256, device, threads or available_threads())
        self._file, running = opened_file(self._file, precision, raw)
        self.provider, self.precision, self.reason = running.provider, running.precision, running.reason
        self.deep_precision = self.precision
        self._sessions: dict[str, Session] = {self.card.outputs[0].name: running.session}
        self._reopen = running.reopen
        self.largest = BATCH if self.provider in EXACT else 1
        self._shapes = {port.name: port.shape for port in self.card.outputs}
        self._proved: set[tuple[str, int]] = set()
        """Outputs and sizes of which a batch was seen to give the bytes of its pictures alone."""
        self._sample, self._style = self.card.outputs[0].name, style_of(self.card)
        self._turns = Turns()
        self._tell_batches: Callable[[int], None] = lambda _count: None
        self._bytes_each = self._foreseen(raw)

    def __repr__(self) -> str:
        return f"Generator({str(self.path)!r}, provider={self.provider!r})"

    @property
    def size(self) -> tuple[int, int, int]:
        """Channels, height and width of its pictures (looks.py); 4 channels are RGB and alpha."""
        return size_of(self.card)

    @property
    def kind(self) -> str:
        """What it makes: `image`, `volume` or `point`."""
        return self.card.outputs[0].kind

    def picture(self, sample: FloatArray) -> Picture:
        """A sample as a picture of 8 bits."""
        return picture_of(sample, self.kind)

    @property
    def is_style(self) -> bool:
        """Whether it has a w that can be added to."""
        return self._style is not None

    @property
    def varying(self) -> str:
        """What its directions say the share of the variance of, in words."""
        return "w" if self.is_style else "early features" if self.early else "pixels"

    @functools.cached_property
    def early(self) -> tuple[str, tuple[int, ...]] | None:
        """Name and shape (C, H, W) of the first map inside; None of a style net, which has w, and of a perceptron."""
        return None if self.is_style else first_map(self._file.read(), self.card)

    def __call__(
        self, seed: int = 0, number: int = 0, truncation: float | None = None, **controls: object
    ) -> Image.Image:
        """One picture; `controls` set the file's ports: `label="3"`, `**{"direction.smile": 2}` (picks.py)."""
        pick = Pick(seed, number, pairs(controls), truncation)
        return to_pil(self.picture(self.pictures([pick])[0]))

    def check(self, pick: Pick) -> None:
        """Raises what `pictures` raises of a pick, without computing it."""
        arrays_of(self.card, pick, self.directions)
        if pick.mix is not None:
            self._check_mix(pick)
        for other in (pick.to, pick.mix):
            if other is not None:
                self.check(other)

    def pictures(self, picks: Sequence[Pick]) -> FloatArray:
        """(N, C, H, W) in [0, 1], of each pick one; 4 channels are RGB that was multiplied by alpha, and alpha. Of
        volumes (N, D, H, W), of points (N, 2).

        Raises UnknownNameError and RequestError on settings that mean nothing, ProviderError where it is not computed.
        """
        return self._run(picks, self._sample)

    def w(self, picks: Sequence[Pick]) -> FloatArray:
        """(N, styles, width) of a style net: the w that each pick's picture is made of. Raises as `pictures` does."""
        if self._style is None:
            raise RequestError(f"{self.card.name} has no w: it is no style net.")
        return self._run(picks, self._style[1].name)

    def features(self, picks: Sequence[Pick]) -> FloatArray:
        """(N, C, H, W), where there is an `early` map: what each pick's latent becomes. Raises as `pictures` does."""
        assert self.early is not None
        self._shapes[self.early[0]] = self.early[1]
        return self._run(picks, self.early[0])

    def _run(self, picks: Sequence[Pick], output: str) -> FloatArray:
        """An output of the graph, in batches where that gives the same bytes."""
        known: dict[Pick, Array] = {}
        done: list[Array] = []
        while len(done) < len(picks):
            job = current()
            if job is not None:
                job.check()
            part = picks[len(done) : len(done) + max(1, self.largest)]
            done += self._together([self._feeds(pick, known) for pick in part], output)
        return np.stack(done) if done else np.empty((0, *(side or 0 for side in self._shapes[output])), np.float32)

    def _together(self, rows: Sequence[Feeds], output: str) -> list[Array]:
        """Each row's array."""
        self._tell_batches(len(rows))
        if len(rows) == 1:
            return [self._one(rows[0], output)]
        answer = self._one({name: np.concatenate([row[name] for row in rows]) for name in rows[0]}, output, len(rows))
        if (output, len(rows)) not in self._proved:
            alone = [self._one(row, output) for row in rows]
            if all(np.array_equal(one, other) for one, other in zip(alone, answer, strict=True)):
                self._proved.add((output, len(rows)))
            else:
                self.largest = 1
            return alone
        return list(answer)

    def _one(self, feeds: Feeds, output: str, count: int = 0) -> Array:
        """The array of one row, or of `count` with their axis."""
        with self._turns.taken(current()):
            answer = self._compute(feeds, output)
        promised = self._shapes[output]
        if answer.shape != (count or 1, *promised):
            raise ModelFileError(f"The model gave the shape {answer.shape} where its card promises {promised}.")
        return answer if count else answer[0]

    def _compute(self, feeds: Feeds, output: str) -> FloatArray:
        """A run of the session."""
        session = self._session_of(output)
        try:
            answer: FloatArray = np.asarray(session.run([output], feeds)[0])
        except StoppedError:
            raise
        except Exception as error:  # ONNX Runtime's own classes, which have no base but Exception
            if wants_memory(error):
                raise OutOfMemoryError("There is not enough memory for the pictures.") from error
            raise ProviderError(f"The model failed ({first_line(error)}).") from error
        if not np.isfinite(answer).all():
            raise ProviderError(f"The model gave values that are no numbers on {self.provider} in {self.precision}.")
        return answer.clip(0, 1) if output == self._sample and self.kind != "point" else answer

    def _session_of(self, output: str) -> Session:
        """What computes an output: for pictures the whole graph, for w and features the part that gives them."""
        if output not in self._sessions:
            raw = self._file.read()
            self._sessions[output] = self._reopen(raw if output == self._sample else part_of(raw, self.card, output))
        return self._sessions[output]

    # ------------------------------------------------------------------ ways and mixtures

    def _feeds(self, pick: Pick, known: dict[Pick, Array]) -> dict[str, Array]:
        """What the graph is fed for a pick; `known` keeps the w of ends that several picks of a call share."""
        arrays = arrays_of(self.card, pick, self.directions)
        if pick.mix is not None:
            self._check_mix(pick)
        if self._style is None:
            if pick.to is not None:
                arrays = between(self.card, arrays, self._feeds(pick.to, known), pick.at)
        elif pick.to is not None or pick.mix is not None:
            wanted, near = self._w_of(alone(pick), known), pick
            if pick.mix is not None:
                wanted = np.concatenate([wanted[: pick.layer], self._w_of(pick.mix, known)[pick.layer :]])
            if pick.to is not None:
                wanted = np.float32(1 - pick.at) * wanted + np.float32(pick.at) * self._w_of(pick.to, known)
                near = pick.to if pick.at >= 0.5 else pick
            # What else the picture is made of (label, noise) is that of the nearer end.
            arrays = arrays_of(self.card, alone(near), self.directions)
            added = self._style[0].name
            arrays[added] = arrays[added] + (wanted - self._w_of(alone(near), known))
        return arrays

    def _w_of(self, pick: Pick, known: dict[Pick, Array]) -> Array:
        """(styles, width)."""
        assert self._style is not None
        if pick not in known:
            known[pick] = self._one(self._feeds(pick, known), self._style[1].name)
        return known[pick]

    def _check_mix(self, pick: Pick) -> None:
        if self._style is None:
            raise RequestError(f"{self.card.name} has no w to mix: mixing is of style nets.")
        styles = self._style[0].shape[0] or 0
        if not 0 <= pick.layer <= styles:
            raise RequestError(f"The layer is {pick.layer}; {self.card.name} has {styles} layers, numbered from 0.")

    def read_directions(self) -> None:
        """Take those that lie beside the file now; raises ModelFileError, and has none, where they do not fit it."""
        found: tuple[Direction, ...] = ()
        try:
            read = read_directions(self.path, self.sha256)
            check_directions(read, self.card, self.path)
            found = read
        finally:
            self.directions = found  # at once: others may be computing

    # ------------------------------------------------------------------ for who holds it (hosting/)

    def tell_batches(self, tell: Callable[[int], None]) -> None:
        """From now on `tell` is told how many pictures are computed together."""
        self._tell_batches = tell

    def foretold(self, height: int, width: int) -> tuple[int, int]:
        """Bytes of memory that the run of one picture takes, whatever the size that is asked for; twice, as of the
        quickest way and the most frugal one.
        """
        del height, width
        return self._bytes_each, self._bytes_each

    def measure(self, _beside: Callable[[], int] = lambda: 0) -> int:
        """Make one picture; gives the bytes that the session may keep of it."""
        self.pictures([Pick()])
        return self._bytes_each

    def let_short_ones_by(self, may: Callable[[], bool] = lambda: True) -> None:
        """Nothing: all of its pictures are alike."""
        del may

    def let_go(self) -> None:
        """Give back what the session keeps; the next picture opens another. Not while one is computed."""
        self._sessions.clear()

    def _foreseen(self, raw: bytes) -> int:
        try:
            shapes = {name: array.shape for name, array in example(self.card, 1, 1, 1).items()}
            return int(SPARE * living(onnx.ModelProto.FromString(raw), shapes)) + 4 * math.prod(self.size)
        except Exception:  # shape inference of other people's graphs raises anything
            return UNFORETOLD
