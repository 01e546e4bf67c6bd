"""Work in processes of its own: what it leaves in memory makes nothing else here faster or slower."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from typing import TypeVar

from .measure import Work

T = TypeVar("T")
_built: list[Work] = []


def alone(function: Callable[..., T], *arguments: object) -> T:
    """What `function` of a module gives in a fresh process."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


@contextlib.contextmanager
def built_alone(build: Callable[[], Work], quick: bool = False) -> Iterator[Work]:
    """What `build` makes in a fresh process, to be done there at each call, which returns when it is done.

    `quick` forks it from one that has imported torch; what is measured begins with a heap that others have used.
    """
    with ProcessPoolExecutor(
        1, _forking() if quick else get_context("spawn"), initializer=_build, initargs=(build,)
    ) as pool:
        yield lambda: pool.submit(_do).result()


def _forking() -> BaseContext:
    context = get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.rows", "torch._dynamo"])  # which an optimizer imports
    return context


def _build(build: Callable[[], Work]) -> None:
    _built.append(build())


def _do() -> None:
    _built[0]()
