"""OpenVINO itself keeps no memory for every size that it ever saw, nor that of the largest picture."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

CODE = """
import json, os, sys
import numpy as np
from i2i.serving import Engine
from i2i.serving.runtime import openvino

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

openvino.plugin = lambda: (None, "it is not wanted here")
engine, kind = Engine(sys.argv[1], device=sys.argv[3], precision="fp32"), sys.argv[2]
picture, found = np.zeros((1, 3, 3000, 2000), np.float32), []
if kind == "sizes":
    rng = np.random.default_rng(0)
    engine.run(picture[:, :, :300, :300])  # the room that the largest takes is kept
    for number in range(701):
        height, width = rng.integers(64, 300, 2)
        engine.run(picture[:, :, :height, :width])
        if number in (200, 700):
            found.append(resident())
else:
    for height in (300, 3000, 300):
        engine.run(picture[:, :, :height])
        found.append(resident())
assert "ONEDNN_PRIMITIVE_CACHE_CAPACITY" not in os.environ  # which torch and children heed
print(json.dumps(found))
"""


def measured(model, kind: str, device: str = "openvino") -> list[float]:
    """MB of a process of its own."""
    pytest.importorskip("openvino")
    done = subprocess.run(
        [sys.executable, "-c", CODE, model, kind, device], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells the memory")
@pytest.mark.parametrize("device", ["openvino", "cpu"])
def test_five_hundred_more_sizes_take_no_more_memory(make_model, device):
    early, late = measured(make_model("network"), "sizes", device)
    assert late < 1.05 * early, (early, late)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells the memory")
@pytest.mark.parametrize("device", ["openvino", "cpu"])
def test_the_memory_of_one_large_picture_is_given_back(make_model, device):
    before, _, after = measured(make_model("network", tiling="global"), "large", device)
    assert after < before + 200, (before, after)
