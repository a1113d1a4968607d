"""Writes the files that are made: the schema, reference pages, figures of the simulated sites.

Usage: python -m tools.generate [--check]

With --check nothing is written; files that are not as they should be are named, and the exit
code is 1.
"""

import sys
from pathlib import Path

from greendc.config import write_schema
from greendc.series import metrics_page
from tests.cases.case import page
from tools.figures import figures
from tools.keys import keys_page

ROOT = Path(__file__).parent.parent


def generated() -> dict[Path, str]:
    """Every generated file and its text."""
    return {
        ROOT / "config" / "schema.json": write_schema(),
        ROOT / "dashboards" / "METRICS.md": metrics_page(),
        ROOT / "tests" / "cases" / "README.md": page(),
        ROOT / "config" / "simulated" / "KEYS.md": keys_page(),
        **{
            ROOT / "config" / "simulated" / "figures" / f"{name}.svg": text
            for name, text in figures().items()
        },
    }


def differing() -> list[Path]:
    """Files that are missing or not as they should be."""
    return [
        path
        for path, text in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    """Write or check."""
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    if arguments:
        stale = differing()
        for path in stale:
            print(f"{path.relative_to(ROOT)}: not up to date; run python -m tools.generate")
        return 1 if stale else 0
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
