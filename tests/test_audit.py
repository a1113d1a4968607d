"""The audit: a finding fails, no answer is no clean bill."""

import json
from pathlib import Path
from typing import Any

import pytest

from tools import audit

CLEAN = {"dependencies": [{"name": "a", "version": "1", "vulns": []}]}
SILENT = {"dependencies": [{"name": "a", "skip_reason": "not found on PyPI"}]}
BAD = {
    "dependencies": [
        {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": []}]}
    ]
}


def pip_audit(folder: Path, reports: dict[str, Any]) -> None:
    """A program in pip-audit's place, which gives a report by the service that is asked."""
    program = folder / "bin" / "pip-audit"
    program.parent.mkdir(parents=True)
    cases = "\n".join(f"*'-s {s} '*) echo '{json.dumps(r)}';;" for s, r in reports.items())
    program.write_text(
        f'#!/bin/sh\ncase "$*" in\n{cases}\n*) echo "no route" >&2; exit 1;;\nesac\n'
    )
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("reports", "code", "said"),
    [
        ({"pypi": CLEAN}, 0, "pypi: 0 vulnerabilities known in 1 packages"),
        ({"pypi": BAD}, 1, "a 1: PYSEC-2026-1, mended in none"),
        ({"pypi": SILENT, "osv": BAD}, 1, "osv: 1 vulnerabilities known"),
        ({"pypi": SILENT, "osv": SILENT}, 0, "NOT DONE"),
        ({}, 0, "NOT DONE"),
    ],
)
def test_what_is_said_and_what_fails(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    reports: dict[str, Any],
    code: int,
    said: str,
) -> None:
    monkeypatch.setattr(audit, "FOLDER", tmp_path)
    pip_audit(tmp_path, reports)
    assert audit.main() == code
    assert said in capsys.readouterr().out
