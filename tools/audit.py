"""Asks whether anything in requirements.lock has a known vulnerability.

Usage: python -m tools.audit

pip-audit is installed into .make/audit, beside the project's own environment. The exit code is 1
where a vulnerability is known. Where no service answers, that is said, and the exit code is 0:
not to know is no finding, but it must not look like a clean bill either.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".make" / "audit"
WANTED = "pip-audit>=2.7,<3"
SERVICES = ("pypi", "osv")
SECONDS = 240
GOOD, FOUND = 0, 1


def verdict(report: dict[str, Any]) -> tuple[int, int, list[str]]:
    """How many packages were looked up, how many could not be, and a line for each finding.

    >>> verdict({"dependencies": [
    ...     {"name": "a", "version": "1", "vulns": []},
    ...     {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]},
    ...     {"name": "c", "skip_reason": "not found"}]})
    (2, 1, ['b 2: PYSEC-1, mended in 3'])
    """
    packages = report["dependencies"]
    asked = [package for package in packages if "vulns" in package]
    lines = [
        f"{p['name']} {p['version']}: {v['id']}, mended in {', '.join(v['fix_versions']) or 'none'}"
        for p in asked
        for v in p["vulns"]
    ]
    return len(asked), len(packages) - len(asked), lines


def main() -> int:
    """Ask one service after the other until one answers."""
    program = FOLDER / "bin" / "pip-audit"
    try:
        if not program.exists():
            _run([ROOT / "tools" / "venv.sh", sys.executable, FOLDER])
            _run([FOLDER / "bin" / "python", "-m", "pip", "install", "--quiet", WANTED])
        for service in SERVICES:
            report = _asked(program, service)
            if report is not None:
                return told(service, report)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"audit: {error}")
    print("audit: NOT DONE: no service that knows vulnerabilities can be reached from here")
    return GOOD


def told(service: str, report: dict[str, Any]) -> int:
    """Print what a service knows; the exit code that goes with it."""
    asked, skipped, lines = verdict(report)
    for line in lines:
        print(f"audit: {line}")
    rest = f", {skipped} unknown to it" if skipped else ""
    print(f"audit: {service}: {len(lines)} vulnerabilities known in {asked} packages{rest}")
    return FOUND if lines else GOOD


def _asked(program: Path, service: str) -> dict[str, Any] | None:
    """A service's report; None where it knows none of the packages or does not answer."""
    locked = ("--require-hashes", "--disable-pip", "-r", str(ROOT / "requirements.lock"))
    done = subprocess.run(
        [program, "--progress-spinner=off", "-s", service, "-f", "json", *locked],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return None
    return report if verdict(report)[0] else None


def _run(command: list[str | Path]) -> None:
    subprocess.run(command, check=True, timeout=SECONDS)


if __name__ == "__main__":
    sys.exit(main())
