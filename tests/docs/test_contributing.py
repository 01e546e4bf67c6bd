"""The new generator that CONTRIBUTING walks through works as it stands there, and the tests that it promises run."""

import subprocess
import sys
import types
from functools import partial

import pytest
import test_export
import test_networks
import torch
from markdown import ROOT, blocks

from i2i.errors import ConfigError
from i2i.hardware.device import place
from i2i.methods import METHODS
from i2i.networks import GENERATORS
from i2i.settings import resolve

PAGE = ROOT / "CONTRIBUTING.md"


@pytest.fixture
def name(monkeypatch):
    """The name under which the walk-through's generator stands in GENERATORS, as if its file were there."""
    (code,), (row,) = blocks(PAGE, "python file=i2i/networks/context.py"), blocks(PAGE, "python row=GENERATORS")
    module = types.ModuleType("i2i.networks.context")
    module.__package__ = "i2i.networks"
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, "CONTRIBUTING.md", "exec"), module.__dict__)
    rows = eval("{" + row.strip() + "}", {**module.__dict__, "partial": partial})
    ((name, build),) = rows.items()
    monkeypatch.setitem(GENERATORS, name, build)
    return name


def test_the_new_generator_keeps_its_contract_and_is_exported_exactly(name, exported):
    """By the very tests that the page says will find it."""
    test_networks.test_a_generator_keeps_the_size_and_the_range_at_two_sizes(name)
    test_export.test_the_file_equals_the_network_at_sizes_never_traced_alone_and_in_a_batch_of_four(name, exported)
    test_networks.test_no_output_pixel_depends_on_more_than_the_stated_receptive_field(name)


def test_those_tests_run_over_the_table_without_being_told():
    for test in (
        test_networks.test_a_generator_keeps_the_size_and_the_range_at_two_sizes,
        test_export.test_the_file_equals_the_network_at_sizes_never_traced_alone_and_in_a_batch_of_four,
    ):
        assert test.pytestmark[0].args[1] is GENERATORS


def test_the_new_generator_takes_odd_sizes_as_its_attributes_say(name):
    generator = test_networks.small(name)
    assert generator(torch.zeros(1, 3, 7, 13)).shape == (1, 3, 7, 13)


def test_the_new_generator_trains_by_the_name_that_the_page_sets(name):
    assert f"--set generator.name={name}" in PAGE.read_text()
    settings = {"data": {"path": "x"}, "size": 32, "generator": {"name": name, "width": 4},
                "discriminator": {"width": 4, "layers": 2}}  # fmt: skip
    pix2pix = METHODS["pix2pix"]
    method = pix2pix.from_config(pix2pix.complete_config(resolve(pix2pix.Config, [settings]), 2), place("cpu", "fp32"))
    before = [p.clone() for p in method.G.parameters()]
    method.step({"a": torch.rand(2, 3, 32, 32), "b": torch.rand(2, 3, 32, 32)})
    assert all(not torch.equal(p, q) for p, q in zip(method.G.parameters(), before, strict=True) if p.ndim > 1)


@pytest.mark.parametrize("check", [["format", "--check"], ["check"]], ids=["format", "lint"])
def test_the_walk_through_is_written_as_make_check_wants_it(check):
    (code,) = blocks(PAGE, "python file=i2i/networks/context.py")
    command = [sys.executable, "-m", "ruff", *check, "--stdin-filename", "i2i/networks/context.py", "-"]
    done = subprocess.run(command, input=code, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_options_of_the_new_generator_are_settings_without_another_line(name):
    """`steps` is an option that no other network has; no configuration class knows it."""
    pix2pix = METHODS["pix2pix"]

    def config(**options):
        return resolve(pix2pix.Config, [{"data": {"path": "x"}, "size": 32, "generator": {"name": name, **options}}])

    complete = pix2pix.complete_config(config(steps=2), 2)
    assert complete.generator.options == {"steps": 2, "width": 24, "norm": "instance_affine"}
    assert pix2pix.from_config(complete, place("cpu", "fp32")).G.roles == ("body.0", "body.1", "body.2", "output")
    assert config(options={"steps": 3}).generator.options == {"steps": 3}
    with pytest.raises(
        ConfigError, match=r"no setting called 'generator.step' for the generator 'context24'. Did you mean 'steps'"
    ):
        config(step=2)
    with pytest.raises(ConfigError, match="The setting generator.steps cannot be 0"):
        config(steps=0)
