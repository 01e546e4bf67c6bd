"""Checkpoints: a folder each, written beside and renamed, so that a killed run never leaves half of one.

checkpoints/00004000/weights.safetensors   every network, keys `G.…`, `D.…`
checkpoints/00004000/state.pt              optimizers, images seen, random state; loads with weights_only=True
checkpoints/00004000/SHA256SUMS            the digests of both: what is damaged is not gone on from
checkpoints/best/weights.safetensors       the networks at the lowest validation error, for export alone
checkpoints/best-before/                   the best before that, where the best is damaged
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import pickle
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from ..errors import RunError, first_line
from ..files import being_written, sync_folder
from ..methods import Method
from .digests import damage, write_files
from .run_directory import BEST, BEST_BEFORE, BEST_FIGURE, STATE, WEIGHTS, Run, complete_checkpoints


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a run is."""

    images: int = 0
    steps: int = 0
    seconds: float = 0.0
    """Time spent training, over all sessions."""
    best: float | None = None
    """Value of the figure that the best is kept by, of the best so far."""
    best_by: str | None = None
    """That figure's name; None in the checkpoints of older versions."""
    best_images: int | None = None
    best_pictures: tuple[float, ...] = ()
    """Its value picture by picture. All of the best stands here and not in best.json alone, which may be newer: a run
    that was killed after a best checkpoint decides again as it did."""
    best_among: str | None = None
    """What the stage that it was found in is `scored_as`."""


BACK = 5
"""How many parts of `spacing` images before the one at hand a run can go back."""


def save(folder: Path, method: Method, progress: Progress, keep: int, spacing: int | None = None) -> Path:
    """Write the checkpoint of `progress`, then drop all but the `keep` newest; raises StorageError.

    With `spacing`, in images, the first one of each of the last BACK + 1 parts of so many images stays as well,
    however often is saved: a run that fell ill may have to go back further than it was seen.
    """
    path = folder / f"{progress.images:08d}"
    if path.exists() and damage(path, (WEIGHTS, STATE)):
        set_aside(path)
    if not path.exists():
        state = {"progress": dataclasses.asdict(progress), "method": method.state_dict(), "random": _random_state()}
        buffer = io.BytesIO()  # straight to a file, torch would hide what the operating system says
        torch.save(state, buffer)
        with being_written(path) as part:
            part.mkdir()
            write_files(part, {WEIGHTS: _weights(method), STATE: buffer.getbuffer()})
        sync_folder(folder)
    for old in outdated(complete_checkpoints(folder), keep, spacing):
        shutil.rmtree(old, ignore_errors=True)
    return path


def outdated(checkpoints: Sequence[Path], keep: int, spacing: int | None) -> list[Path]:
    """Which of these, oldest first and named by their images, `save` drops."""
    kept = set(checkpoints[-keep:])
    if spacing:
        firsts: dict[int, Path] = {}
        for path in checkpoints:
            firsts.setdefault(int(path.name) // spacing, path)
        now = int(checkpoints[-1].name) // spacing
        kept |= {path for part, path in firsts.items() if part >= now - BACK}
    return [path for path in checkpoints if path not in kept]


def set_aside(path: Path) -> Path:
    """Give a damaged checkpoint a name by which it is not gone on from, and give its place; it is not removed."""
    place = path.with_name(f"damaged-{path.name}")
    shutil.rmtree(place, ignore_errors=True)
    with contextlib.suppress(OSError):
        path.rename(place)
    return place


def save_best(folder: Path, method: Method, images: int, figure: Mapping[str, Any]) -> None:
    """Keep the networks of now as the best, and the best so far as the one before; raises StorageError.

    `figure` is what it is the best by, and `pictures`, its value picture by picture where there is one.
    """
    best, before = folder / BEST, folder / BEST_BEFORE
    figure = {"images": images, **figure}
    with being_written(best) as part:
        part.mkdir()
        write_files(part, {WEIGHTS: _weights(method), BEST_FIGURE: json.dumps(figure).encode()})
        if best.exists():  # killed between these lines, a run has the one before
            shutil.rmtree(before, ignore_errors=True)
            best.rename(before)


def _with_best(progress: Progress, best: Mapping[str, Any]) -> Progress:
    """With what a best.json says as the best so far."""
    name, value = next(((key, value) for key, value in best.items() if key.startswith("val_")), (None, None))
    images, pictures, among = best.get("images"), tuple(best.get("pictures", ())), best.get("among")
    return dataclasses.replace(
        progress, best=value, best_by=name, best_images=images, best_pictures=pictures, best_among=among
    )


def mend_best(run: Run, progress: Progress, say: Callable[[str], object]) -> Progress:
    """Set a damaged best checkpoint aside, said aloud: what the next is compared with is then the one before.

    Where there is none at all, as after a rollback to before both that are kept, the next one is the best.
    """
    why = run.best_damage()
    if why is None:
        return progress if run.best() else _with_best(progress, {})
    place, found = set_aside(run.checkpoints / BEST), run.best()
    kept = f"The best before, of {found[1]['images']} images, counts as the best" if found else "There is no other yet"
    say(f"{why} It is {place.name} now. {kept}.")
    return _with_best(progress, found[1] if found else {})


def load_weights(path: Path, method: Method) -> None:
    """Put the weights of the checkpoint folder `path` into the networks; raises RunError when they do not fit."""
    load_networks(path, method.networks, method.expects)


def load_networks(
    path: Path, networks: Mapping[str, nn.Module], expects: Callable[[str, Collection[str]], bool] = lambda *_: True
) -> None:
    """Put the weights of the checkpoint folder `path` into networks by their names in it.

    `expects` says of a network and the names that there are whether it must be among them. Raises RunError when the
    weights do not fit.
    """
    try:
        tensors = safetensors.torch.load_file(path / WEIGHTS)
    except (OSError, safetensors.SafetensorError) as error:
        raise RunError(f"The checkpoint {path} is damaged ({first_line(error)}).") from error
    _put(tensors, networks, expects, path)


def _put(
    tensors: Mapping[str, Tensor],
    networks: Mapping[str, nn.Module],
    expects: Callable[[str, Collection[str]], bool],
    path: Path,
) -> None:
    try:
        saved = {key.partition(".")[0] for key in tensors}
        for name, network in networks.items():
            if not expects(name, saved):
                continue
            prefix = f"{name}."
            own = {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
            network.load_state_dict(own)
    except RuntimeError as error:
        raise RunError(
            f"The checkpoint {path} is of another architecture ({first_line(error)}). "
            "Remove that folder to go on from the one before, or choose another folder for --run."
        ) from error


def restore(folder: Path, method: Method, say: Callable[[str], object] = lambda _: None) -> Progress:
    """Put the newest checkpoint that is whole into `method` and the random generators, and give its progress.

    Newer ones that are damaged are told and, by the process that writes, set aside. Gives the empty progress where
    there is no checkpoint; raises RunError where all are damaged, or one does not fit.
    """
    told = []
    for path in sorted(folder.glob("[0-9]*"), reverse=True):
        tensors, state, why = _read(path)
        if why is not None:
            place = set_aside(path) if method.placement.rank == 0 else path
            told.append(f"The checkpoint {path} is damaged ({why}); it is {place.name} now.")
            continue
        for sentence in told:
            say(f"{sentence} The run goes on from the one before, {path.name}.")
        _put(tensors, method.networks, method.expects, path)
        try:
            method.load_state_dict(state["method"])
            _set_random_state(state["random"])
            return Progress(**state["progress"])
        except (RuntimeError, KeyError, ValueError, TypeError) as error:
            raise RunError(
                f"The state in the checkpoint {path} does not fit this run ({first_line(error)}). "
                "Remove that folder to go on from the one before."
            ) from error
    if told:
        raise RunError(
            f"{' '.join(told)} No other is left to go on from. Put one back from a backup, or start anew in another "
            "--run."
        )
    return Progress()


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any], str | None]:
    """Weights and state of a checkpoint, or what is wrong with it: all is read before anything is made use of."""
    why = damage(path, (WEIGHTS, STATE))
    if why is None:
        try:
            tensors = safetensors.torch.load_file(path / WEIGHTS)
            state = torch.load(path / STATE, map_location="cpu", weights_only=True)
            if state.keys() >= {"method", "random", "progress"}:
                return tensors, state, None
            why = f"{STATE} lacks what a run needs"
        except READING as error:
            why = first_line(error)
    return {}, {}, why


READING = (
    *(OSError, RuntimeError, KeyError, ValueError, EOFError, TypeError, AttributeError),
    *(pickle.UnpicklingError, safetensors.SafetensorError),
)
"""What comes of reading a file that is not what was written, where no digest told before."""


def _weights(method: Method) -> bytes:
    tensors: dict[str, Tensor] = {
        f"{name}.{key}": value.detach().cpu().contiguous()
        for name, network in method.networks.items()
        for key, value in network.state_dict().items()
    }
    data: bytes = safetensors.torch.save(tensors)
    return data


def _random_state() -> dict[str, Any]:
    """Of torch alone: dropout draws from it. Samples are functions of (seed, n) and need none."""
    return {
        "cpu": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _set_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
