"""TensorBoard: event files in RUN/tensorboard, which `tensorboard --logdir runs` finds.

They are made anew from the log whenever a training begins, goes on or was rewound: so a curve has each point once, in
every reader, however the run was interrupted. Written by tensorboardX, which needs none of TensorBoard itself.
"""

from __future__ import annotations

import io
import time
from pathlib import Path

from PIL import Image
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from ..training.log_file import Record
from ..training.run_directory import Run
from .trackers import figures, hyper_parameters

FOLDER, GRID = "tensorboard", "samples/grid"
"""Of the event files, below the run directory; and the tag of the sample grids."""

LARGEST_PNG = 200_000
"""Bytes of a grid that is carried as it is; a larger one becomes a JPEG, for each byte costs time and place."""


class TensorBoard:
    """The event file of one run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.folder = run.path / FOLDER
        self.place = ""
        self.writer: EventsWriter | None = None
        self.measured = False

    def begin(self) -> int:
        """A new file in the place of all older ones; nothing of it has been told."""
        if self.writer is not None:
            self.writer.close()
        self.folder.mkdir(exist_ok=True)
        older = list(self.folder.glob("events.out.tfevents.*"))
        self.writer = EventsWriter(str(self.folder / "events"), f".{time.time_ns()}")  # viewers read in this order
        for file in older:
            file.unlink()
        records = self.run.records(tolerant=True)
        self.began = time.time() - (records[-1].get("seconds", 0.0) if records else 0.0)
        self.measured = False
        self._write(Event(session_log=SessionLog(status=SessionLog.START), step=0))  # viewers forget what they had
        rows = "".join(f"| {name} | {value} |\n" for name, value in hyper_parameters(self.run).items())
        self._add(0, summary.text("settings", f"| setting | value |\n|---|---|\n{rows}"), self.began)
        return -1

    rewind = begin

    def tell(self, record: Record) -> None:
        """Every figure of the line, at the time of the training that it was logged at."""
        values = figures(record)
        if not self.measured and (validation := [tag for tag in values if tag.startswith("validation/")]):
            self._name_hyper_parameters(validation)
        parts = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self._add(record["images"], Summary(value=parts), self.began + float(record.get("seconds", 0)))
        self._flush()

    def show(self, images: int, grid: Path) -> None:
        """The grid as one picture."""
        data = grid.read_bytes()
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            width, height = picture.size
            if len(data) > LARGEST_PNG:
                buffer = io.BytesIO()
                picture.convert("RGB").save(buffer, "JPEG", quality=90, subsampling=0)
                data = buffer.getvalue()
        image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=data)
        self._add(images, Summary(value=[Summary.Value(tag=GRID, image=image)]), time.time())
        self._flush()

    def end(self, finished: bool) -> None:  # noqa: ARG002 - a file has no such state
        """Close the file."""
        if self.writer is not None:
            self.writer.close()

    def _name_hyper_parameters(self, validation: list[str]) -> None:
        """For the tab HPARAMS, which compares runs: settings beside the validation figures."""
        experiment, session, _ = summary.hparams(hyper_parameters(self.run), dict.fromkeys(validation, 0.0))
        self._add(0, experiment, self.began)
        self._add(0, session, self.began)
        self.measured = True

    def _add(self, step: int, content: Summary, wall_time: float) -> None:
        self._write(Event(step=step, wall_time=wall_time, summary=content))

    def _write(self, event: Event) -> None:
        assert self.writer is not None
        self.writer.write_event(event)

    def _flush(self) -> None:
        assert self.writer is not None
        self.writer.flush()
