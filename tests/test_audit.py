"""`make check` finds known holes in what is installed and allowed, and says so when nobody could be asked."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("pip_audit", reason="pip-audit is not installed here (the extra `dev`)")
SCRIPT = Path(__file__).parents[1] / ".ci" / "audit.py"

HOLES = {
    ("pillow", "9.0.0"): ["PYSEC-1"],
    ("jinja2", "3.1.2"): ["GHSA-1", "CVE-2024-1"],
    ("requests", "2.0"): ["GHSA-2"],
    ("ray", "2.52"): ["GHSA-3"],
}


class Osv(BaseHTTPRequestHandler):
    """Answers as https://api.osv.dev/v1/query does."""

    knows = True

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        name, version = asked["package"]["name"], asked["version"]
        ids = HOLES.get((name, version), []) if self.knows else []
        fixed = [{"package": asked["package"], "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "99"}]}]}]
        rows = [{"id": ids[0], "aliases": ids[1:], "summary": "A hole.", "affected": fixed}] if ids else []
        body = json.dumps({"vulns": rows} if rows else {}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def service():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Osv)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


@pytest.fixture
def audit(tmp_path):
    """`audit(url, pins, floors, exceptions)`: exit status and what it said."""

    def run(url, pins="", floors="", exceptions=""):
        (tmp_path / ".ci").mkdir(exist_ok=True)
        (tmp_path / ".ci" / "advisories.toml").write_text(exceptions)
        (tmp_path / "constraints.txt").write_text(pins)
        project = f"[project]\ndependencies = [{floors}]\n[project.optional-dependencies]\n"
        (tmp_path / "pyproject.toml").write_text(project)
        command = [sys.executable, str(SCRIPT), "--osv-url", url]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    return run


def exception(until, package="jinja2"):
    return f'[[let_through]]\nid = "CVE-2024-1"\npackage = "{package}"\nuntil = {until}\nreason = "not used"\n'


def test_holes_of_tested_and_of_allowed_versions_fail_unless_let_through(audit, service):
    pins, allowed = "Jinja2==3.1.2\nrich==15.0.0\n", '"ray[data]>=2.52", "rich>=13; python_version > \'3\'"'
    status, said = audit(service, pins, allowed)
    assert status == 1
    assert "jinja2 3.1.2, which is tested with, has CVE-2024-1 (fixed in 99)" in said
    assert "ray 2.52, which is allowed by pyproject.toml, has GHSA-3" in said
    status, said = audit(service, pins, "", exception("2999-01-01"))
    assert (status, said) == (0, "No known holes in other people's packages but 1 let through.\n")


def test_an_exception_is_of_its_package_and_until_its_date(audit, service):
    status, said = audit(service, "jinja2==3.1.2\n", "", exception("2999-01-01", package="rich"))
    assert status == 1
    assert "of rich is let through in .ci/advisories.toml, but is gone" in said
    status, said = audit("http://127.0.0.1:1/", "", "", exception("2020-01-01"))  # also where nobody can be asked
    assert status == 1
    assert "CVE-2024-1 of jinja2 until 2020-01-01" in said


def test_where_nobody_has_advisories_it_says_that_nothing_was_checked(audit, service, monkeypatch):
    for url in ("http://127.0.0.1:1/", service):
        status, said = audit(url, "requests==2.0\n")
        assert (status, said.count("\n")) == ((0, 1) if url != service else (1, 2))
        assert said.startswith("NOT checked") == (url != service)
    monkeypatch.setattr(Osv, "knows", False)  # a mirror that answers everything with {}
    status, said = audit(service, "requests==2.0\n")
    assert status == 0
    assert said.startswith("NOT checked")


def test_the_floors_of_this_project_are_read():
    command = [sys.executable, "-c", "import audit, pathlib; print(*audit.floors(pathlib.Path('pyproject.toml')))"]
    done = subprocess.run(command, cwd=SCRIPT.parents[1], capture_output=True, text=True, env={"PYTHONPATH": ".ci"})
    found = dict(row.split("==") for row in done.stdout.split())
    assert found["pillow"] >= "13"
    assert {"ray", "torch", "python-multipart", "onnx", "onnxruntime-gpu", "pytest"} <= found.keys()
