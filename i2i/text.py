"""Small things in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def listed(*names: str, last: str = "or") -> str:
    """`a`, `a or b`, `a, b or c`."""
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def render(template: Path, **values: Any) -> str:
    """An HTML page from a jinja2 template; what is put in is escaped, and a name that is missing is an error."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(template.read_text("utf-8")).render(values)


def duration(seconds: float) -> str:
    """`45 s`, `12 min 5 s` or `3 h 20 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
