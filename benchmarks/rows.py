"""What is measured: one function a row, and the table of them. A new row is a function and a line in ROWS.

A row takes `small` (tiny networks and few pictures: does it run?) and `say`, for progress in words.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from i2i.hardware.device import place
from i2i.images.decode import read_picture
from i2i.networks.kernels import use_kernels
from i2i.serving import Engine, convert_folder

from . import workloads
from .measure import OVERHEAD, Measured, Say, Timings, Work, compare
from .memory import peak_of
from .processes import built_alone
from .reference import Floats, translate

LEAST_PSNR = 30.0
"""dB between the two sides of a run; less would mean that they compute different things."""


def step(small: bool, say: Say, *, method: str, title: str, batch: int) -> Measured:
    """A training step, as `i2i train` sets it up, against `reference.py`; a mean where generators and D take turns.

    Each side has a process of its own, as its memory is held as that side would hold it.
    """
    setting = workloads.SETTINGS[method]
    batch = min(batch, 4) if small else batch
    placement = place()
    builds = [partial(workloads.stepping, side, method, batch, small) for side in ("ours", "theirs")]
    sides = [built_alone(build, quick=small) for build in builds]
    with sides[0] as ours, sides[1] as theirs:
        found = _compare_steps(ours, theirs, small, say)
    timings = Timings(*([seconds / setting.steps for seconds in side] for side in (found.ours, found.theirs)))
    mean = f", mean of {setting.steps}" if setting.steps > 1 else ""
    return Measured(
        what=f"A {title} step, {setting.size} pixels, batch {batch}{mean}",
        unit="s/step",
        timings=timings,
        note=f"ours {placement.precision} with fused Adam, theirs fp32 with plain Adam, both on {placement.device}",
    )


def step_memory(small: bool, say: Say, *, method: str, title: str, batch: int) -> Measured:
    """The most memory of a process that trains, ours against the plain way; each in a process of its own."""
    sides: dict[str, list[float]] = {"ours": [], "theirs": []}
    for number in range(1, 2 if small else 3):
        for side, taken in sides.items():
            taken.append(peak_of(side, method, batch, small))
        say(f"round {number}: ours {sides['ours'][-1]:.0f} MB, theirs {sides['theirs'][-1]:.0f} MB")
    return Measured(
        what=f"Peak memory of {title} training, {workloads.SETTINGS[method].size} pixels, batch {batch}",
        unit="MB",
        timings=Timings(**sides),
        note="whole processes of two steps each, torch itself included",
        ratio_is=OVERHEAD,
    )


def kernels(small: bool, say: Say, *, method: str, batch: int, what: str) -> Measured:
    """Our training step, against the same step with torch's own layers."""
    with use_kernels(False):
        plain = workloads.ours(method, batch, small)
    fast = workloads.ours(method, batch, small)
    placement = fast.placement
    pairs = workloads.batch_of_pairs(batch, placement.device)

    def without_kernels() -> None:
        with use_kernels(False):
            plain.step(pairs)

    sides = [workloads.finished(side, placement.device) for side in (lambda: fast.step(pairs), without_kernels)]
    timings = _compare_steps(*sides, small, say)
    return Measured(
        what=f"{what} in that step, batch {batch}",
        unit="s/step",
        timings=timings,
        note=f"the same step in {placement.precision}, theirs with torch's layers (i2i/networks/kernels/)",
    )


def run_generator(
    small: bool, say: Say, *, name: str, title: str, sides: tuple[int, int] = (workloads.SIZE, workloads.SIZE)
) -> Measured:
    """A picture of (height, width) through the exported file, against the torch module that it was exported from."""
    say("exporting")
    engine = Engine(workloads.exported(name, small))
    device = place().device
    G = workloads.untrained(name, small).to(device)
    height, width = sides
    if small:
        height = width = workloads.SIZE // G.geometry.scale
    picture = workloads.to_batch(workloads.photo(height, width))
    _refuse_unlike(engine.run(picture), translate(G, picture, device))
    timings = compare(
        lambda: engine.run(picture),
        lambda: translate(G, picture, device),
        rounds=2 if small else 30,
        seconds=20,
        say=say,
    )
    return Measured(
        what=f"A run of {title}, {f'{width}x{height}' if width != height else width} pixels, batch 1",
        unit="s/picture",
        timings=timings,
        note=f"ours {engine.provider} in {engine.precision}, theirs eager torch in fp32 on {device}",
    )


def tail(small: bool, say: Say, *, name: str, title: str, side: int) -> Measured:
    """An exported file, against the same file without the convolution that changes nothing at its end."""
    say("exporting")
    ours, theirs = (Engine(make(name, small)) for make in (workloads.exported, workloads.exported_without_tail))
    picture = workloads.to_batch(workloads.photo(side, side))
    _refuse_unlike(ours.run(picture), theirs.run(picture))
    timings = compare(
        lambda: ours.run(picture), lambda: theirs.run(picture), rounds=2 if small else 30, seconds=20, say=say
    )
    return Measured(
        what=f"A run of {title}, {side} pixels, batch 1, with the convolution at its end",
        unit="s/picture",
        timings=timings,
        note=f"both {ours.provider} in {ours.precision}, theirs the same file without it (i2i/tail.py)",
    )


def convert_jpegs(small: bool, say: Say, *, count: int, largest: int | None = None) -> Measured:
    """A folder through `i2i convert`, decoding and encoding included, against the engine alone on the same pictures.

    Pictures are of all sizes up to `largest` pixels a side.
    """
    say("exporting, painting")
    count = 4 if small else count
    engine = Engine(workloads.exported("unet256", small))
    with tempfile.TemporaryDirectory(prefix="i2i-bench-") as scratch:
        source, target = Path(scratch) / "source", Path(scratch) / "target"
        pictures = workloads.photos(count)
        if largest is not None:
            pictures = workloads.photos_of_all_sizes(count, 64 if small else largest)
        workloads.write_jpegs(pictures, source)
        arrays = [workloads.to_batch(read_picture(path).pixels) for path in sorted(source.iterdir())]

        def convert() -> None:
            shutil.rmtree(target, ignore_errors=True)
            report = convert_folder(engine, source, target)
            if report.counts["written"] != count:
                raise RuntimeError(f"Of {count} pictures {report.counts['written']} were written.")

        def engine_alone() -> None:
            for array in arrays:
                engine.run(array)

        for array in arrays[:3]:  # enough to warm up, where a whole folder takes half a minute
            engine.run(array)
        timings = compare(convert, engine_alone, rounds=2 if small else 5, seconds=120, say=say, warmups=0)
    sizes = f"{workloads.SIZE} pixels" if largest is None else f"{largest // 4} to {largest} pixels a side"
    return Measured(
        what=f"`i2i convert` of {count} JPEGs, {sizes}, U-Net 256, against the engine alone",
        unit="s",
        timings=timings,
        note=f"both {engine.provider} in {engine.precision}; ours decodes and encodes besides",
        ratio_is=OVERHEAD,
    )


Row = Callable[[bool, Say], Measured]
PRODUCTS = "Layers of many weights as matrix products"

ROWS: dict[str, Row] = {
    "pix2pix-step-256-batch1": partial(step, method="pix2pix", title="Pix2Pix", batch=1),
    "pix2pix-step-256-batch4": partial(step, method="pix2pix", title="Pix2Pix", batch=4),
    "wide-layers-batch1": partial(kernels, method="pix2pix", batch=1, what=PRODUCTS),
    "wide-layers-batch4": partial(kernels, method="pix2pix", batch=4, what=PRODUCTS),
    "cyclegan-step-256-batch1": partial(step, method="cyclegan", title="CycleGAN", batch=1),
    "cyclegan-memory-256": partial(step_memory, method="cyclegan", title="CycleGAN", batch=1),
    "quick-layers-256": partial(kernels, method="cyclegan", batch=1, what="The residual generator's own layers"),
    "discogan-step-64-batch64": partial(step, method="discogan", title="DiscoGAN", batch=64),
    "srresnet-step-96-batch16": partial(step, method="srresnet", title="SRResNet x4", batch=16),
    "rrdbnet-step-128-batch16": partial(step, method="rrdbnet", title="RRDBNet x4", batch=16),
    "srgan-step-96-batch16": partial(step, method="srgan", title="SRGAN x4", batch=16),
    "run-unet256": partial(run_generator, name="unet256", title="U-Net 256"),
    "run-resnet9": partial(run_generator, name="resnet9", title="ResNet-9"),
    "run-compact-x4-768x512": partial(run_generator, name="compact", title="the compact network x4", sides=(512, 768)),
    "run-rrdbnet-x4-768x512": partial(run_generator, name="rrdbnet", title="RRDBNet x4", sides=(512, 768)),
    "tail-unet256": partial(tail, name="unet256", title="U-Net 256", side=workloads.SIZE),
    "convert-200-jpegs": partial(convert_jpegs, count=200),
    "convert-jpegs-of-all-sizes": partial(convert_jpegs, count=20, largest=640),
}


def measured(name: str, small: bool) -> Measured:
    """The row of that name, with its progress on standard output."""
    if small:
        torch.set_num_threads(1)  # a test must not wait for a busy machine
    return ROWS[name](small, lambda text: print(f"  {text}", flush=True))


def _compare_steps(ours: Work, theirs: Work, small: bool, say: Say) -> Timings:
    rounds, seconds = (2, 40.0) if small else (12, 60.0)
    return compare(ours, theirs, rounds=rounds, seconds=seconds, say=say)


def _refuse_unlike(ours: Floats, theirs: Floats) -> None:
    error = float(np.mean((ours - theirs) ** 2))
    psnr = -10 * np.log10(max(error, 1e-20))
    if ours.shape != theirs.shape or psnr < LEAST_PSNR:
        raise RuntimeError(f"The two sides give different pictures ({psnr:.0f} dB); their times mean nothing.")
