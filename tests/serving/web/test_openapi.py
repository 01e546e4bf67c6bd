"""The description of the API is what the API does: schemathesis finds no answer that it does not announce."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from latent_models import write_latent_model
from small_models import write_model

from i2i.serving.generation.generator import Generator
from i2i.serving.inference.engine import Engine
from i2i.serving.web import jobs
from i2i.serving.web.batches.store import Store
from i2i.serving.web.server import create_app

pytest.importorskip("schemathesis", reason="schemathesis is not installed here (the extra `dev`)")
ROOT = Path(__file__).parents[3]
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))


@pytest.mark.timeout(600)
def test_all_checks_of_schemathesis_pass(serving, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "PATIENCE", 0.1)  # that a stranger's id may be watched
    engine = Engine(write_model(tmp_path), device="cpu")
    makes = Generator(write_latent_model(tmp_path, classes=True), device="cpu")
    app = create_app({"invert": engine, "discs": makes}, batches=Store(tmp_path / "batches.sqlite", 1e6, 60))
    with serving(app) as base:
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(ROOT / "schemathesis.toml")]
        command += ["run", f"{base}/openapi.json", "--checks", "all", "--max-examples", str(EXAMPLES or 4)]
        command += ["--no-color", "--continue-on-failure"]
        command += ["--generation-database", "none"] if EXAMPLES else ["--generation-deterministic", "--seed", "1"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "20 selected / 20 total" in done.stdout
