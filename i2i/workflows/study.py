"""What `i2i study` does before its page opens: the pictures of the models beside the real ones, as a study's folder."""

from __future__ import annotations

import dataclasses
import itertools
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..card import Card
from ..datasets.layouts.items import Single
from ..datasets.streams.loading import decode
from ..errors import DataError, PictureError, RequestError
from ..files import write_atomically
from ..images.find import composed, find_pictures
from ..images.image import Array
from ..serving import Engine, resolve_model
from ..study.design import KINDS, PICTURES, STUDY, Design, Pictures, read_design, ruined, write_design
from .progress import Bar, Say, silent
from .scoring.domains import domain_evaluation_set
from .scoring.folders import is_of_pictures
from .scoring.pairs import EvaluationSet, is_unpaired, material
from .scoring.superres import high_res_evaluation_set

UNFINISHED = "unfinished"
"""A file that is there while a study is made: what stands beside it was left by one that was killed, or that failed."""

Triple = tuple[str, Array, Array, Array]
"""Name, what is `a`, what is `b`, and a picture that an obvious pair is made of."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a study is to be."""

    model: Path
    """A run, an ONNX file, or a folder of pictures that it made."""
    data: Path
    against: Path | None = None
    """The same of another model; None for real pictures."""
    split: str | None = None
    direction: str | None = None
    device: str = "auto"
    question: str | None = None
    trials: int = 40
    practice: int | None = None
    checks: int = 4
    seconds: float | None = None
    pictures: int = 200
    """The most that are taken."""
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """For study.json, to know the request again."""
        known = dataclasses.asdict(self)
        return {k: str(v) if isinstance(v, Path) else v for k, v in known.items() if k != "device"}


def prepare(asked: Asked, folder: Path, say: Say = silent) -> Design:
    """The study in `folder`, made unless it is there.

    Raises RequestError when another one is there, DataError when there are no pictures to show.
    """
    if (folder / STUDY).exists():
        design = read_design(folder)
        if design.request != asked.to_dict():
            raise RequestError(f"{folder} holds a study of something else. Name another folder: --out study-2.")
        say(f"Going on with the study in {folder}.")
        return design
    if (folder / UNFINISHED).exists():
        shutil.rmtree(folder / PICTURES, ignore_errors=True)
        (folder / UNFINISHED).unlink()
    if folder.exists() and any(folder.iterdir()):
        raise RequestError(f"{folder} is not empty and holds no study. Name another folder by --out.")
    write_atomically(folder / UNFINISHED, b"")
    kind = "real-or-fake" if asked.against is None else "a-against-b"
    usual = KINDS[kind]
    practice = int(usual["practice"]) if asked.practice is None else asked.practice
    obvious = asked.checks + (practice if kind == "a-against-b" else 0)
    broken: list[str] = []
    pictures, items, checks = Pictures(folder), [], []
    with Bar("Preparing", asked.pictures, "pictures") as bar:
        for number, (name, a, b, whole) in enumerate(itertools.islice(_triples(asked, broken), asked.pictures)):
            items.append(pictures.pair(a, b, name))
            if number < obvious:
                spoilt = ruined(whole, number)
                good = whole[: spoilt.shape[0], : spoilt.shape[1]]
                sides = (spoilt, good) if kind == "real-or-fake" else (good, spoilt)
                checks.append(pictures.pair(*sides, f"check {number}"))
            bar.update(number + 1)
    for reason in broken:
        say(f"Left out: {reason}", err=True)
    if len(items) < 2:
        raise DataError(f"{asked.data} gives {len(items)} pairs of pictures to show; a study needs two or more.")
    kept_for_practice = practice if kind == "real-or-fake" else 0
    if len(items) >= asked.trials + kept_for_practice + obvious:  # a picture seen in a check is in no trial then
        for item in items[: len(checks)]:
            pictures.drop(item)
        del items[: len(checks)]
    titles = (asked.model.name, "real" if asked.against is None else asked.against.name)
    design = Design(
        kind=kind,
        titles=titles if titles[0] != titles[1] else (str(asked.model), str(asked.against)),
        question=asked.question or str(usual["question"]),
        trials=min(asked.trials, len(items)),
        practice=practice,
        checks_each=min(asked.checks, len(checks)),
        missed=min(asked.checks, len(checks)) // 4,
        seconds=float(usual["seconds"]) if asked.seconds is None else asked.seconds,
        seed=asked.seed,
        items=tuple(items),
        checks=tuple(checks),
        key=secrets.token_urlsafe(12),
        request=asked.to_dict(),
    )
    write_design(folder, design)
    (folder / UNFINISHED).unlink(missing_ok=True)
    if design.trials < asked.trials:
        say(f"Note: there are {len(items)} pairs, so a rater sees {design.trials} and not {asked.trials}.", err=True)
    return design


def _triples(asked: Asked, broken: list[str]) -> Iterator[Triple]:
    if is_of_pictures(asked.model):
        return _of_folders(asked, broken)
    engines = [
        Engine(resolve_model(path, asked.direction), device=asked.device)
        for path in (asked.model, asked.against)
        if path is not None
    ]
    return _of_models(engines, asked, broken)


def _of_models(engines: list[Engine], asked: Asked, broken: list[str]) -> Iterator[Triple]:
    found = _set(engines[0].card, asked)
    real = found.real(broken)
    for name, x, truth in found.scored(broken):
        beside = truth if truth is not None else next(real or iter(()), None)
        if beside is None:
            return
        outputs = [engine(x) for engine in engines]
        yield name, outputs[0], (outputs[1] if len(outputs) > 1 else beside), beside


def _set(card: Card, asked: Asked) -> EvaluationSet:
    """Pairs where the folder has them, else two domains."""
    if card.keeps_content:
        return high_res_evaluation_set(asked.data, card, asked.split, None, None, False)
    try:
        return material(asked.data, card, asked.split)
    except DataError:
        if not is_unpaired(asked.data, card):
            raise
        return domain_evaluation_set(asked.data, card, asked.split)


def _of_folders(asked: Asked, broken: list[str]) -> Iterator[Triple]:
    """Pictures of one name are shown together; where folders have no names in common, any two."""
    first, real = (_by_name(path) for path in (asked.model, asked.data))
    if asked.against is None:
        second = real
    elif is_of_pictures(asked.against):
        second = _by_name(asked.against)
    else:
        raise RequestError(f"{asked.model} is a folder of pictures and {asked.against} is a model. Give two of a kind.")
    common = [name for name in first if name in second]
    rng = np.random.default_rng(asked.seed)
    if not common and asked.against is not None:
        raise DataError(f"{asked.model} and {asked.against} have no picture of the same name to show together.")
    others = [str(name) for name in rng.permutation(sorted(second))]
    pairs = [(name, name) for name in common] or list(zip(first, others, strict=False))
    for name, other in (pairs[n] for n in rng.permutation(len(pairs))):
        try:
            a, b = (decode(Single(name, path, 0))[0] for path in (first[name], second[other]))
        except PictureError as error:
            broken.append(str(error))
            continue
        yield name, a, b, (b if asked.against is None else a)


def _by_name(folder: Path) -> dict[str, Path]:
    if not is_of_pictures(folder):
        raise DataError(f"{folder} is no folder of pictures.")
    return {composed(path.relative_to(folder).with_suffix("").as_posix()): path for path in find_pictures(folder)}
