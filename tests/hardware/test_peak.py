"""The peak of memory is that of the process itself, whoever started it."""

import subprocess
import sys

import numpy as np
import pytest

from i2i.hardware.system import peak_of_process

OWN = "from i2i.hardware.system import peak_of_process; print(peak_of_process())"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
def test_a_process_that_a_large_one_starts_has_a_peak_of_its_own():
    held = np.ones(800 * 2**20, np.uint8)
    assert peak_of_process() > held.nbytes
    done = subprocess.run([sys.executable, "-c", OWN], capture_output=True, text=True, timeout=60, check=True)
    assert 0 < int(done.stdout) < 400 * 2**20
