"""Make the witnesses: what the version of commit ac539ae leaves of tiny runs, for later versions to be held to.

To be run with that version alone, in its checkout: python tests/witnesses/make_witnesses.py
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import safetensors.torch
import torch
import typer
import yaml
from PIL import Image

import i2i
from i2i.card import Card, Probe
from i2i.commands import app, main
from i2i.config import merge
from i2i.methods import METHODS

COMMIT = "ac539ae"
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import theirs  # noqa: E402

PACKAGES = ("torch", "numpy", "pillow", "onnxruntime-gpu", "albumentations", "opencv-python-headless")
"""Installed packages that the last bit of a weight may depend on."""


@dataclasses.dataclass(frozen=True)
class Export:
    """A file of a run: what `i2i export` is told."""

    file: str
    words: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Witness:
    """A run that is stopped half-way, and continued."""

    method: str
    data: str
    """Folder of its pictures, in `pictures`."""
    stop: int
    """Images after which it is stopped."""
    total: int
    settings: dict[str, Any]
    """What `--config` gets, in the words of that version."""
    preset: str | None = None
    exports: tuple[Export, ...] = (Export("model.onnx"),)
    metrics: str = "l1,psnr,ssim"


EVERY = {"log": {"every": 2, "samples": 4, "checkpoint": 1000, "checkpoint_minutes": 60, "keep": 1, "rows": 1}}
HERE_ALONE = {"device": "cpu", "precision": "fp32", "workers": 0, "seed": 3}
BOTH = (Export("a2b.onnx", ("--direction", "a2b")), Export("b2a.onnx", ("--direction", "b2a")))

WITNESSES = {
    "pix2pix": Witness(
        "pix2pix",
        "pairs",
        stop=6,
        total=12,
        settings={
            **EVERY,
            **HERE_ALONE,
            "direction": "b2a",
            "size": 16,
            "images": 12,
            "batch": 2,
            "licence": "CC0-1.0",
            "generator": {"name": "unet16", "width": 1, "norm": "batch", "dropout": 0.5, "up": "resize"},
            "discriminator": {"name": "patch", "layers": 1, "width": 2, "norm": "picture"},
            "gan": {
                "loss": "non_saturating",
                "label_smoothing": 0.1,
                "instance_noise": 0.1,
                "r1": 0.5,
                "feature_matching": 1,
                "augment": ["colour", "translation"],
                "ada": True,
                "ada_target": 0.5,
                "ada_images": 20,
                "pool": 2,
            },
            "ema": {"images": 8, "rampup": 1},
            "lambda_l1": 50,
            "lambda_d": 0.4,
            "init_std": 0.05,
        },
        exports=(
            Export("model.onnx"),
            Export("model-fp16.onnx", ("--precision", "fp16")),
        ),
    ),
    "cyclegan": Witness(
        "cyclegan",
        "domains",
        stop=6,
        total=12,
        settings={
            **EVERY,
            **HERE_ALONE,
            "size": 16,
            "images": 12,
            "batch": 2,
            "data": {"augment": ["crop", "flip"], "interpolation": "bilinear", "cache_mb": 16},
            "generator": {"name": "resnet6", "blocks": 1, "width": 1, "norm": "picture", "up": "resize"},
            "discriminator": {
                **{"name": "patch", "layers": 1, "width": 2, "norm": "instance"},
                **{"spectral": True, "minibatch_std": True},
            },
            "optimizer": {"lr": 4e-4, "lr_d": 1e-4, "clip": 1, "weight_decay": 1e-5, "decay_from": 0.25},
            "gan": {
                **{"loss": "wasserstein", "gradient_penalty": 10, "pool": 2},
                **{"augment": ["translation", "cutout"], "augment_p": 0.5},
            },
            "lambda_cycle": 5,
            "lambda_identity": 0.25,
            "lambda_d": 0.5,
        },
        exports=BOTH,
    ),
    "discogan": Witness(
        "discogan",
        "domains",
        stop=8,
        total=16,
        settings={
            **EVERY,
            **HERE_ALONE,
            "size": 64,
            "images": 16,
            "batch": 2,
            "data": {"augment": ["none"], "squash": True},
            "generator": {"name": "disco", "width": 1, "norm": "population"},
            "discriminator": {"name": "disco", "width": 1, "norm": "batch"},
            "gan": {"feature_matching": 9, "g_steps": 2, "pool": 0},
            "rate": 0.6,
            "starting_rate": 0.1,
            "curriculum": 3,
            "lambda_gan": 0.2,
            "reconstruct": "both",
            "init_std": 0.3,
        },
        exports=BOTH,
    ),
    "srgan-pixel": Witness(
        "srgan",
        "sharp",
        stop=4,
        total=12,
        preset="noise",
        settings={
            **EVERY,
            **HERE_ALONE,
            "size": 32,
            "images": 8,
            "gan_images": 4,
            "batch": 2,
            "generator": {"width": 1, "norm": "population", "up": "resize"},
            "discriminator": {"name": "patch", "layers": 1, "width": 2},
            "ema": {"images": 4, "rampup": 1},
            "perceptual": {"network": "none", "gap": "mse"},
        },
        metrics="psnr_y,ssim_y,l1",
    ),
    "srgan-gan": Witness(
        "srgan",
        "sharp",
        stop=10,
        total=16,
        settings={
            **EVERY,
            **HERE_ALONE,
            "scale": 2,
            "size": 16,
            "images": 6,
            "gan_images": 10,
            "batch": 2,
            "pixel": "charbonnier",
            "lambda_pixel": 0.5,
            "lambda_perceptual": 1,
            "lambda_gan": 0.01,
            "lambda_grid": 20,
            "generator": {"name": "compact", "blocks": 1, "width": 4, "skip": "bilinear"},
            "discriminator": {"name": "unet", "width": 1},
            "optimizer": {"lr": 1e-3, "lr_d": 2e-4},
            "schedule": {"kind": "cosine", "periods": 2, "floor": 0.1},
            "gan_lr": 3e-4,
            "gan_schedule": {"kind": "steps", "at": [0.25, 0.5], "by": 0.5},
            "gan": {"loss": "relativistic", "instance_noise": 0.05},
            "ema": {"images": 4, "rampup": 1},
            "perceptual": {"network": "none"},
            "degradation": {
                "kind": "pipeline",
                "first": {"blur": {"p": 0.5, "kernel": [3, 5]}, "jpeg": {"quality": [60, 90]}},
                "second": {"blur": {"p": 0}, "resize": {"up": 0, "down": 0.5, "keep": 0.5}, "noise": {"sigma": [1, 5]}},
                "sinc": {"p": 0.2, "kernel": [3, 7]},
                "sharpen": True,
            },
        },
        exports=(
            Export("model.onnx"),
            Export("model-best.onnx", ("--checkpoint", "best")),
            Export("model-fp16.onnx", ("--precision", "fp16")),
        ),
        metrics="psnr_y,ssim_y,psnr,ssim",
    ),
}


JUDGED = (
    *("g_gan", "g_features", "d_real", "d_fake", "d_slope", "d_r1"),
    *("p_real", "p_fake", "ada_p", "ada_r"),
)
"""What any contest may log, whether or not these runs do."""
ENDS = {"pix2pix": ("",), "cyclegan": ("_x", "_y"), "discogan": ("_a", "_b"), "srgan": ("",)}
"""What is put behind these names, by method."""


def run(*words: object) -> tuple[int, str, str]:
    """The command in this process: exit status, stdout, stderr."""
    sys.argv = ["i2i", *map(str, words)]
    out, err = io.StringIO(), io.StringIO()
    status: Any = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            status = end.code or 0
    return status, out.getvalue(), err.getvalue()


def done(*words: object, status: int = 0) -> str:
    """The same for a command that must end with `status`; gives stdout."""
    code, out, err = run(*words)
    if code != status:
        sys.exit(f"i2i {' '.join(map(str, words))} ended with {code}:\n{out}{err}")
    return out


@contextlib.contextmanager
def stopped_after(method: str, images: int) -> Iterator[None]:
    """As if Ctrl-C came while the step is at hand that brings the run to so many images."""
    kind = METHODS[method]
    step = kind.step

    def stepping(self: Any, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        if self.seen + len(next(iter(batch.values()))) >= images:
            signal.raise_signal(signal.SIGINT)
        return step(self, batch)

    kind.step = stepping
    try:
        yield
    finally:
        kind.step = step


def blocks(seed: int, width: int, height: int, channels: int, side: int) -> np.ndarray:
    """Squares of few colours, which make small files."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (-(-height // side), -(-width // side), channels), np.uint8)
    return np.kron(coarse, np.ones((side, side, 1), np.uint8))[:height, :width]


def save(pixels: np.ndarray, path: Path) -> None:
    """As a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.squeeze()).save(path, optimize=True)


def make_pictures() -> None:
    """Pairs of grey and colour, two domains with the same scenes in test, sharp pictures, and one to convert."""
    pictures, seed = HERE / "pictures", 0
    for split, many in {"train": 6, "val": 2, "test": 3}.items():
        for n in range(many):
            seed += 1
            colour = blocks(seed, 24, 24, 3, 6)
            save(colour.max(2, keepdims=True), pictures / "pairs" / split / "A" / f"{n}.png")
            save(colour, pictures / "pairs" / split / "B" / f"{n}.png")
    for split, many in {"train": 5, "val": 4, "test": 3}.items():
        for n in range(many):
            for side, shift in (("A", 0), ("B", 40)):
                seed += split != "test" or side == "A"
                warm = blocks(seed, 64, 64, 3, 16) // 2 + np.array([100 - shift, 40, 20 + 2 * shift], np.uint8)
                save(
                    warm.astype(np.uint8),
                    pictures / "domains" / f"{split}{side}" / f"{side * (split != 'test')}{n}.png",
                )
    for split, many in {"train": 4, "val": 2, "test": 2}.items():
        for n in range(many):
            seed += 1
            save(blocks(seed, 40, 36, 3, 5), pictures / "sharp" / split / f"{n}.png")
    save(blocks(999, 44, 36, 3, 4), pictures / "convert" / "one.png")


def train_words(name: str) -> list[object]:
    """The command that begins the run, and continues it."""
    witness = WITNESSES[name]
    preset = ["--preset", witness.preset] if witness.preset else []
    files = ["--run", f"{name}/run", "--config", f"{name}/settings.yaml"]
    return ["train", witness.method, f"pictures/{witness.data}", *files, *preset]


def make_run(name: str) -> None:
    """The run half-way, its files and what they give, and how it ends."""
    witness, folder = WITNESSES[name], Path(name)
    folder.mkdir()
    (folder / "settings.yaml").write_text(yaml.safe_dump(witness.settings, sort_keys=False))
    with stopped_after(witness.method, witness.stop):
        done(*train_words(name), status=128 + signal.SIGINT)
    (folder / "run" / "report.html").unlink()
    if not any("best" in export.words for export in witness.exports):  # as large as the other, and not looked at again
        shutil.rmtree(folder / "run" / "checkpoints" / "best")
    for export in witness.exports:
        file = folder / "exported" / export.file
        done("export", folder / "run", "--out", file, *export.words)
        without_traces(file)
        keep_figures(file, f"pictures/{witness.data}", witness.metrics)
    finish(name)
    facts = {
        "method": witness.method,
        "data": witness.data,
        "command": ["i2i", *map(str, train_words(name))],
        "preset": witness.preset,
        "stopped": witness.stop,
        "total": witness.total,
        "metrics": witness.metrics,
        "exports": {export.file: list(export.words) for export in witness.exports},
        "made_on": made_on(),
        "weights_sha256": digest(folder / "final" / "weights.safetensors"),
    }
    (folder / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")


def finish(name: str) -> None:
    """Continue a copy of the run to its end; keep its weights, its log and what its files make of a picture."""
    witness, folder = WITNESSES[name], Path(name)
    aside = folder / "aside"
    shutil.copytree(folder / "run", aside)
    out = done(*(f"{name}/aside" if word == f"{name}/run" else word for word in train_words(name)))
    assert f"Going on from {witness.stop} of {witness.total} images" in out, out
    (folder / "final").mkdir()
    last = aside / "checkpoints" / f"{witness.total:08d}" / "weights.safetensors"
    shutil.copy(last, folder / "final" / "weights.safetensors")
    shutil.copy(aside / "log.jsonl", folder / "final" / "log.jsonl")
    for model in sorted(aside.glob("*.onnx")):
        convert(model, folder / "final" / f"{model.stem}.png")
    shutil.rmtree(aside)


def keep_figures(file: Path, data: str | None, metrics: str) -> None:
    """What the file makes of a picture, says of itself, and is scored with."""
    convert(file, file.with_suffix(".png"))
    info = json.loads(done("info", file, "--json"))
    for long in ("input", "output"):  # which the file itself has, too
        del info["probe"][long]
    file.with_suffix(".info.json").write_text(json.dumps(info, ensure_ascii=False, indent=1) + "\n")
    if data is not None:
        scores = file.with_suffix(".scores.json")
        words = ("--json", scores, "--out", "aside", "--metrics", metrics, "--device", "cpu")
        done("evaluate", file, data, *words)
        shutil.rmtree("aside")


def without_traces(file: Path) -> None:
    """Leave out what the exporter notes about its own work: it names places on this machine, and is most of the file."""
    model = onnx.load(file)
    for part in (*model.graph.node, *model.graph.initializer, *model.graph.value_info, model.graph):
        del part.metadata_props[:]
        part.doc_string = ""
    del model.graph.value_info[:]
    file.write_bytes(model.SerializeToString())


def convert(model: Path, target: Path) -> None:
    """`i2i convert` of the one picture."""
    done("convert", model, "pictures/convert", "aside", "--device", "cpu")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(Path("aside") / "one.png", target)
    shutil.rmtree("aside")


def make_import() -> None:
    """Weights of other people's code, and the file that `i2i import` makes of them."""
    weights, file = Path("import") / "latest_net_G.pth", Path("import") / "exported" / "model.onnx"
    weights.parent.mkdir()
    file.parent.mkdir()
    torch.save(theirs.trained(theirs.ResNet(blocks=1, width=2, norm="instance")).state_dict(), weights)
    words = ["--source", "horses", "--target", "zebras", "--size", "32", "--licence", "CC0-1.0"]
    done("import", weights, file, *words)
    without_traces(file)
    keep_figures(file, "pictures/domains", "l1,psnr,ssim")
    facts = {"data": "domains", "metrics": "l1,psnr,ssim", "import": words, "made_on": made_on()}
    (Path("import") / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")


def made_on() -> dict[str, Any]:
    """What the last bit of a weight may depend on."""
    told = re.findall(r"^(cpu family|model|model name)\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "processor": dict(told),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
    }


def digest(weights: Path) -> str:
    """SHA-256 over the names and bytes of all tensors, in the order of their names."""
    tensors = safetensors.torch.load_file(weights)
    return hashlib.sha256(
        b"".join(name.encode() + tensors[name].numpy().tobytes() for name in sorted(tensors))
    ).hexdigest()


def make_presets() -> None:
    """Each method's defaults, complete; how each preset differs from them; and what a folder of 100 pictures decides."""
    found: dict[str, Any] = {}
    for name, method in METHODS.items():
        found[name] = {"defaults": {}, "presets": {}, "decided": {}}
        for preset in (None, *method.PRESETS):
            words = ["--preset", preset] if preset else []
            shown = yaml.safe_load(done("train", name, "pictures", "--run", "run", "--show-config", *words))
            if preset is None:
                found[name]["defaults"] = shown
            else:
                differs = difference(found[name]["defaults"], shown)
                assert merge(found[name]["defaults"], differs) == shown
                found[name]["presets"][preset] = differs
            # without the perceptual loss, whose network depends on the weights that are at hand
            config = method.Config.model_validate({**shown, **({"lambda_perceptual": 0} if name == "srgan" else {})})
            decided = method.resolved(config, 100).model_dump(mode="json")
            changed = ("images", "generator", "discriminator")
            found[name]["decided"][preset or "(defaults)"] = {key: decided[key] for key in changed}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(rows)}" for name, rows in found.items())
    Path("presets.json").write_text(f"{{\n{lines}\n}}\n")


def difference(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """What of `over` is not in `base`, mapping by mapping."""
    return (
        {
            key: difference(base[key], value) if isinstance(value, dict) else value
            for key, value in over.items()
            if base[key] != value
        }
        if base
        else dict(over)
    )


def make_dialect() -> None:
    """Every word that a user, a file or another program may have written down."""
    logged: dict[str, set[str]] = {}
    for name, witness in WITNESSES.items():
        lines = (Path(name) / "final" / "log.jsonl").read_text().splitlines()
        logged.setdefault(witness.method, set()).update(key for line in lines for key in json.loads(line))
    for method, ends in ENDS.items():
        logged[method] |= {name + end for name in JUDGED for end in ends}
    logged["srgan"].add("g_perceptual")
    cards = [json.loads(path.read_text()) for path in sorted(Path().glob("*/exported/*.info.json"))]
    dialect = {
        "commands": options(typer.main.get_command(app), "i2i"),
        "presets": {name: sorted(method.PRESETS) for name, method in METHODS.items()},
        "settings": {name: setting_keys(method.Config) for name, method in METHODS.items()},
        "log": {method: sorted(keys) for method, keys in logged.items()},
        "card": [field.name for field in dataclasses.fields(Card)],
        "card.probe": [field.name for field in dataclasses.fields(Probe)],
        "card.training": sorted({key for card in cards for key in card["training"]}),
        "environment": sorted(json.loads(Path("pix2pix/run/environment.json").read_text())),
    }
    Path("dialect.json").write_text(json.dumps(dialect, indent=1) + "\n")


def options(command: Any, path: str) -> dict[str, list[str]]:
    """The options and arguments of a command, and of those below it, by what is typed to reach them."""
    found = {path: [name for p in command.params for name in (*p.opts, *p.secondary_opts)]}
    for name, below in getattr(command, "commands", {}).items():
        found |= options(below, f"{path} {name}")
    return found


def setting_keys(model: Any, prefix: str = "") -> list[str]:
    """Names of all settings, with dots."""
    keys = []
    for name, field in model.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        keys += setting_keys(field.annotation, f"{prefix}{name}.") if inner else [prefix + name]
    return keys


def refuse_other_versions() -> None:
    """Witnesses of another version would witness nothing."""
    checkout = Path(i2i.__file__).resolve().parent.parent
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True)
    changed = subprocess.run(
        ["git", "diff", "--stat", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True
    )
    if not head.stdout.startswith(COMMIT) or changed.stdout:
        sys.exit(f"The witnesses are what commit {COMMIT} does; this is {head.stdout.strip()} or a changed one.")


if __name__ == "__main__":
    refuse_other_versions()
    os.chdir(HERE)
    for old in ("pictures", "import", "aside", *WITNESSES):
        shutil.rmtree(old, ignore_errors=True)
    make_pictures()
    for name in WITNESSES:
        began = time.monotonic()
        make_run(name)
        print(f"{name}: {time.monotonic() - began:.1f} s")
    make_import()
    make_presets()
    make_dialect()
