"""The glossary has every main term that settings, log and tables use, and no term that the project does not."""

import re

import pytest
from markdown import ROOT, names, prose, table
from test_docs import fields

from i2i.adversarial import ADVERSARIAL, AUGMENTATIONS
from i2i.diagnostics.failure_modes import FAILURE_MODES
from i2i.evaluation.metrics import METRICS
from i2i.methods import METHODS
from i2i.networks.config import DiscriminatorConfig, GeneratorConfig
from i2i.networks.norms import NORMS
from i2i.networks.options import options_of
from i2i.networks.upsampling import UPSAMPLERS

PAGE = ROOT / "docs" / "glossary.md"
ROWS = table(PAGE, "term")
IN_I2I = {name for row in ROWS for name in names(row["in i2i"])}
TABLES = {
    "adversarial losses": ADVERSARIAL,
    "augmentations of what D sees": AUGMENTATIONS,
    "failure modes": FAILURE_MODES,
    "metrics": METRICS,
    "norms": NORMS,
    "ways to up-sample": UPSAMPLERS,
}
MAIN_SETTINGS = re.compile(
    r"gan\.\w+|ema\.\w+|lambda_(?!gan|d$)\w+|optimizer\.\w+|discriminator\.(spectral|minibatch_std)"
)
"""Settings that are a term of the field; `lambda_gan` and `lambda_d` weigh what `gan.loss` names."""


@pytest.mark.parametrize("what", TABLES)
def test_every_row_of_a_table_has_an_entry(what):
    assert set(TABLES[what]) - {"none"} <= IN_I2I


def test_every_setting_that_is_a_term_of_the_field_has_an_entry():
    keys = {key for method in METHODS.values() for key, _ in fields(method.Config)}
    assert {key for key in keys if MAIN_SETTINGS.fullmatch(key)} <= IN_I2I


def test_every_figure_of_losses_and_validation_in_the_log_has_an_entry():
    said = {name for row in table(ROOT / "docs/run-directory.md", "key") for name in names(row["key"])}
    terms = {name for name in said if re.match(r"(g|d|lr|ada|val)_", name)}
    assert len(terms) > 12
    assert terms <= IN_I2I


SOURCES = [path for folder in ("i2i", "serving", "datasets") for path in (ROOT / folder).rglob("*.py")]
CODE = "\n".join(path.read_text("utf-8") for path in SOURCES)
PAGES = "\n".join(prose(page) for page in (ROOT / "docs").glob("*.md") if page != PAGE)
KEYS = {key for method in METHODS.values() for key, _ in fields(method.Config)} | {
    f"{config.kind}.{option}"
    for config in (GeneratorConfig, DiscriminatorConfig)
    for name in config.table
    for option in options_of(config.table, name)
}


@pytest.mark.parametrize("row", ROWS, ids=[row["term"] for row in ROWS])
def test_a_term_is_used_where_the_glossary_says(row):
    found = names(row["in i2i"])
    assert found
    for name in found:
        in_code = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", CODE)
        file_of_that_name = name in {path.name for path in SOURCES} | {page.name for page in (ROOT / "docs").glob("*")}
        logged = re.search(rf"`{re.escape(name)}`", PAGES)  # keys that are put together, as `val_` + a metric
        assert name in KEYS or in_code or file_of_that_name or logged, name


def test_terms_are_in_the_order_of_the_alphabet_and_defined_in_a_sentence_or_two():
    terms = [row["term"] for row in ROWS]
    assert terms == sorted(terms, key=str.casefold)
    assert len(set(terms)) == len(terms)
    for row in ROWS:
        assert row["means"].endswith("."), row["term"]
        assert 1 <= len(re.findall(r"[.?](?: |$)", row["means"])) <= 2, row["term"]


def test_a_paper_is_named_by_authors_year_and_where_it_stands():
    papers = [paper for row in ROWS for paper in row["paper"].split("; ") if paper]
    assert len(papers) > len(ROWS) / 2
    for paper in papers:
        assert re.fullmatch(r"[\w\- ,.]+, (19|20)\d\d, (arXiv \d{4}\.\d{4,5}|[A-Z]\w+( \w+)?)", paper), paper


def test_readme_and_index_lead_to_the_glossary():
    assert "(docs/glossary.md)" in (ROOT / "README.md").read_text("utf-8")
    assert "(glossary.md)" in (ROOT / "docs/README.md").read_text("utf-8")
