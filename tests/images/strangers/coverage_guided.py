"""`make fuzz`, its second half: files that reach new lines of the decoder, found by atheris for SECONDS.

What it finds lies in build/fuzz; the files from which it goes on in build/fuzz/corpus.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

TESTS = Path(__file__).parents[2]
FOUND = TESTS.parent / "build" / "fuzz"


def main(seconds: int) -> None:
    """Ends the process, with a status of its own where it found something."""
    try:
        import atheris
    except ImportError:
        print("atheris is not installed (pip install atheris): no search by coverage.")
        return
    sys.path[:0] = [str(TESTS), str(TESTS / "images"), str(TESTS / "images" / "strangers")]
    with atheris.instrument_imports(include=["i2i.images", "PIL"]):
        from fuzzed_files import FILES

        from i2i.errors import PictureError
        from i2i.images.decode import read_header, read_picture
        from i2i.images.formats import public_names
        from i2i.images.structure.bounds import STRANGERS
    corpus = FOUND / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for name, data in FILES.items():
        if name.split(",")[0] in public_names():
            (corpus / hashlib.sha1(data).hexdigest()).write_bytes(data)

    def one(data: bytes) -> None:
        said = ""
        try:
            read_header(data, STRANGERS)
            read_picture(data, 1_000_000, STRANGERS)
        except PictureError as error:
            said = str(error)
        assert "\n" not in said

    options = [f"-max_total_time={seconds}", "-timeout=5", "-rss_limit_mb=2048", "-max_len=65536"]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={FOUND}/", str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(int(sys.argv[1]))
