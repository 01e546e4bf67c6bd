"""What the engine asks of a loaded model, and how ONNX Runtime is set up for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import onnxruntime as ort

from ...card import Card
from ...errors import ModelFileError


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


def check_ports(card: Card, session: Session) -> None:
    """Raises ModelFileError when the graph has other inputs or outputs than the card says."""
    graph = ([port.name for port in session.get_inputs()], [port.name for port in session.get_outputs()])
    said = ([port.name for port in card.inputs], [port.name for port in card.outputs])
    if graph != said:
        takes, gives = (" and ".join(map(repr, names)) for names in said)
        raise ModelFileError(
            f"The graph takes {graph[0]} and gives {graph[1]}; by its card it should take {takes} and give {gives}. "
            "Export it again, or bring a foreign file into that form with `i2i adopt`."
        )


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
