"""Which pictures an enlarging or restoring model is scored on: whole ones, with a truth of `scale` times their size.

The truth keeps the channels of its file, because the Y of a grey file is another thing than that of grey in RGB.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ValidationError

from ...card import Card
from ...datasets.layouts.layout import Layout
from ...errors import DataError, ModelFileError
from ...images.decode import read_header
from ...images.image import Array, to_float, with_channels
from .pairs import EvaluationSet, chosen_split, without_seen

if TYPE_CHECKING:
    from ...degradation import Degradation

FIELD = ("psnr_y", "ssim_y", "psnr", "ssim", "lpips")
"""What the papers of these tasks report."""


@dataclasses.dataclass(frozen=True)
class HighResEvaluationSet(EvaluationSet):
    """Pictures and their truths at their own size and depth; no baseline learns from any."""

    things: ClassVar[str] = "pictures"
    usual: ClassVar[tuple[str, ...]] = FIELD

    scale: int = 1
    input_channels: int = 3
    swap: bool = False
    """Whether the first file of a pair is the truth."""
    degradation: Degradation | None = None
    """Makes the inputs of truths that have none; else bicubic reduction does."""

    @property
    def border(self) -> int:
        """As the field cuts them: as many pixels as the scale, and none where the size stays."""
        return self.scale if self.scale > 1 else 0

    @property
    def note(self) -> str:
        """How the pictures were seen, and which published tables are made in that way."""
        cut = f"{self.border} pixels cut from every border" if self.border else "no border cut"
        if not self._made:
            made = " as the files have them"
        elif self.degradation is None:
            made = " made from the truth by MATLAB's bicubic reduction"
        else:
            made = " degraded as in training, by draws of their own that are the same each time"
        seen = f"Whole pictures, inputs{made}, outputs rounded to their file's depth, {cut}."
        if self.scale == 1 or (self._made and self.degradation is not None):
            return f"{seen} A grey file is its own Y."
        return (
            f"{seen} Compare psnr_y and ssim_y (a grey file is its own Y) with the tables of super-resolution papers, "
            f"psnr and ssim with those of codes that score RGB."
        )

    def pair(self, pictures: Any, index: int) -> tuple[Array, Array]:
        """Input (H, W, C) as the model takes it, truth (H * scale, W * scale, its file's C), of the files' depth."""
        whole = pictures.whole(index)
        truth = whole["b"]
        files = pictures.items[index].files
        if truth.shape[2] == 3 and read_header(files[0 if self.swap else -1]).channels == 1:
            truth = truth[..., :1]
        x = _degraded(whole["b"], index, self.degradation) if self._made and self.degradation else whole["a"]
        return with_channels(x, self.input_channels), truth

    @property
    def _made(self) -> bool:
        """Whether the inputs are made from the truths."""
        return len(self.pictures.items[0].files) == 1


def high_res_evaluation_set(
    root: Path, card: Card, split: str | None, a: str | None, b: str | None, bicubic: bool = False
) -> HighResEvaluationSet:
    """The evaluation set of a model that `keeps_content`; `split`, `a` and `b` as in `i2i evaluate`.

    LR inputs are made from HR pictures by the degradation of the training, or, where there was none or `bicubic` says
    so, by bicubic reduction. Raises what the folder or the split's name deserves.
    """
    from ...datasets.streams.superres import SuperResPictures

    degradation = None if bicubic else _degradation(card)
    layout = without_seen(_layout(root, a, b, card.scale, degradation is not None), card)
    split = chosen_split(layout, split, things="pictures")
    swap = card.training.get("direction") == "b2a"
    # grey files are read as RGB beside RGB ones; whoever scores undoes it where it matters
    ins, outs = (3 if channels == 1 else channels for channels in (card.input_channels, card.output_channels))
    pictures: Any = SuperResPictures(
        layout.splits[split], scale=card.scale, swap=swap, channels=(ins, outs), size=card.scale, cache_mb=0
    )
    return HighResEvaluationSet(
        split=split,
        pictures=pictures,
        native=True,
        unpaired=False,
        training=None,
        domains=((), ()),
        scale=card.scale,
        input_channels=card.input_channels,
        swap=swap,
        degradation=degradation,
    )


def _layout(root: Path, a: str | None, b: str | None, scale: int, degrading: bool) -> Layout[Any]:
    """Pairs where the folder has some, else HR pictures; at scale 1 those serve with a degradation alone."""
    from ...datasets.layouts.superres import find_superres

    try:
        return find_superres(root, a, b, scale, pipeline=False)
    except DataError:
        if not degrading:
            raise
        return find_superres(root, a, b, scale, pipeline=True)


def _degradation(card: Card) -> Degradation | None:
    """The degradation of the training, where there was one."""
    known = card.training.get("degradation")
    if known is None:
        return None
    from ...degradation import Degradation, DegradationConfig

    try:
        config = DegradationConfig.model_validate(known)
    except ValidationError as error:
        raise ModelFileError(
            f"The card of {card.name} holds a degradation that this version does not know; it may be of a later one. "
            "Score the model on pairs, or a super-resolution model with --bicubic."
        ) from error
    return Degradation(config, card.scale, card.scale, seed=0)


def _degraded(truth: Array, number: int, degradation: Degradation) -> Array:
    """(H, W, C) -> (H / scale, W / scale, C), 8 bits."""
    import torch

    x = torch.from_numpy(to_float(truth)).permute(2, 0, 1)[None]
    low: Array = (degradation.degraded(x, number)[0] * 255).round().byte().permute(1, 2, 0).numpy()
    return low
