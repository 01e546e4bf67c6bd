"""Small things in words."""

from __future__ import annotations

import json
from importlib.resources.abc import Traversable
from pathlib import Path


def listed(*names: str, last: str = "or") -> str:
    """`a`, `a or b`, `a, b or c`."""
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def render(template: Traversable | Path, **values: object) -> str:
    """An HTML page from a jinja2 template; what is put in is escaped, and a name that is missing is an error."""
    from jinja2 import Environment, StrictUndefined  # late: help texts need this module at once

    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return page.from_string(template.read_text("utf-8")).render(**values)


def verbatim(part: Traversable | Path) -> object:
    """A file of ours, a style or a script, that a template takes as it is."""
    from markupsafe import Markup

    return Markup(part.read_text("utf-8"))


def script_data(value: object) -> object:
    """JSON that may stand inside a `<script>` of a template: no text in it can end the element."""
    from markupsafe import Markup

    return Markup(json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"))


def duration(seconds: float) -> str:
    """`45 s`, `12 min 5 s` or `3 h 20 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
