"""`python cli.py …` from a checkout: the same as the installed `i2i …`."""

import sys
from pathlib import Path

# Python puts this folder first on the path, where `datasets` would hide Hugging Face's package of that name.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]

from i2i.commands import main  # noqa: E402

if __name__ == "__main__":
    main()
