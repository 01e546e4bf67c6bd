"""What the docs say of names, defaults, links and commands is what the code has."""

import re
import shlex

import pytest
import torch
import typer
import yaml
from markdown import PAGES, ROOT, inline_commands, names, prose, shell_lines, table
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from tiny_runs import TRANSLATORS, fresh, noise

from i2i.adversarial import ADVERSARIAL
from i2i.adversarial import AUGMENTATIONS as OF_D
from i2i.adversarial.compatibility import RULES
from i2i.card import Card
from i2i.commands.app import app
from i2i.datasets.streams.augment import AUGMENTATIONS
from i2i.degradation import DEGRADATIONS
from i2i.errors import ConfigError
from i2i.evaluation.metrics import METRICS
from i2i.images.formats import FORMATS, lossy_titles, written
from i2i.methods import METHODS
from i2i.methods.config import FREE_TO_CHANGE
from i2i.methods.pix2pix import Pix2PixConfig
from i2i.networks import DISCRIMINATORS, GENERATORS
from i2i.networks.build import build
from i2i.networks.from_noise import NOISE_GENERATORS
from i2i.networks.norms import NORMS
from i2i.networks.options import options_of
from i2i.ports import Packed, Port, Probe
from i2i.serving.conversion.plan import EXISTING
from i2i.serving.runtime.providers import BACKENDS
from i2i.serving.web.connections import REASONS
from i2i.serving.web.errors import MEANINGS, STATUS
from i2i.settings import parse_assignments, resolve
from i2i.workflows.request import Request, settings

DOCS = ROOT / "docs"
MADE = {ROOT / "benchmarks" / "results.json"}
"""What a make target writes, so that it may not be there yet."""
COMMANDS = typer.main.get_command(app)


def page_ids(page):
    return str(page.relative_to(ROOT))


def without_code(page):
    return re.sub(r"`[^`\n]*`", "", prose(page))


def anchors(page):
    heads = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=page_ids)
def test_every_relative_link_leads_to_a_file_of_the_project(page):
    for target in re.findall(r"\]\(([^)]+)\)", without_code(page)):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists() or there in MADE, f"{page.name} links to {target}"
        assert there.is_relative_to(ROOT)
        assert not anchor or anchor in anchors(there), f"{page.name} links to {target}"


def test_every_page_of_the_docs_is_in_the_index():
    index = (DOCS / "README.md").read_text()
    pages = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md") if page.name != "README.md"]
    assert [page for page in pages if f"({page})" not in index] == []


def inner(command):
    """The commands of a group by name; none of a command that does something."""
    return getattr(command, "commands", {})


def command_of(words):
    """The command that the words name, and the words behind it; fails on a name that is none."""
    command, path = COMMANDS, "i2i"
    while inner(command) and words and not words[0].startswith("-"):
        assert words[0] in inner(command), f"{path} has no command {words[0]!r}"
        command, path, words = inner(command)[words[0]], f"{path} {words[0]}", words[1:]
    return command, path, words


LINES = [(page, line) for page in PAGES for line in shell_lines(page)]


@pytest.mark.parametrize(
    "line", [pytest.param(line, id=f"{page.name}: {line}") for page, line in LINES if line.startswith("i2i ")]
)
def test_a_command_in_a_block_could_be_typed_as_it_stands(line):
    typed = re.sub(r" [<>] \S+", "", line)  # what a shell would take for itself
    command, path, words = command_of(shlex.split(typed)[1:])
    context = command.make_context(path, list(words))  # parses every word, runs nothing
    if path == "i2i train":
        given = context.params
        keys = ("size", "images", "epochs", "batch", "scale", "direction", "device", "precision", "workers", "seed")
        flags = {key: given[key] for key in keys if given[key] is not None}
        request = Request(given["method"], given["data"], given["run"], given["preset"], None, flags,
                          parse_assignments(given["set_"] or []))  # fmt: skip
        config = settings(request)
        name = config.generator.name  # the walk-through's own one is tested where it is walked
        assert name in {"auto", "context24", *GENERATORS, *NOISE_GENERATORS}


@pytest.mark.parametrize("page", PAGES, ids=page_ids)
def test_a_command_in_a_sentence_exists_with_its_options(page):
    for words in inline_commands(page):
        command, path, rest = command_of(words)
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        for word in rest:
            assert not word.startswith("--") or word in known, f"{page.name}: {path} has no {word}"


@pytest.mark.parametrize("page", PAGES, ids=page_ids)
def test_an_option_in_a_sentence_belongs_to_some_command(page):
    foreign = {"--results"}  # of `python -m benchmarks`

    def options(command):
        own = {option for parameter in command.params for option in parameter.opts}
        return own.union(*(options(one) for one in inner(command).values()))

    known = options(COMMANDS) | foreign | {"--help"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", prose(page))) <= known


@pytest.mark.parametrize("page", PAGES, ids=page_ids)
def test_a_setting_in_a_sentence_exists(page):
    for assignment in re.findall(r"--set ([a-z_.0-9]+=[^\s`)]+)", prose(page)):
        if not assignment.startswith("key"):
            assert any(is_setting_of(method, assignment) for method in METHODS.values()), assignment


def is_setting_of(method, assignment):
    try:
        resolve(method.Config, [{"data": {"path": "x"}}, parse_assignments([assignment])])
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize("page", PAGES, ids=page_ids)
def test_a_make_target_in_the_words_exists(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    said = {words.split()[1] for words in names(prose(page)) if words.startswith("make ")}
    said |= {line.split()[1] for line in shell_lines(page) if line.startswith("make ")}
    assert said <= targets


def fields(model, prefix=""):
    """Every setting of a model's class, or of one that is a default, with its default."""
    kind = model if isinstance(model, type) else type(model)
    for name, field in kind.model_fields.items():
        default = field.default if model is kind else getattr(model, name)
        if default is PydanticUndefined and isinstance(field.annotation, type):
            default = field.annotation if issubclass(field.annotation, BaseModel) else default
        if isinstance(default, BaseModel) or (isinstance(default, type) and issubclass(default, BaseModel)):
            yield from fields(default, f"{prefix}{name}.")
        else:
            yield prefix + name, default
    if model is not kind:  # options of a network that are not its own defaults
        yield from ((prefix + name, default) for name, default in (model.model_extra or {}).items())


def value(cell):
    """What a cell of a table of settings says: nothing for a dash, a value of YAML, or that it must be given."""
    return "required" if cell == "required" else yaml.safe_load(cell.strip("`"))


def defaults_in_the_docs(name):
    """Those of training.md, and on top what other pages say in the method's column, if there is one."""
    rows = table(DOCS / "training.md", "setting")
    said = {names(row["setting"])[0]: row["default"] for row in rows}
    assert list(said) == [names(row["setting"])[0] for row in rows]  # none twice
    for page in ("unpaired.md", "superres.md", "training/degradation.md", "training/from-noise.md"):
        said |= {names(row["setting"])[0]: row[name] for row in table(DOCS / page, "setting") if name in row}
    if name == "srgan":
        for row in table(DOCS / "training" / "degradation.md", "of a stage"):
            stages = ("degradation.first", "degradation.second")
            said |= {f"{stage}.{names(row['of a stage'])[0]}": row[stage] for stage in stages}
    return {key: value(cell) for key, cell in said.items() if cell != "—"}


@pytest.mark.parametrize("name", METHODS)
def test_every_setting_is_listed_with_its_default(name):
    said, real = defaults_in_the_docs(name), dict(fields(METHODS[name].Config))
    assert set(said) == set(real)
    for key, default in real.items():
        wanted = "required" if default is PydanticUndefined else default
        shown = float(said[key]) if isinstance(wanted, float) and isinstance(said[key], str) else said[key]
        assert shown == (list(wanted) if isinstance(wanted, tuple) else wanted), key


def test_the_table_of_unpaired_settings_repeats_none_that_are_the_same_everywhere():
    real = {name: dict(fields(method.Config)) for name, method in METHODS.items()}
    for row in table(DOCS / "unpaired.md", "setting"):
        key = names(row["setting"])[0]
        assert len({str(defaults.get(key, "none of its")) for defaults in real.values()}) > 1, key


def test_the_docs_say_what_may_differ_when_a_run_is_resumed():
    (line,) = re.findall(r"^These settings may differ: (.+?)\.$", (DOCS / "run-directory.md").read_text(), re.M)
    assert set(names(line)) == FREE_TO_CHANGE


def flat(preset, prefix=""):
    """`{"gan": {"r1": 1}}` as `{"gan.r1": 1}`."""
    for key, inner_value in preset.items():
        if isinstance(inner_value, dict):
            yield from flat(inner_value, f"{prefix}{key}.")
        else:
            yield prefix + key, inner_value


def test_every_preset_is_listed_with_all_that_it_sets():
    said = {("pix2pix", names(row["--preset"])[0]): row["is"] for row in table(DOCS / "training.md", "--preset")}
    for page in ("unpaired.md", "superres.md", "training/from-noise.md"):
        for row in table(DOCS / page, "--preset"):
            said[names(row["of"])[0], names(row["--preset"])[0]] = row["settings"]
    assert list(said) == [(name, preset) for name, method in METHODS.items() for preset in method.PRESETS]
    for (name, preset), cell in said.items():
        settings = [one for one in names(cell) if "=" in one]
        degradations = [DEGRADATIONS[one] for one in names(cell) if "=" not in one]  # a name stands for its many rows
        real = dict(METHODS[name].PRESETS[preset])
        assert degradations == [real.pop("degradation")] if degradations else "degradation" not in real
        assert dict(flat(parse_assignments(settings))) == dict(flat(real)), f"{preset} of {name}"


def test_every_adversarial_loss_every_stabiliser_and_every_refusal_is_on_its_page():
    page = DOCS / "stabilisers.md"
    assert [names(row["gan.loss"])[0] for row in table(page, "gan.loss")] == list(ADVERSARIAL)
    said = [name for row in table(page, "setting") for name in names(row["setting"])]
    common = {key for key, _ in fields(Pix2PixConfig)}
    remedies = {key for key in common if key.startswith(("gan.", "ema."))} - {"gan.loss"}
    remedies |= {"discriminator.spectral", "discriminator.minibatch_std", "optimizer.lr_d", "optimizer.clip"}
    remedies |= {key for key, _ in fields(METHODS["gan"].Config) if key.startswith(("minibatch_", "packed"))}
    assert len(said) == len(set(said))
    assert set(said) == remedies | {"generator.up"}
    assert all(f"`{change}`" in page.read_text() for change in OF_D)
    assert len(table(page, "combination")) == len(RULES)


def test_every_figure_of_the_log_is_explained():
    """Those of a step with every remedy that has one, and of a sample grid."""
    keys = {name for row in table(DOCS / "run-directory.md", "key") for name in names(row["key"])}
    remedies = {
        "gan": {
            "loss": "non_saturating",
            "gradient_penalty": 1,
            "feature_matching": 1,
            "augment": ["colour"],
            "ada": True,
        }
    }
    calm = {"discriminator": {"name": "patch", "layers": 2, "width": 2, "norm": "none"}, "generator": {"width": 2}}
    from_noise = {"discriminator": {"width": 2, "norm": False}, "generator": {"width": 2}}
    for name in METHODS:
        for rows in (remedies, {"gan": {"r1": 1, "r2": 1, "drift": 1}}):
            method = fresh(name, **rows, **(calm if name in TRANSLATORS else from_noise))
            logged = [set(method.step(noise(0, 1))) for _ in range(2)]  # DiscoGAN's sides take turns
            logged.append({f"lr_{optimizer}" for optimizer in method.optimizers})
            for key in set().union(*logged):
                plain = re.sub("_[xyab]$", "", key)
                assert {key, plain} & keys, f"{key} of {name}"


def whole(text):
    return int(text.replace(",", ""))


def test_the_table_of_generators_is_right():
    rows = {names(row["generator"])[0]: row for row in table(DOCS / "training.md", "generator")}
    assert list(rows) == list(GENERATORS)
    for name, row in rows.items():
        with torch.device("meta"):
            network = build(GENERATORS, "generator", name, (3, 3), {})
        assert whole(row["parameters"]) == sum(p.numel() for p in network.parameters())
        assert whole(row["sizes: multiple of"]) == network.geometry.multiple
        assert whole(row["smallest"]) == network.geometry.smallest
        assert whole(row["sees, pixels a side"]) == network.geometry.receptive_field
        assert parse_assignments(names(row["options"])) == {
            o: p.default for o, p in options_of(GENERATORS, name).items()
        }


def test_the_table_of_discriminators_is_right():
    rows = {names(row["discriminator"])[0]: row for row in table(DOCS / "training.md", "discriminator")}
    assert list(rows) == list(DISCRIMINATORS)
    for name, row in rows.items():
        options = options_of(DISCRIMINATORS, name)
        assert parse_assignments(names(row["options"])) == {option: p.default for option, p in options.items()}
        with torch.device("meta"):
            network = build(DISCRIMINATORS, "discriminator", name, (6,), {})
        assert whole(row["parameters"]) == sum(p.numel() for p in network.parameters())


def test_every_option_of_a_network_is_explained():
    said = {name for row in table(DOCS / "training.md", "option") for name in names(row["option"])}
    tables = (GENERATORS, DISCRIMINATORS)
    assert said == {option for networks in tables for name in networks for option in options_of(networks, name)}


def test_the_card_is_explained_field_by_field():
    def said(first):
        return {name for row in table(DOCS / "model-card.md", first) for name in names(row[first])}

    page = DOCS / "model-card.md"
    tables = re.findall(r"^\| field \|.*?\n\n", page.read_text(), re.M | re.S)
    listed = [[name for line in text.splitlines()[2:] if line for name in names(line.split("|")[1])] for text in tables]
    assert [set(fields) for fields in listed] == [
        set(Card.__dataclass_fields__),
        set(Probe.__dataclass_fields__),
    ]
    assert said("port") == set(Port.__dataclass_fields__)
    assert said("array") == set(Packed.__dataclass_fields__)


LISTS = [
    ("data.md", "name", AUGMENTATIONS),
    ("training.md", "norm", NORMS),
    ("evaluation.md", "--metrics", METRICS),
    ("pictures.md", "--format", FORMATS),
]


@pytest.mark.parametrize(("page", "heading", "known"), LISTS, ids=[row[0] for row in LISTS])
def test_a_table_lists_all_that_there_is(page, heading, known):
    rows = table(DOCS / page, heading)
    assert {name for row in rows for name in names(row[heading])} == set(known)


def test_augmentations_do_what_the_docs_say():
    said = {names(row["name"])[0]: row["does"] for row in table(DOCS / "data.md", "name")}
    assert said == {name: row.says for name, row in AUGMENTATIONS.items()}


def test_suffixes_of_formats_are_those_that_are_written():
    said = {names(row["--format"])[0]: names(row["suffixes"]) for row in table(DOCS / "pictures.md", "--format")}
    assert said == {name: list(row.suffixes) for name, row in FORMATS.items()}


def test_the_formats_that_are_written_are_those_that_the_options_name():
    options = {name: row["meaning"] for row in table(DOCS / "serving.md", "option") for name in names(row["option"])}
    assert names(options["--format"]) == ["keep", *written()]
    assert options["--quality"] == f"1 to 100, for {lossy_titles()}"


def test_every_provider_and_every_policy_for_existing_files_is_explained():
    providers = [names(row["--device"])[0] for row in table(DOCS / "serving.md", "--device")]
    assert providers == list(BACKENDS)
    policies = [name.split()[1] for row in table(DOCS / "serving.md", "option")
                for name in names(row["option"]) if name.startswith("--existing")]  # fmt: skip
    assert policies == list(EXISTING)


def test_every_status_of_the_server_is_explained():
    said = {int(row["status"]) for row in table(DOCS / "server.md", "status")}
    assert said == set(MEANINGS)
    assert {*STATUS.values(), *REASONS} <= said


def test_no_page_names_a_path_of_some_machine():
    for page in PAGES:
        assert not re.findall(r"(?<![\w.])/(?:work|home|root|tmp|Users)/", page.read_text()), page.name
