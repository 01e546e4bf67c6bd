"""A classifier that the user brings, as an ONNX or TorchScript file: pictures in, probabilities of classes out."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.special import softmax

from ..errors import ModelFileError, RequestError, first_line
from ..images.image import Doubles, Floats, to_uint8
from .metrics import SeenMetric, SetMetric
from .sets.seen import accuracy

Run = Callable[[Floats], Any]
"""(1, C, H, W) in [0, 1] -> (1, K)."""


class Classifier:
    """Takes pictures in [0, 1], grey or RGB, of its own size or, where its file leaves it open, of theirs."""

    def __init__(self, path: Path) -> None:
        """Raises ModelFileError on a file that holds no such network."""
        self.path, self.is_onnx = path, path.suffix.lower() == ".onnx"
        self._run, self.channels, self.size = _opened(path)
        self._known: dict[bytes, Doubles] = {}

    def __call__(self, picture: Floats) -> Doubles:
        """(H, W, 1 or 3) in [0, 1] -> (K,): probabilities; raises ModelFileError where the network takes it not."""
        key = hashlib.blake2b(picture.tobytes() + repr(picture.shape).encode(), digest_size=16).digest()
        if key not in self._known:
            self._known[key] = self._asked(picture)
        return self._known[key]

    def _asked(self, picture: Floats) -> Doubles:
        seen = np.ascontiguousarray(self._fitted(picture).transpose(2, 0, 1)[None], np.float32)
        try:
            answer = np.asarray(self._run(seen), np.float64)
        except Exception as error:  # of any library's own
            said = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            size = " TorchScript does not tell its size: export the classifier as ONNX with a fixed one, and pictures "
            size += "are resized to it."
            raise ModelFileError(
                f"{self.path} does not take pictures of {seen.shape} (N, C, H, W): {said[0].rstrip('.')}."
                f"{'' if self.is_onnx else size}"
            ) from error
        if answer.ndim != 2 or answer.shape[0] != 1 or answer.shape[1] < 2:
            raise ModelFileError(f"{self.path} gives {answer.shape} for a picture, and not (1, classes).")
        if not np.isfinite(answer).all():
            raise ModelFileError(
                f"{self.path} gives NaN or infinity for a picture in [0, 1]. Does it divide by a spread that may be 0?"
            )
        row = answer[0]
        are_shares = bool((row >= -1e-6).all()) and abs(float(row.sum()) - 1) < 1e-3
        return row.clip(0) if are_shares else np.asarray(softmax(row), np.float64)

    def _fitted(self, picture: Floats) -> Floats:
        """In the network's channels and size."""
        height, width = (wanted or there for wanted, there in zip(self.size, picture.shape[:2], strict=True))
        channels = self.channels or picture.shape[2]
        if picture.shape == (height, width, channels):
            return picture
        pixels = to_uint8(picture)
        image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        image = image.convert("L" if channels == 1 else "RGB").resize((width, height), Image.Resampling.BILINEAR)
        fitted: Floats = np.asarray(image, np.float32) / np.float32(255)
        return fitted[..., None] if fitted.ndim == 2 else fitted


def bind(
    rows: Mapping[str, SeenMetric], classifier: Classifier, real: Sequence[int], asked: Sequence[int], said: str
) -> dict[str, SetMetric]:
    """The metrics on this classifier: `real` and `asked` are the classes of the real pictures and of the outputs, in
    their order; `said` names it with its accuracy.
    """

    def update(seen: list[Doubles], picture: Floats) -> list[Doubles]:
        seen.append(classifier(picture))
        return seen

    def bound(row: SeenMetric) -> SetMetric:
        def estimate(outputs: list[Doubles], reals: list[Doubles]) -> Any:
            return row.figure.estimate(with_classes(outputs, asked), with_classes(reals, real))

        def interval(outputs: list[Doubles], reals: list[Doubles]) -> tuple[float, float]:
            found = estimate(outputs, reals)
            return found.low, found.high

        return SetMetric(
            definition=row.definition.format(by=f"by {said}"),
            higher_is_better=row.higher_is_better,
            update=update,
            compute=lambda outputs, reals: float(estimate(outputs, reals).value),
            interval=interval,
            least=row.figure.least,
        )

    return {name: bound(row) for name, row in rows.items()}


def with_classes(probabilities: Sequence[Doubles], classes: Sequence[int]) -> Doubles:
    """(n, K + 1), as the figures take them (sets/seen.py)."""
    return np.column_stack([np.stack(probabilities), np.asarray(classes, np.float64)[: len(probabilities)]])


def words_of(classifier: Classifier, real: Sequence[Floats], classes: Sequence[int], names: Sequence[str]) -> str:
    """What the classifier is, with its accuracy on real pictures of these classes.

    Raises RequestError where it has another number of classes than there are names.
    """
    rows = with_classes([classifier(picture) for picture in real], classes)
    if rows.shape[1] - 1 != len(names):
        raise RequestError(
            f"{classifier.path} knows {rows.shape[1] - 1} classes, and the real pictures have {len(names)} "
            f"({', '.join(names[:8])}{', …' if len(names) > 8 else ''}). Its classes are the folders in their order."
        )
    return f"{classifier.path.name}, which is right in {accuracy(rows):.1%} of {len(rows):,} real pictures"


def _opened(path: Path) -> tuple[Run, int, tuple[int, int]]:
    """What runs the file, its channels and its size; 0 where the file leaves them open."""
    if not path.is_file():
        raise ModelFileError(f"There is no classifier {path}. Name an ONNX or TorchScript file: --classifier FILE.")
    return _of_onnx(path) if path.suffix.lower() == ".onnx" else _of_torchscript(path)


def _of_onnx(path: Path) -> tuple[Run, int, tuple[int, int]]:
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own classes, which have no base but Exception
        raise ModelFileError(f"{path} is no classifier that can be opened: {first_line(error)}") from error
    (given, *more), output = session.get_inputs(), session.get_outputs()[0].name
    sides = [side if isinstance(side, int) else 0 for side in given.shape]
    if more or len(sides) != 4 or sides[1] not in (0, 1, 3):
        raise ModelFileError(
            f"{path} is no classifier of pictures: it takes {[each.name for each in (given, *more)]} of {given.shape}, "
            "and should take one input of (N, 1 or 3, height, width)."
        )
    return lambda x: session.run([output], {given.name: x})[0], sides[1], (sides[2], sides[3])


def _of_torchscript(path: Path) -> tuple[Run, int, tuple[int, int]]:
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # torch advises against the format, and people have files
            network = torch.jit.load(path, map_location="cpu").eval()  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise ModelFileError(
            f"{path} is neither ONNX (.onnx) nor TorchScript. Weights alone say nothing of their network: export the "
            "classifier with torch.onnx.export."
        ) from error
    first = next((weight for weight in network.parameters() if weight.ndim == 4), None)

    def run(x: Floats) -> Any:
        with torch.no_grad():
            return network(torch.from_numpy(x)).numpy()

    channels = 0 if first is None or first.shape[1] not in (1, 3) else int(first.shape[1])
    return run, channels, (0, 0)
