"""What the engine asks of a loaded model, and how ONNX Runtime is set up for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import onnxruntime as ort

from .jobs import current


class Named(Protocol):
    """An input or an output of a model."""

    @property
    def name(self) -> str:
        """As the file has it."""
        ...


class Session(Protocol):
    """The part of `onnxruntime.InferenceSession` that i2i uses."""

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any], /) -> Sequence[Any]:
        """Arrays by input name -> the arrays of the outputs named, or of all."""
        ...

    def get_inputs(self) -> Sequence[Named]:
        """In the file's order."""
        ...

    def get_outputs(self) -> Sequence[Named]:
        """Likewise."""
        ...


class Run(Protocol):
    """`Session.run`, the outputs being named."""

    def __call__(self, output_names: Sequence[str], input_feed: Mapping[str, Any], /) -> Sequence[Any]:
        """Arrays by input name -> the arrays of the outputs named."""
        ...


class StoppableSession(ort.InferenceSession):  # type: ignore[misc]
    """A session whose runs end, between two operations, when the job of their thread does."""

    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any], run_options: Any = None
    ) -> Sequence[Any]:
        """See Session; raises CancelledError and DeadlineError."""
        job = current()
        if job is None:
            return cast(Sequence[Any], super().run(output_names, input_feed, run_options))
        options = run_options or ort.RunOptions()
        with job.stopping(lambda: setattr(options, "terminate", True)):
            try:
                return cast(Sequence[Any], super().run(output_names, input_feed, options))
            except Exception:
                job.check()
                raise


def lent(session: Session) -> Run:
    """How the session is run by someone who is done with its answers before the next run, and changes nothing that is
    fed before it: without copies, where it can.
    """
    run: Run = getattr(session, "lend", session.run)
    return run


def takes_one(session: Session) -> bool:
    """Whether the graph takes one picture at a time, as networks of others do."""
    sides = getattr(session.get_inputs()[0], "shape", None) or [None]
    return bool(sides[0] == 1)


def session_options(threads: int) -> ort.SessionOptions:
    """Options for pictures of all sizes, one at a time."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.enable_mem_pattern = False  # pictures differ in size, and each size would keep a plan
    options.log_severity_level = 3
    # Waiting threads that spin take the processors from those that decode and encode pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
