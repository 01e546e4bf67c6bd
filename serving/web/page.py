"""The page at `/`: drop a picture, press a button, drag a slider. Works without a network.

The picture goes to the same ModelService as the HTTP API's, so the download is what `/v1/translate` gives, to the byte.
"""

from __future__ import annotations

import atexit
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

import gradio as gr
import numpy as np
import safehttpx
from fastapi import FastAPI
from PIL import Image

from ...errors import I2IError
from ...images.colour.managed import in_srgb
from ...images.decode import read_header
from ...images.encode import encode
from ...images.find import find_pictures
from ...images.image import Picture, to_uint8
from ..inference.controls import Setting, settings_of
from .service import ModelService

_EXAMPLES_EACH = 8
_KEEP_FILES = (600, 3600)
"""Temporary files are looked through every 10 minutes and removed when an hour old (and all at the end)."""


def mount_page(app: FastAPI, services: dict[str, ModelService], max_bytes: int) -> None:
    """Put the page at `/` of `app`; routes that `app` has already keep priority."""
    _private_folder()
    safehttpx.async_validate_url = _no_url  # what every address goes through that a client could have Gradio fetch
    theme = gr.themes.Soft(
        primary_hue="indigo",
        neutral_hue="slate",
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],  # the reader's own: no download
        font_mono=["ui-monospace", "SFMono-Regular", "Consolas", "monospace"],
    )
    page = build_page(services)
    # Gradio checks the paths that a client names only once a page counts as launched, which mounting does not do:
    # without this a client could have any picture of this machine read and shown.
    page.has_launched = True
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        theme=theme,
        css_paths=Path(__file__).with_name("page.css"),
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        show_error=False,  # what is no sentence of ours stays in the log
        max_file_size=max_bytes,
    )


def build_page(services: dict[str, ModelService]) -> gr.Blocks:
    """The page's components and what its button does."""
    names = list(services)
    with gr.Blocks(title="i2i", analytics_enabled=False, delete_cache=_KEEP_FILES) as page:
        gr.Markdown("# i2i\nDrop a picture, translate it, and drag the slider to compare.", elem_id="title")
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                picture = gr.Image(
                    label="Picture",
                    type="filepath",
                    image_mode=None,
                    sources=["upload", "clipboard"],
                    height=300,
                    buttons=[],
                    elem_id="picture",
                )
                # The file as it was sent: our decoder reads it, and nothing re-encodes it. (A subclass of
                # gr.Image would be a custom component, for which the browser looks for scripts of its own.)
                picture.preprocess = lambda sent: sent.path if sent is not None else None
                model = gr.Dropdown(
                    names, value=names[0], label="Model", visible=len(names) > 1, filterable=False, elem_id="model"
                )
                facts = gr.Markdown(_facts(services[names[0]]), elem_id="facts")
                columns, settings = _add_settings(services)
                button = gr.Button("Translate", variant="primary", elem_id="translate")
            with gr.Column(scale=3, min_width=300):
                slider = gr.ImageSlider(
                    label=_slider_label(services[names[0]]),
                    format="png",
                    type="filepath",
                    interactive=False,
                    max_height=640,
                    buttons=["fullscreen"],
                    elem_id="slider",
                )
                download = gr.DownloadButton("Download the PNG in full quality", interactive=False, elem_id="download")
                runs_on = gr.Markdown(_runs_on(services[names[0]]), elem_id="runs-on")

        examples = _add_examples(services, picture)

        def translate(path: str | None, name: str, *values: object) -> tuple[tuple[str, str], gr.DownloadButton, str]:
            controls = {setting: value for (of, setting), value in zip(settings, values, strict=True) if of == name}
            before, after = _translate(services, path, name, controls)
            sent = Path(path or "")  # without one there was an error above
            files = _keep(slider, download, sent.stem, before, after)
            sizes = f"{_sizes(services[name], sent)}\n\n{_runs_on(services[name])}"
            return (files[0], files[1]), gr.DownloadButton(value=files[1], interactive=True), sizes

        button.click(
            translate,
            [picture, model, *settings.values()],
            [slider, download, runs_on],
            concurrency_limit=4,
            api_visibility="private",
            show_progress="full",
            show_progress_on=[slider],
        )
        model.change(
            lambda name: (
                [_facts(services[name]), _runs_on(services[name]), gr.ImageSlider(label=_slider_label(services[name]))]
                + [gr.Column(visible=name == each) for each in (*examples, *columns)]
            ),
            model,
            [facts, runs_on, slider, *examples.values(), *columns.values()],
            api_visibility="private",
            show_progress="hidden",
        )
    for function in page.fns.values():
        function.queue = True  # an example's too: the route of the others goes round the queue, and is closed
    page.queue(max_size=32)
    return page


def _add_settings(
    services: dict[str, ModelService],
) -> tuple[dict[str, gr.Column], dict[tuple[str, str], gr.components.Component]]:
    """A column of controls for each model that takes more than a picture, by model and by (model, setting)."""
    columns, components = {}, {}
    for index, (name, service) in enumerate(services.items()):
        settings = settings_of(service.engine.card)
        if settings:
            with gr.Column(visible=index == 0, elem_classes="settings") as columns[name]:
                for setting in settings.values():
                    components[name, setting.name] = _control(setting)
    return columns, components


def _control(setting: Setting) -> gr.components.Component:
    """A dropdown for a label, a number for a seed, a slider for a strength."""
    label, css = setting.name.replace(".", ": ").capitalize(), f"setting-{setting.name.replace('.', '-')}"
    if setting.kind == "choice":
        return gr.Dropdown(
            list(setting.choices), value=setting.default, label=label, filterable=False, elem_classes=css
        )
    if setting.kind == "whole":
        return gr.Number(
            float(setting.default), label=label, precision=0, minimum=0, maximum=setting.high, elem_classes=css
        )
    step = (setting.high - setting.low) / 100
    return gr.Slider(
        setting.low, setting.high, float(setting.default), step=step, label=label, buttons=[], elem_classes=css
    )


def _translate(
    services: dict[str, ModelService], path: str | None, name: str, controls: Mapping[str, object]
) -> tuple[bytes, bytes]:
    """The upload as PNG at the size of the result, and the result; raises gr.Error with one sentence."""
    if path is None:
        raise gr.Error("Choose a picture first.", print_exception=False)
    try:
        with services[name].admission.enter():
            done = services[name].process(Path(path).read_bytes(), controls)
        return _before(done.source, services[name].engine.card.scale), done.data
    except I2IError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _before(picture: Picture, scale: int) -> bytes:
    """The upload, upright, 8-bit, as large as its translation: the slider lays one over the other."""
    alpha = None if picture.alpha is None else to_uint8(picture.alpha)
    pixels = in_srgb(picture.pixels, picture.icc)
    shown = Picture(to_uint8(pixels if pixels.shape[2] in (1, 3) else pixels[..., :1]), alpha)
    if scale > 1:
        whole = shown.pixels if alpha is None else np.dstack([shown.pixels, alpha])
        image = Image.fromarray(whole[..., 0] if whole.shape[2] == 1 else whole)
        whole = np.asarray(image.resize((image.width * scale, image.height * scale), Image.Resampling.BICUBIC))
        whole = whole[..., None] if whole.ndim == 2 else whole
        shown = Picture(whole, None) if alpha is None else Picture(whole[..., :-1], whole[..., -1])
    return encode(shown, "png")


def _keep(slider: Any, download: Any, stem: str, before: bytes, after: bytes) -> tuple[str, str]:
    """Both pictures as files that gradio serves and later removes."""
    with tempfile.TemporaryDirectory(prefix="i2i-page-") as folder:
        first, second = Path(folder) / f"{stem}-before.png", Path(folder) / f"{stem}-translated.png"
        first.write_bytes(before)
        second.write_bytes(after)
        return slider.move_resource_to_block_cache(first), download.move_resource_to_block_cache(second)


def _add_examples(services: dict[str, ModelService], picture: gr.Image) -> dict[str, gr.Column]:
    """A row of small pictures for each model with an `examples` folder beside it; the first model's is shown."""
    columns = {}
    for index, (name, service) in enumerate(services.items()):
        folder = service.engine.path.parent / "examples"
        found = find_pictures(folder)[:_EXAMPLES_EACH] if folder.is_dir() else []
        if found:
            with gr.Column(visible=index == 0) as columns[name]:
                gr.Examples([[str(path)] for path in found], picture, label="Examples", cache_examples=False)
    return columns


async def _no_url(hostname: str) -> str:
    """In the place of looking it up."""
    raise gr.Error(f"This server fetches nothing, from {hostname[:80]!r} neither.", print_exception=False)


def _private_folder() -> None:
    """Uploads and results go to a folder of this process alone, removed at its end."""
    if "GRADIO_TEMP_DIR" not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="i2i-page-", ignore_cleanup_errors=True)
        atexit.register(folder.cleanup)
        os.environ["GRADIO_TEMP_DIR"] = folder.name


def _facts(service: ModelService) -> str:
    """What the model does, from its card."""
    card = service.engine.card
    scale = f", {card.scale} times as large" if card.scale > 1 else ""
    return f"**{card.name}**: {card.source} → {card.target}{scale}\n\n{card.method}, licence: {card.licence}"


def _slider_label(service: ModelService) -> str:
    """What lies left and right of the handle."""
    scale = service.engine.card.scale
    return "Before and after" if scale == 1 else f"Enlarged {scale} times: bicubic on the left, the model on the right"


def _sizes(service: ModelService, sent: Path) -> str:
    """What went in and what came out, in pixels: `x4: 120x80 → 480x320`."""
    header, scale = read_header(sent), service.engine.card.scale  # a result may be larger than what we would read
    went_in = f"{header.width}x{header.height}"
    return went_in if scale == 1 else f"x{scale}: {went_in} → {header.width * scale}x{header.height * scale}"


def _runs_on(service: ModelService) -> str:
    return f"{service.engine.reason} [HTTP API](docs)"
