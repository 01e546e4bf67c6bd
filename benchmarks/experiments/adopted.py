"""Other people's networks, adopted, beside their own files: `python -m benchmarks.experiments.adopted MODELS PICTURES`.

MODELS is a folder of ONNX files, PICTURES one of photographs. Each file of THEIRS is adopted without any option; then
photographs, cut to odd sizes, go through the adopted file's engine and, laid out by hand as its authors say, through
ONNX Runtime and the file itself. Printed are the seconds of the adoption and the largest difference, in levels of 8
bits, whole and in tiles of 64 pixels.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from i2i.images.decode import read_picture
from i2i.images.find import find_pictures
from i2i.images.image import to_float, with_channels
from i2i.serving import Engine
from i2i.serving.adopt.adopt import adopt

Floats = npt.NDArray[np.float32]
SIDES = ((141, 203), (97, 128), (224, 224))
"""Height and width of the parts of photographs."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """How its authors feed a network."""

    most: float = 1.0
    """White."""
    border: int = 0
    """Pixels that it cuts at each side of what goes in."""
    multiple: int = 1
    luma: bool = False
    size: tuple[int, int] | None = None


THEIRS = {
    "espcn_x3_xbkaishui": Layout(luma=True, size=(224, 224)),
    "fast-style-rain_princess": Layout(most=255.0, multiple=4),
    "realesr-animevideov3-x4": Layout(),
    "waifu2x-upconv7-photo-scale2.0x_model": Layout(border=7),
}


def by_hand(session: ort.InferenceSession, layout: Layout, picture: Floats, scale: int) -> Floats:
    """(1, C, H, W) in [0, 1] -> the same, enlarged, by the file itself."""
    height, width = picture.shape[2:]
    more = [-side % layout.multiple for side in (height, width)]
    edge = layout.border
    fed = np.pad(picture, ((0, 0), (0, 0), (edge, edge + more[0]), (edge, edge + more[1])), mode="reflect")
    (answer,) = session.run(None, {session.get_inputs()[0].name: (fed * layout.most).astype(np.float32)})
    return np.clip(answer[:, :, : height * scale, : width * scale] / layout.most, 0, 1).astype(np.float32)


def part(path: Path, size: tuple[int, int], luma: bool) -> Floats:
    """(1, 3, height, width) in [0, 1] from the middle of a photograph, grey for networks on luma."""
    pixels = to_float(with_channels(with_channels(read_picture(path).pixels, 3), 1 if luma else 3))
    top, left = ((have - wanted) // 2 for have, wanted in zip(pixels.shape, size, strict=False))
    return np.ascontiguousarray(pixels[top : top + size[0], left : left + size[1]].transpose(2, 0, 1)[None])


def main() -> None:
    """Adopt and compare, a line for each file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--count", type=int, default=4, help="photographs")
    told = parser.parse_args()
    large = (p for p in find_pictures(told.pictures) if min(read_picture(p).pixels.shape[:2]) >= max(SIDES[-1]))
    pictures = [path for path, _ in zip(large, range(told.count), strict=False)]
    print("| file | seconds to adopt | whole, of 255 | in tiles, of 255 |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, layout in THEIRS.items():
            file, out = told.models / f"{name}.onnx", Path(folder) / f"{name}.onnx"
            began = time.monotonic()
            card = adopt(file, out).card
            seconds = time.monotonic() - began
            session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])
            tiles = (None, 64) if card.tiling == "local" else (None,)
            worst = []
            for tile in tiles:
                engine = Engine(out, device="cpu", tile="off" if tile is None else tile)
                differences = []
                for path in pictures:
                    for size in [layout.size] if layout.size else SIDES:
                        picture = part(path, size, layout.luma)
                        wanted = by_hand(session, layout, picture, card.scale)
                        given = engine.run(np.repeat(picture, 3, axis=1) if layout.luma else picture)
                        differences.append(255 * float(np.abs(given - wanted).max()))
                worst.append(f"{max(differences):.4f}")
            print(f"| {name} | {seconds:.1f} | {' | '.join(worst + ['—'] * (2 - len(worst)))} |")


if __name__ == "__main__":
    main()
