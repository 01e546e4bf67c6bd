"""Which source goes to which target, settled and checked before a conversion writes anything."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from ...errors import ConfigError, RequestError, UnknownNameError
from ...images.find import Survey, identity, is_picture
from ...images.formats import FORMATS, flag_for_bands, format_of, suffixes, written
from .folding import folds, plainly
from .journal import ABSENT, CHANGED, SAME, State
from .pick import picked
from .stores.listing import survey_of


@dataclasses.dataclass(frozen=True)
class Job:
    """One picture to convert."""

    source: Path
    target: Path
    format: str
    """A key of FORMATS."""
    skip: bool = False
    """Because the target is there already."""
    state: State | None = None
    """What is known of a target that is skipped."""


class Known(Protocol):
    """What is known of a job's target before anything is written."""

    def __call__(self, job: Job, *, thorough: bool = False) -> State:
        """`thorough`: a file is known by its digest, not by its size."""
        ...


@dataclasses.dataclass(frozen=True)
class Plan:
    """Every job, in the order of the sources' paths."""

    jobs: list[Job]
    around: Survey
    """What else lies below the source."""
    unreadable: list[Job]
    """Folders that cannot be opened, in the place of the pictures that may be in them."""
    root: Path | None
    """The target folder; None where one picture is converted."""


def plan_conversion(
    source: Path,
    target: Path,
    format: str,
    quality: int | None,
    bands: int,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    ready: Callable[[Path], bool] | None = None,
) -> Plan:
    """The jobs of `i2i convert`; `bands` is the model's count of output channels, `include` and `exclude` are patterns.

    `ready` picks those sources whose turn it is.

    Raises RequestError (or one of its kind) when the request makes no sense; nothing was written then.
    """
    format = check_format(format, quality, bands)
    single = _is_file(source)
    if single:
        found = Survey([source], Counter(), (), {})
        jobs = [_job(source, _single_target(source, target, format), format)]
    else:
        found = _tree(source, target, include, exclude)
        jobs = [_job(path, target / path.relative_to(source), format) for path in found.pictures]
    _check_targets(jobs)
    jobs = jobs if ready is None else [job for job in jobs if ready(job.source)]
    closed = [Job(path, target / path.relative_to(source), format) for path in found.unreadable]
    return Plan(jobs, found, closed, None if single else target)


def check_format(format: str, quality: int | None, bands: int) -> str:
    """The format as it is given, or the one that holds so many bands; raises RequestError where nothing can be done."""
    if format not in ("keep", *written()):
        raise UnknownNameError("picture format", format, ["keep", *written()])
    if quality is not None and not 1 <= quality <= 100:
        raise ConfigError(f"quality is {quality}; it must lie between 1 and 100.")
    if bands not in (1, 3):
        if format == "keep":
            format = "tiff"
        if not FORMATS[format].bands:
            raise RequestError(f"The model gives {bands} bands, which {format} cannot hold. Use {flag_for_bands()}.")
    return format


def _tree(source: Path, target: Path, include: Sequence[str], exclude: Sequence[str]) -> Survey:
    """What lies below `source`, outputs of ours apart; raises RequestError when nothing of it is to be converted."""
    ours = identity(target)
    if identity(source) is None or not source.is_dir():
        raise RequestError(f"There is no picture or folder at {source}.")
    if _is_file(target):
        raise RequestError(f"{source} is a folder but {target} is a file. Name a folder as the target.")
    if identity(source) == ours:
        raise RequestError(f"{source} and {target} are the same folder. Name another target.")
    found = survey_of(source, without=target)
    if not found.pictures:
        told = " ".join(found.sentences(10))
        raise RequestError(f"{source} holds no picture ({', '.join(suffixes())}). {told}".rstrip())
    some = picked(found, source, include, exclude)
    if not some.pictures:
        raise RequestError(
            f"--include and --exclude leave none of the {len(found.pictures)} pictures of {source}. Patterns are of "
            "the path below it, as in --include '**/*.jpg'."
        )
    return some


def _is_file(path: Path) -> bool:
    return _is_there(path) and path.is_file()


def _single_target(source: Path, target: Path, format: str) -> Path:
    """Where one picture goes: the named file, or its own name in the named folder."""
    if not is_picture(source):
        raise RequestError(f"{source} is no picture by its name ({', '.join(suffixes())}).")
    if target.suffix.lower() not in suffixes() or (_is_there(target) and target.is_dir()):
        return target / source.name
    if format != "keep" and format_of(target.suffix) != format:
        raise RequestError(f"--format {format} and the target's name {target.name} disagree. Leave one of them out.")
    return target


def _job(source: Path, target: Path, format: str) -> Job:
    chosen = format_of(target.suffix) if format == "keep" else format
    chosen = chosen if FORMATS[chosen].writer else FORMATS[chosen].kept_as
    if target.suffix.lower() not in FORMATS[chosen].suffixes:
        target = target.with_suffix(FORMATS[chosen].suffixes[0])
    return Job(source, target, chosen)


def _check_targets(jobs: list[Job]) -> None:
    """No two sources may meet in one target, and no target may be a source."""
    taken: dict[Path, Path] = {}
    sources = {identity(job.source) for job in jobs} - {None}
    for job in jobs:
        if job.target in taken:
            raise RequestError(
                f"{taken[job.target]} and {job.source} would both become {job.target}. "
                "Rename one of them, or keep their formats with --format keep."
            )
        taken[job.target] = job.source
        if identity(job.target) in sources:  # by whatever name, link or mount it is reached
            raise RequestError(f"{job.target} is itself one of the sources. Name another target.")
    _check_alike(jobs)


def _check_alike(jobs: list[Job]) -> None:
    """Nor may two meet where the file system takes `A.png` and `a.png` for one, or two ways to write an accent."""
    alike: dict[str, Job] = {}
    for job in jobs:
        other = alike.setdefault(plainly(job.target), job)
        if other is not job and folds(other.target, job.target):
            raise RequestError(
                f"{other.source} and {job.source} would both become {job.target}, as the file system there takes the "
                "two names for one. Rename one of them, or name another target."
            )


def _is_there(path: Path) -> bool:
    """Whether there is anything at `path`; nothing can be where a name is too long for the file system."""
    return identity(path) is not None


def _skip(jobs: list[Job], known: Known) -> list[Job]:
    return [_left(job, state) if (state := known(job)).kind != ABSENT else job for job in jobs]


def _changed(jobs: list[Job], known: Known) -> list[Job]:
    def is_right(state: State) -> bool:
        return state.kind not in (ABSENT, CHANGED)

    return [_left(job, state) if is_right(state := known(job, thorough=True)) else job for job in jobs]


def _newer(jobs: list[Job], known: Known) -> list[Job]:
    def is_fresh(job: Job) -> bool:
        there = _is_there(job.target) and _is_there(job.source)
        return there and job.target.stat().st_mtime_ns >= job.source.stat().st_mtime_ns

    return [_left(job, known(job)) if is_fresh(job) else job for job in jobs]


def _left(job: Job, state: State) -> Job:
    return dataclasses.replace(job, skip=True, state=state)


def _rename(jobs: list[Job], known: Known) -> list[Job]:
    """Beside what is there, unless one of those names is this result already, by the journal."""
    taken = {job.target for job in jobs}
    renamed = []
    for job in jobs:
        name, number = job.target, 1
        while (is_there := _is_there(name)) or (name != job.target and name in taken):
            here = dataclasses.replace(job, target=name)
            if is_there and (name == job.target or name not in taken) and (state := known(here)).kind == SAME:
                renamed.append(_left(here, state))
                break
            name = job.target.with_name(f"{job.target.stem}-{number}{job.target.suffix}")
            number += 1
        else:
            renamed.append(dataclasses.replace(job, target=name))
        taken.add(name)
    return renamed


def _fail(jobs: list[Job], _known: Known) -> list[Job]:
    there = [job.target for job in jobs if _is_there(job.target)]
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise RequestError(f"{there[0]}{more} exists already, and --existing fail was given. Nothing was converted.")
    return jobs


EXISTING: dict[str, Callable[[list[Job], Known], list[Job]]] = {
    "skip": _skip,
    "changed": _changed,
    "newer": _newer,
    "overwrite": lambda jobs, _known: jobs,
    "rename": _rename,
    "fail": _fail,
}
"""What happens when a target exists: it is left alone, replaced where another model, option or source made it, replaced
when older, replaced whatever it is, put beside, or refused."""


def settle_existing(jobs: list[Job], existing: str, known: Known) -> list[Job]:
    """The jobs with what becomes of targets that are there; raises RequestError where `existing` says so.

    Raises UnknownNameError on a policy that is no key of EXISTING.
    """
    if existing not in EXISTING:
        raise UnknownNameError("policy for existing files", existing, EXISTING)
    return EXISTING[existing](jobs, known)
