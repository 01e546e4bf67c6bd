"""What a message tells people to type exists: commands, and options of some command."""

import ast
import re
from pathlib import Path

import pytest
import typer

from i2i.commands.app import app

ROOT = Path(__file__).resolve().parents[2]
TYPED = re.compile(r"(?:`|\b(?:with|by|with:|command) |: )i2i ([a-z][a-z-]*)(?: ([a-z][a-z-]*)\b)?")
COMMANDS = typer.main.get_command(app).commands

THEIRS = {"--eval", "--data-binary", "--address", "--head", "--num-gpus", "--logdir", "--beside"}
"""Options of other programs that messages speak of, and of processes that i2i starts itself."""


def texts(path):
    """(line, text) of every string of a module; what is filled in stands as …."""
    tree = ast.parse(path.read_text("utf-8"))
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def modules():
    return [path for folder in ("i2i", "serving", "datasets") for path in sorted((ROOT / folder).rglob("*.py"))]


def options(command):
    own = {option for parameter in command.params for option in parameter.opts}
    return own.union(*(options(one) for one in getattr(command, "commands", {}).values()))


def wrong(text, known):
    """What a text tells people to type that does not exist."""
    for name, inner in TYPED.findall(text):
        group = getattr(COMMANDS.get(name), "commands", None)
        if name not in COMMANDS or (group and inner and inner not in group):
            yield f"i2i {name} {inner}".strip()
    yield from (word for word in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text) if word not in known)


def test_every_command_and_option_in_a_message_exists():
    known = options(typer.main.get_command(app)) | {"--help"} | THEIRS
    found = [
        f"{path.relative_to(ROOT)}:{line}: {each}"
        for path in modules()
        for line, text in texts(path)
        for each in wrong(text, known)
    ]
    assert found == []


@pytest.mark.parametrize("text", ["Type `i2i adoptt a b`.", "Make one with: i2i exprt …", "Leave out --inputrange."])
def test_one_that_does_not_exist_would_be_noticed(text):
    assert list(wrong(text, options(typer.main.get_command(app))))
