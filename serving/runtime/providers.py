"""Which processor runs a model: CUDA, OpenVINO (openvino.py) or the plain CPU provider of ONNX Runtime.

A device that the user names is taken or refused with the way out; only `auto` falls back, and it says why.
Whatever is taken proves itself on the card's golden probe before it serves.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable

import onnxruntime as ort

from ...card import Card
from ...errors import ConfigError, ModelFileError, ProviderError, UnknownNameError, first_line
from . import nvidia, openvino
from .probe import probe_complaint
from .sessions import Session, StoppableSession, session_options
from .trial import trial_complaint

PRECISIONS = ("auto", "fp32", "bf16", "tf32", "fp16")


@dataclasses.dataclass(frozen=True)
class Backend:
    """One way to run a model."""

    title: str
    missing: Callable[[int], str | None]
    """Why it cannot be used here (given the number of the device), or None."""
    precisions: Callable[[], tuple[str, ...]]
    """What it computes in, quickest first; anything but fp32 is held to the looser tolerance of the probe."""
    open: Callable[[bytes, str, int, int], Session]
    """A session from (model, precision, number of the device, threads)."""
    way_out: str
    is_named_only: bool = False
    """Whether `auto` leaves it out."""
    asked: tuple[str, ...] = ()
    """What it computes in where that is asked for, or measured by `i2i tune`, alone."""


@dataclasses.dataclass(frozen=True)
class Running:
    """A session that passed the probe, and why it is the one."""

    session: Session
    provider: str
    """`cuda`, `cuda:1`, `openvino` or `cpu`."""
    precision: str
    reason: str
    """One sentence for people."""
    reopen: Callable[[bytes], Session]
    """Loads a model, or a part of it, in the same way; without a probe."""


NUMBERED = ("cuda", "tensorrt")
INT8 = "int8"
"""What a quantised model computes in: chosen by `i2i tune` alone, as it is another file."""


def open_session(
    model: bytes,
    card: Card,
    device: str = "auto",
    precision: str = "auto",
    threads: int = 1,
    *,
    is_quantised: bool = False,
) -> Running:
    """A session on `device` (`auto`, or a key of BACKENDS, `cuda:1` for the second card) that passed the probe, which a
    quantised model need not meet as closely as fp32 does.

    Raises UnknownNameError or ConfigError on names that mean nothing, ProviderError when the named device is not
    usable or computes wrongly, ModelFileError when no provider takes the graph.
    """
    if precision not in PRECISIONS:
        raise UnknownNameError("precision", precision, PRECISIONS)
    name, number = _parse(device)
    refusals: list[str] = []
    automatic = [key for key, backend in BACKENDS.items() if not backend.is_named_only]
    for key in automatic if name == "auto" else [name]:
        opened = _try_backend(key, number, model, card, precision, threads, is_quantised, refusals)
        if opened is not None:
            session, used = opened
            label = f"{key}:{number}" if number else key
            reopen = functools.partial(_reopened, key, used, number, threads)
            shown = INT8 if is_quantised else used
            return Running(session, label, shown, _sentence(key, shown, name == "auto", refusals), reopen)
    damaged = not is_quantised and any(refusal.startswith(f"{BACKENDS['cpu'].title} in") for refusal in refusals)
    way_out = "As the plain provider fails, the file is likely damaged: copy or export it again." if damaged else ""
    if name == "auto":
        raise ProviderError(f"No provider of this machine runs the model: {' '.join(refusals)} {way_out}".rstrip())
    if damaged:
        raise ProviderError(f"The model does not run as it should: {' '.join(refusals)} {way_out}")
    raise ProviderError(f"Device {device!r} was asked for but is not usable: {' '.join(refusals)} {_way_out(name)}")


def _try_backend(
    key: str,
    number: int,
    model: bytes,
    card: Card,
    precision: str,
    threads: int,
    is_quantised: bool,
    refusals: list[str],
) -> tuple[Session, str] | None:
    """A proven session and its precision, or None with the reasons added to `refusals`."""
    backend = BACKENDS[key]
    why_not = backend.missing(number)
    if why_not is not None:
        refusals.append(f"{backend.title}: {why_not}.")
        return None
    chosen = [p for p in backend.precisions() if precision in ("auto", p)] + [
        p for p in backend.asked if p == precision
    ]
    if not chosen:
        refusals.append(f"{backend.title}: it does not compute in {precision} here.")
    for each in chosen:
        try:
            session = backend.open(model, each, number, threads)
        except ProviderError as error:
            refusals.append(f"{backend.title}: {error}")
            continue
        except Exception as error:  # ONNX Runtime's own classes; each provider refuses in its own words
            if key == "cpu":  # the reference provider: the file is at fault, not the device
                raise ModelFileError(
                    f"ONNX Runtime {ort.__version__} cannot load the model ({first_line(error)}). Export it again "
                    "with operations and an opset that this version has, or update onnxruntime."
                ) from error
            refusals.append(f"{backend.title} in {each}: it cannot load the model ({first_line(error)}).")
            continue
        exact = each == "fp32" and not is_quantised
        complaint = probe_complaint(card, session, exact=exact) or trial_complaint(card, session)
        if complaint is None:
            return session, each
        refusals.append(f"{backend.title} in {INT8 if is_quantised else each}: {complaint}.")
    return None


def _reopened(key: str, precision: str, number: int, threads: int, model: bytes) -> Session:
    return BACKENDS[key].open(model, precision, number, threads)


def _parse(device: str) -> tuple[str, int]:
    match = re.fullmatch(r"([a-z]+)(?::(\d+))?", device)
    if match is None or match[1] not in {"auto", *BACKENDS}:
        raise UnknownNameError("device", device, ["auto", *BACKENDS])
    if match[2] is not None and match[1] not in NUMBERED:
        raise ConfigError(f"Device {device!r} has a number; only NVIDIA's cards are numbered (cuda:1, tensorrt:1).")
    return match[1], int(match[2] or 0)


def _sentence(key: str, precision: str, automatic: bool, refusals: list[str]) -> str:
    title = BACKENDS[key].title
    if not automatic:
        return f"{title} in {precision}, as asked."
    because = f" Not taken: {' '.join(refusals)}" if refusals else ""
    return f"{title} in {precision}, the fastest that works here.{because}"


def _way_out(name: str) -> str:
    return f"{BACKENDS[name].way_out} Or let i2i choose: --device auto."


# The plain CPU provider


def _open_cpu(model: bytes, _precision: str, _number: int, threads: int) -> Session:
    session: Session = StoppableSession(
        model,
        session_options(threads),
        providers=["CPUExecutionProvider"],
        enable_fallback=0,  # to the same provider, with a banner on standard output
    )
    return session


BACKENDS: dict[str, Backend] = {  # in the order in which `auto` tries them
    "cuda": Backend(
        title="CUDA",
        missing=nvidia.missing,
        precisions=lambda: ("tf32", "fp32"),
        open=nvidia.open_model,
        asked=("fp16",),
        way_out="Install the driver and the libraries: pip install 'onnxruntime-gpu[cuda,cudnn]'.",
    ),
    "tensorrt": Backend(
        title="TensorRT",
        missing=nvidia.tensorrt_missing,
        precisions=lambda: ("fp32",),
        open=nvidia.open_tensorrt,
        asked=("fp16",),
        is_named_only=True,  # the first picture waits for minutes, until an engine is built
        way_out="Install TensorRT's libraries: pip install tensorrt. Or take --device cuda.",
    ),
    "openvino": Backend(
        title="OpenVINO",
        missing=openvino.missing,
        precisions=openvino.precisions,
        open=openvino.open_model,
        way_out="On an Intel processor: pip install onnxruntime-ep-openvino. On others: pip install openvino.",
    ),
    "cpu": Backend(
        title="Plain CPU",
        missing=lambda _number: None,
        precisions=lambda: ("fp32",),
        open=_open_cpu,
        way_out="The plain CPU provider computes in fp32: leave --precision at auto.",
    ),
}
