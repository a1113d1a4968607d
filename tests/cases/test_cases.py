"""Every case through `greendc replay`: the whole ledger, and the figures worked out by hand."""

from pathlib import Path

import pytest

from tests.cases.by_hand import assert_stands
from tests.cases.case import Case, Run, cases, played

CASES = cases()
RUNS = [
    pytest.param(case, name, run, id=f"{case.name}-{name}" if name else case.name)
    for case in CASES
    for name, run in case.runs.items()
]


@pytest.mark.parametrize(("case", "name", "run"), RUNS)
def test_case(case: Case, name: str, run: Run, tmp_path: Path) -> None:
    outcome = played(case, run, tmp_path)
    for figure in case.by_hand:
        if figure.run == name:
            assert_stands(figure, outcome)
    assert outcome.counts == {name: n for name, n in run.counts.items() if n}
    assert outcome.events == run.events
    assert outcome.ledger == (case.folder / run.expected).read_text(encoding="utf-8")


def test_every_figure_by_hand_belongs_to_a_run() -> None:
    lost = [(case.name, f) for case in CASES for f in case.by_hand if f.run not in case.runs]
    assert not lost


def test_every_file_of_a_case_is_used() -> None:
    for case in CASES:
        used = {"case.yaml", *[run.site for run in case.runs.values()]}
        for run in case.runs.values():
            used |= {run.expected, *run.logs}
        there = {path.name for path in case.folder.iterdir() if path.suffix in {".csv", ".jsonl"}}
        texts = "".join((case.folder / run.site).read_text() for run in case.runs.values())
        assert {name for name in there - used if name not in texts} == set(), case.name
