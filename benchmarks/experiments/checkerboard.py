"""How far a regular pattern stands out in pictures: `python -m benchmarks.experiments.checkerboard FOLDER ...`.

An enlarger may print a pattern of the period of its pixel shuffle. In the mean spectrum of windows of the pictures that
is a peak at a multiple of a quarter of the sampling frequency. Printed is the largest of those peaks, over the median
of what surrounds it; photographs have about 1.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from i2i.images.decode import read_picture
from i2i.images.find import find_pictures
from i2i.images.image import to_float

from ..command import end_with

SIDE = 64
"""Of a window, in pixels."""
PEAKS = [peak for peak in product((0, SIDE // 4, SIDE // 2), repeat=2) if any(peak)]
AROUND = (-6, -5, -4, 4, 5, 6)
"""Steps of the spectrum from a peak to its surroundings."""

Floats = npt.NDArray[np.float64]


def spectrum(grey: Floats) -> Floats:
    """(H, W) -> (SIDE, SIDE): the mean size of each frequency over Hann windows that lie side by side."""
    rows, columns = (length // SIDE for length in grey.shape)
    windows = grey[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE).swapaxes(1, 2)
    hann = np.hanning(SIDE)
    tapered = (windows - windows.mean((2, 3), keepdims=True)) * hann[:, None] * hann
    return np.asarray(np.abs(np.fft.fft2(tapered)).mean((0, 1)), np.float64)


def grid_peak(spectra: Floats) -> float:
    """The largest peak of PEAKS over the median around it."""
    found = []
    for a, b in PEAKS:
        around = product(*[[(place + step) % SIDE for step in AROUND] if place else [0] for place in (a, b)])
        found.append(spectra[a, b] / np.median([spectra[place] for place in around]))
    return float(max(found))


def main() -> int:
    """Print a line for each folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    for folder in parser.parse_args().folders:
        greys = [to_float(read_picture(path).pixels).mean(2, dtype=np.float64) for path in find_pictures(folder)]
        seen = [spectrum(grey) for grey in greys if min(grey.shape) >= SIDE]
        print(f"{folder}: {grid_peak(np.mean(seen, axis=0)):.1f} of {len(seen)} pictures")
    return 0


if __name__ == "__main__":
    end_with(main)
