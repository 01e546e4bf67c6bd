"""What decoding one picture may take, as data."""

from __future__ import annotations

import dataclasses

from ..image import Header


@dataclasses.dataclass(frozen=True)
class Limits:
    """Of one job."""

    seconds: float
    """Of the processor."""
    seconds_a_megapixel: float
    patience: float
    """Seconds by the clock for each of those: other work runs beside it, and decoders do not sleep."""
    memory: int
    """Bytes of addresses beyond what an idle worker has, beside those of the picture."""

    def time(self, header: Header | None) -> float:
        """Processor seconds for a picture of that header, or for reading one."""
        return self.seconds + (0 if header is None else self.seconds_a_megapixel * pixels_of(header) / 1e6)

    def room(self, header: Header | None, size: int) -> int:
        """Bytes of addresses for a picture of that header in a file of `size` bytes, or for reading a header."""
        return self.memory + COPIES_OF_FILE * size + (0 if header is None else decoded_bytes(header))


COPIES_OF_FILE = 3
COPIES = 5
"""Of the pixels, with an alpha and in the depth that they have: decoders, colours and turning each make one."""

STRANGERS = Limits(seconds=1.2, seconds_a_megapixel=0.15, patience=8, memory=200 << 20)


def pixels_of(header: Header) -> int:
    """As the size says."""
    return header.width * header.height


def decoded_bytes(header: Header) -> int:
    """Foretold for decoding: what decoders, colour management and turning hold at once."""
    return COPIES * pixels_of(header) * max(4, header.channels + 1) * header.depth // 8
