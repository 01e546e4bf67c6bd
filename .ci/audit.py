"""Known holes in the versions that are tested with and in the oldest that are allowed: a part of `make check`.

pip-audit asks OSV (osv.dev), which has the advisories of PyPI. Where OSV cannot be asked, this says that nothing was
checked and ends with 0. What is let through stands in `.ci/advisories.toml`, each with a date after which it is not.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import subprocess
import sys
import tempfile
import tomllib
import urllib.request
from pathlib import Path
from typing import Any

OSV = "https://api.osv.dev/v1/query"
KNOWN = {"package": {"name": "pillow", "ecosystem": "PyPI"}, "version": "9.0.0"}
"""Has holes for certain: who does not know them has no advisories (a mirror that answers everything alike)."""
PATIENCE = 10
"""Seconds for each question."""


def main() -> str | int:
    """The exit status, or why it is 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--osv-url", default=OSV, help="another service that answers as OSV does")
    url = parser.parse_args().osv_url
    exceptions = tomllib.loads(Path(".ci/advisories.toml").read_text("utf-8")).get("let_through", [])
    late = [each for each in exceptions if each["until"] < datetime.datetime.now(datetime.UTC).date()]
    if late:
        told = "; ".join(f"{each['id']} of {each['package']} until {each['until']}" for each in late)
        return f"Exceptions in .ci/advisories.toml are past their date: {told}. Take a version without the hole."
    if not _is_known_there(url):
        print(f"NOT checked for known holes in other people's packages: {url} cannot be asked from here.")
        return 0
    found = {
        **_holes(Path("constraints.txt").read_text("utf-8"), "is tested with", url),
        **_holes("\n".join(floors(Path("pyproject.toml"))), "is allowed by pyproject.toml", url),
    }
    left = [text for ids, text in found.items() if not any(_is_of(each, ids) for each in exceptions)]
    for each in exceptions:
        if not any(_is_of(each, ids) for ids in found):
            print(f"{each['id']} of {each['package']} is let through in .ci/advisories.toml, but is gone.")
    if left:
        return "\n".join([*left, "Take fixed versions, or let them through in .ci/advisories.toml until a date."])
    print("No known holes in other people's packages" + (f" but {len(exceptions)} let through." if exceptions else "."))
    return 0


def floors(project: Path) -> list[str]:
    """The oldest version of each package that a project's metadata allow, as requirements."""
    metadata = tomllib.loads(project.read_text("utf-8"))["project"]
    rows = [row for rows in (metadata["dependencies"], *metadata["optional-dependencies"].values()) for row in rows]
    named = [match for row in rows if (match := re.match(r"([\w.-]+)(?:\[[\w,]+\])?>=([\w.]+)", row))]
    return sorted({f"{match[1].lower()}=={match[2]}" for match in named})


def _is_known_there(url: str) -> bool:
    asked = urllib.request.Request(url, json.dumps(KNOWN).encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            return bool(json.load(answer).get("vulns"))
    except (OSError, ValueError):
        return False


def _holes(requirements: str, why: str, url: str) -> dict[tuple[str, ...], str]:
    """By (package, id, aliases, why): a sentence."""
    if not requirements.strip():
        return {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "requirements.txt")
        file.write_text(requirements, "utf-8")
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(file), "--no-deps", "--disable-pip"]
        command += ["--vulnerability-service", "osv", "--osv-url", url, "--format", "json", "--aliases", "on"]
        command += ["--progress-spinner", "off", "--timeout", str(PATIENCE)]
        done = subprocess.run(command, capture_output=True, text=True)
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        raise SystemExit(f"pip-audit gave no report: {done.stderr.strip()[-500:]}") from None
    found = {}
    for each in packages:
        for hole in each.get("vulns", []):
            fixed = ", ".join(hole["fix_versions"]) or "no version"
            text = f"{each['name']} {each['version']}, which {why}, has {hole['id']} (fixed in {fixed})."
            found[(each["name"], hole["id"], *hole.get("aliases", []), why)] = text
    return found


def _is_of(exception: dict[str, Any], ids: tuple[str, ...]) -> bool:
    return exception["package"] == ids[0] and exception["id"] in ids[1:-1]


if __name__ == "__main__":
    sys.exit(main())
