"""Which pictures an enlarging or restoring model is scored on: whole ones, with a truth of `scale` times their size.

The truth keeps the channels of its file, because the Y of a grey file is another thing than that of grey in RGB.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

from ..card import Card
from ..pictures import Array, read_header, with_channels
from .scored_pairs import Material, chosen_split, without_seen

FIELD = ("psnr_y", "ssim_y", "psnr", "ssim", "lpips")
"""What the papers of these tasks report."""


@dataclasses.dataclass(frozen=True)
class SharpMaterial(Material):
    """Pictures and their truths at their own size and depth; no baseline learns from any."""

    things: ClassVar[str] = "pictures"
    usual: ClassVar[tuple[str, ...]] = FIELD

    scale: int = 1
    input_channels: int = 3
    swap: bool = False
    """Whether the first file of a pair is the truth."""

    @property
    def border(self) -> int:
        """As the field cuts them: as many pixels as the scale, and none where the size stays."""
        return self.scale if self.scale > 1 else 0

    @property
    def note(self) -> str:
        """How the pictures were seen, and which published tables are made in that way."""
        cut = f"{self.border} pixels cut from every border" if self.border else "no border cut"
        made = " made from the truth by MATLAB's bicubic reduction" if self._reduced else " as the files have them"
        seen = f"Whole pictures, inputs{made}, outputs rounded to their file's depth, {cut}."
        if self.scale == 1:
            return f"{seen} A grey file is its own Y."
        return (
            f"{seen} Compare psnr_y and ssim_y (a grey file is its own Y) with the tables of super-resolution papers, "
            f"psnr and ssim with those of toolboxes that score RGB."
        )

    def pair(self, pictures: Any, index: int) -> tuple[Array, Array]:
        """Input (H, W, C) as the model takes it, truth (H * scale, W * scale, its file's C), of the files' depth."""
        whole = pictures.whole(index)
        truth = whole["b"]
        files = pictures.items[index].files
        if truth.shape[2] == 3 and read_header(files[0 if self.swap else -1]).channels == 1:
            truth = truth[..., :1]
        return with_channels(whole["a"], self.input_channels), truth

    @property
    def _reduced(self) -> bool:
        """Whether there were no inputs but the truths made small."""
        return len(self.pictures.items[0].files) == 1


def sharp_material(root: Path, card: Card, split: str | None, a: str | None, b: str | None) -> SharpMaterial:
    """What to score a model on that `keeps_content`; `split`, `a` and `b` as in `i2i evaluate`.

    Raises what the folder or the split's name deserves.
    """
    from ..datasets.sharp_folders import find_sharp
    from ..datasets.superres import SuperResPictures

    layout = without_seen(find_sharp(root, a, b, card.scale, pipeline=False), card)
    split = chosen_split(layout, split, things="pictures")
    swap = card.training.get("direction") == "b2a"
    # grey files are read as RGB beside RGB ones; whoever scores undoes it where it matters
    ins, outs = (3 if channels == 1 else channels for channels in (card.input_channels, card.output_channels))
    pictures: Any = SuperResPictures(
        layout.splits[split], scale=card.scale, swap=swap, channels=(ins, outs), size=card.scale, cache_mb=0
    )
    return SharpMaterial(
        split=split,
        pictures=pictures,
        native=True,
        unpaired=False,
        training=None,
        domains=((), ()),
        scale=card.scale,
        input_channels=card.input_channels,
        swap=swap,
    )
