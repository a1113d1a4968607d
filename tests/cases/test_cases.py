"""Every case through `greendc replay`: the whole ledger, and the figures worked out by hand."""

from pathlib import Path

import pytest

from tests.cases.by_hand import assert_stands
from tests.cases.case import FOLDER, Case, Run, cases, played

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
    assert outcome.seconds == pytest.approx(run.seconds or 0.0)
    assert outcome.findings == run.findings
    assert outcome.told == run.told
    assert outcome.shown == run.shown
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


def test_a34_nothing_differs_but_the_meter_from_the_date_on() -> None:
    folder = FOLDER / "A34-factor-corrected-from-a-date"
    before, after = (
        set((folder / name).read_text(encoding="utf-8").splitlines()[1:])
        for name in ("expected.csv", "corrected.csv")
    )
    changed = [row.split(",") for row in before ^ after]
    assert {quantity for _, _, _, _, quantity, *_ in changed} == {"rack"}
    assert min(end for _, _, _, end, *_ in changed) > "2025-03-01T01:00:00Z"
    assert {period for _, period, *_ in changed} == {"cell", "hour", "day", "month", "log"}
