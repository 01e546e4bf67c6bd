"""The Ray Data job of a conversion: groups of pictures out, what became of them back, files named and journalled here.

A worker that is killed is started anew by Ray, and its group of pictures is converted again. A picture whose worker
ends each time is tried alone, and then fails.
"""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ....errors import I2IError, ProviderError
from ...inference.chain import Chain
from ...inference.engine import Engine
from ...runtime.providers import NUMBERED
from ..claim import Claim, Placing
from ..failures import STORAGE_ERRORS, ends, why_unwritten
from ..making import Results
from ..plan import Job
from ..report import FileResult
from ..stores.url import Url
from .cluster import Share, check_installed, cluster, share
from .worker import Answer, Ended, Expected, Model, Worker, how_of

GROUP = 16
"""Pictures that a worker converts at a time, at most; as many are converted again when it is killed."""


class OnRay:
    """Converts pictures by engines in the processes of a Ray cluster; see Spread."""

    def __init__(
        self,
        engine: Engine | Chain,
        options: Mapping[str, Any],
        address: str | None = None,
        engines: int | None = None,
        say: Callable[[str], object] = lambda _: None,
    ) -> None:
        """`engine` is this process' own, opened with `options`; `address` is that of a cluster, by default RAY_ADDRESS.

        Without either one is started on this machine, and ended with the conversion. `engines` says how many it has.
        `say` gets a sentence on what does the work.

        Raises RequestError where Ray is not installed.
        """
        check_installed()
        self.engine, self.options, self.address, self.engines, self.say = engine, options, address, engines, say

    def results(
        self, jobs: list[Job], claim: Claim, *, quality: int | None, metadata: str, controls: Mapping[str, object]
    ) -> Results:
        """See Spread; raises ProviderError for a cluster that does not answer, or has not what the engines need."""
        making = {"quality": quality, "metadata": metadata, "controls": dict(controls)}
        claim.clear(())  # of a run that was killed
        try:
            with cluster(self.address) as ray:
                dealt = share(ray, self.engines, on_gpu=self.engine.provider.partition(":")[0] in NUMBERED)
                self.say(str(dealt))
                is_seen = not all(isinstance(place, Url) for job in jobs for place in (job.source, job.target))
                expected = Expected(Path.cwd() if is_seen else None, claim.root, how_of(self.engine))
                options = {**self.options, "threads": dealt.threads}
                made = (_models(ray, self.engine, dealt), options, dealt.memory, expected, making)
                yield from _converted(jobs, claim, partial(_answers, ray, dealt, made), dealt)
        finally:
            claim.clear({job.target.parent for job in jobs})  # also of answers that were not waited for


Ask = Callable[[Mapping[int, Job], int], "Iterable[list[Answer | Ended]]"]
"""Has the jobs done by workers, so many at a time, and gives what they say of each group, as they say it."""


def _converted(jobs: list[Job], claim: Claim, ask: Ask, dealt: Share) -> Results:
    ahead, written = dict(enumerate(jobs)), 0
    size = max(1, min(GROUP, len(jobs) // (4 * dealt.engines)))
    for group in dict.fromkeys((size, 1)):  # alone, what was in a group whose worker ended again and again
        for answers in ask(ahead, group):
            told = {said.place: said for said in answers if isinstance(said, Answer) and said.place in ahead}
            for place, result in _placed(claim, ahead, told, written, len(jobs)):
                del ahead[place]  # or it would count twice: of a worker that was taken for dead, and answers after all
                written += result.status == "written"
                yield result, told[place].pixels
            for ended in answers:
                if isinstance(ended, Ended):
                    raise _ended(ended, written, len(jobs))
        if not ahead:
            return
    for job in ahead.values():
        why = f"The process that converted {job.source} ended each time. Try it by itself, without --engine ray."
        yield FileResult(job.source, job.target, "failed", why), 0


def _answers(
    ray: Any, dealt: Share, made: tuple[Any, ...], ahead: Mapping[int, Job], size: int
) -> Iterator[list[Answer | Ended]]:
    """See Ask; of a group whose worker ended too often, nothing is said."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    jobs = list(ahead.items())
    groups = [{"jobs": pickle.dumps((f"{size}-{at}", jobs[at : at + size]))} for at in range(0, len(jobs), size)]
    rows = ray.data.from_items(groups, override_num_blocks=len(groups)).map_batches(
        Worker,
        fn_constructor_args=made,
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(dealt.engines, len(groups)), max_tasks_in_flight_per_actor=2),
        num_cpus=dealt.processors,
        num_gpus=dealt.gpus,
    )  # by default actors are started anew, and groups converted again, for ever
    try:
        for row in rows.iter_rows():
            yield pickle.loads(row["answers"])
    except ray.exceptions.RayError as error:
        raise ProviderError(f"Ray ended the conversion ({str(error).strip().splitlines()[-1]}).") from error


def _models(ray: Any, engine: Engine | Chain, dealt: Share) -> tuple[Model, ...]:
    """The files; their bytes too, unless all of the cluster is this machine."""
    engines: Sequence[Engine] = engine.engines if isinstance(engine, Chain) else (engine,)
    is_far = dealt.machines > 1
    return tuple(
        Model(each.path.absolute(), each.sha256, ray.put(each.path.read_bytes()) if is_far else None)
        for each in engines
    )


def _placed(
    claim: Claim, ahead: Mapping[int, Job], told: Mapping[int, Answer], written: int, total: int
) -> Iterator[tuple[int, FileResult]]:
    """What became of some jobs, their files in their places; raises StorageError when nothing more can be written."""
    rows = {}
    for place, said in told.items():
        job, part = ahead[place], said.part
        if part is None:
            yield place, said.result
        else:
            rows[place] = Placing(part.path, job.target, job.source, part.read, part.size, part.sha256)
    try:
        for place, error in zip(rows, claim.place_all(list(rows.values())), strict=True):
            if isinstance(error, OSError) and error.errno in STORAGE_ERRORS:
                raise error
            yield place, _result(ahead[place], told[place].result, error)
            written += error is None
    except OSError as error:
        raise ends(error, claim.root, written, total) from error


def _result(job: Job, result: FileResult, error: Exception | None) -> FileResult:
    if error is None:
        return result
    return dataclasses.replace(result, status="failed", error=why_unwritten(job, error), target_sha256=None)


def _ended(said: Ended, written: int, total: int) -> I2IError:
    if said.storage is None:
        return ProviderError(said.why)
    number, words, place = said.storage
    return ends(OSError(number, words), place, written, total)
