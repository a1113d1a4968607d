"""Writes the ledgers that cases are compared with, after a change that is meant to change them.

Usage: python -m tests.cases.record [CASE …]
"""

import sys
import tempfile
from pathlib import Path

from tests.cases.case import cases, played


def main(names: list[str]) -> None:
    """Of the cases whose names begin so, or of all."""
    for case in cases():
        if names and not case.name.startswith(tuple(names)):
            continue
        for run in case.runs.values():
            with tempfile.TemporaryDirectory() as folder:
                outcome = played(case, run, Path(folder))
            (case.folder / run.expected).write_text(outcome.ledger, encoding="utf-8")
            sys.stdout.write(f"{case.name} {run.expected}: {outcome.counts} {outcome.events}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
