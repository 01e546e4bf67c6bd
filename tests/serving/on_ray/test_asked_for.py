"""`i2i convert --engine`: what makes no sense together is refused before a model is opened."""

import pytest
from typer.testing import CliRunner

from i2i.commands.app import app

REFUSED = [
    (["--engine", "spark"], "No engine is called 'spark'"),
    (["--ray-address", "127.0.0.1:6379"], "--ray-address is of --engine ray"),
    (["--engine", "ray", "--watch"], "Leave it out with --watch"),
]


@pytest.mark.parametrize(("words", "said"), REFUSED, ids=[row[1] for row in REFUSED])
def test_what_makes_no_sense_is_refused_in_a_sentence(words, said, tmp_path):
    done = CliRunner().invoke(app, ["convert", "no.onnx", str(tmp_path), str(tmp_path / "out"), *words])
    assert said in str(done.exception)
