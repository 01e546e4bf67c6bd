"""How long torch's threads wait awake for one another: short, so that training goes on beside other work."""

from __future__ import annotations

import os

SPINS = 5000
"""Looks at a barrier before a thread sleeps; some ten microseconds. GCC's OpenMP has 300,000 by itself."""
SAID = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


def wait_briefly() -> None:
    """Have the threads of GCC's OpenMP sleep soon; to be called before torch is imported. What the user set stays.

    A thread that waits awake uses up the turn on the processor that the thread which it waits for needs, as soon as
    other work wants a core. docs/benchmarks.md says what that costs.
    """
    if not any(name in os.environ for name in SAID):
        os.environ["GOMP_SPINCOUNT"] = str(SPINS)
