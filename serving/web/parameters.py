"""What a request to translate says: the picture's bytes, and the settings of the model's other ports."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fastapi import Request

from ...card import Card
from ...errors import RequestError, UnknownNameError, did_you_mean
from ..inference.controls import check_controls, pictures_of, settings_of
from .bodies import body_of, form_of, is_form
from .service import FORMS

OWN = ("model", "format")
"""Parameters of every model."""
LARGEST_FORM = 32
"""Fields beside the picture."""


def controls_of(request: Request, fields: Mapping[str, str], card: Card) -> dict[str, str]:
    """The settings in the query and the form, checked; raises RequestError, with the choices, on any other."""
    given = [(key, value) for key, value in request.query_params.multi_items() if key not in OWN]
    given += list(fields.items())
    known = [*settings_of(card), *(port.name for port in card.controls)]
    for at, (key, _) in enumerate(given):
        if key not in known:
            what = "form field" if key in fields else "parameter"
            names = ", ".join(dict.fromkeys([*OWN, *known]))
            hint = did_you_mean(key, [*OWN, *known])
            raise RequestError(f"No {what} is called {key!r}.{hint} Known: {names}.")
        if key in [name for name, _ in given[:at]]:
            raise RequestError(f"The parameter {key!r} is given twice. Leave one of them out.")
    controls = dict(given)
    try:
        check_controls(card, controls)
    except UnknownNameError as error:  # of a value, not of an address
        raise RequestError(str(error)) from error
    return controls


def format_of(request: Request) -> str:
    """The format of the answer, a key of FORMS: by the parameter `format`, else by `Accept`, else the first; raises
    RequestError.
    """
    asked = request.query_params.getlist("format")
    if asked:
        if asked != asked[:1] or asked[0] not in FORMS:
            raise RequestError(f"`format` is one of {', '.join(FORMS)}, not {', '.join(map(repr, asked))}.")
        return asked[0]
    accepted = [kind.partition(";")[0].strip().lower() for kind in request.headers.get("accept", "").split(",")]
    by_type = {form.media_type: name for name, form in FORMS.items()}
    return next((by_type[kind] for kind in accepted if kind in by_type), next(iter(FORMS)))


def likely_mistake(data: bytes, content_type: str) -> str:
    """What a body that is no picture is likely to be, as a sentence to add; empty where it is like nothing known."""
    text = data[:64].lstrip()
    if text.startswith((b"{", b"[")):
        return " It looks like JSON: send the file's own bytes as the body."
    if text.startswith(b"data:") or BASE64.match(data[:400]):
        return " It looks like base64: send the file's own bytes as the body."
    if content_type.startswith("application/x-www-form-urlencoded"):
        return " curl's -d changes bytes: use --data-binary @FILE."
    return ""


BASE64 = re.compile(rb"\s*(?:iVBORw0KGgo|/9j/|R0lGOD|UklGR|SUkqA|TU0AK|Qk0)")
"""As the usual pictures begin in it."""


async def upload_of(request: Request, card: Card) -> tuple[bytes, dict[str, str], dict[str, bytes]]:
    """The picture's bytes, from the raw body or a form, the form's other fields, and the files of masks and references
    by their ports; RequestError without a picture, or without one of those.
    """
    beside = {port.name: port.kind for port in pictures_of(card)}
    fields, files = await _form_upload(request, ("image", *beside)) if is_form(request) else ({}, {})
    data = files.pop("image", b"") if is_form(request) else await body_of(request)
    if not data:
        raise RequestError("The request has no picture in it (0 bytes). Send the file's bytes as the body.")
    for name, kind in beside.items():
        if not files.get(name):
            raise RequestError(f"The model takes a {kind} as well: send a form with file fields 'image' and {name!r}.")
    return data, fields, files


async def _form_upload(request: Request, names: tuple[str, ...]) -> tuple[dict[str, str], dict[str, bytes]]:
    try:
        form = await form_of(request, max_files=len(names), max_fields=LARGEST_FORM)
    except RequestError as error:
        told = " and ".join(map(repr, names))
        raise RequestError(
            f"The form must hold one file field {told} and settings of the model, nothing else ({error})"
        ) from error
    try:
        files = [(key, value) for key, value in form.multi_items() if not isinstance(value, str)]
        if "image" not in [key for key, _ in files]:
            raise RequestError("The form must hold the picture in a file field called 'image'.")
        found = {key: await value.read() for key, value in files if key in names}
        if len(found) != len(files):
            raise RequestError(f"The form has a file field that is given twice, or is none of {', '.join(names)}.")
        return {key: value for key, value in form.multi_items() if isinstance(value, str)}, found
    finally:
        await form.close()
