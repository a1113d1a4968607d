"""Each case tells when the rule that it is about is switched off."""

from functools import reduce
from importlib import import_module
from inspect import getattr_static
from pathlib import Path

import pytest

from tests.cases.by_hand import assert_stands
from tests.cases.case import ByHand, Case, Outcome, cases, played
from tests.cases.mutations import MUTATIONS, Mutation
from tests.cases.plays import PLAYS, play
from tests.cases.stage import NotTheSameError
from tests.servers.support import Mosquitto

CASES = {case.name: case for case in cases()}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[m.case for m in MUTATIONS])
def test_without_its_rule_the_ledger_is_another(
    mutation: Mutation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[mutation.case]
    module, _, attribute = mutation.target.partition(":")
    *owners, name = attribute.split(".")
    owner = reduce(getattr, owners, import_module(module))
    monkeypatch.setattr(owner, name, mutation.change(getattr_static(owner, name)))
    if mutation.case in PLAYS and not mutation.replayed:
        with pytest.raises(NotTheSameError), Mosquitto(tmp_path / "broker") as broker:
            play(case, tmp_path, broker)
    else:
        assert any(is_another(case, name, tmp_path) for name in case.runs), (
            f"{case.name} is the same without: {mutation.rule}"
        )


def is_another(case: Case, name: str, scratch: Path) -> bool:
    """Whether what people see is other than expected, or the ledger and some figure by hand."""
    run, folder = case.runs[name], scratch / f"run {name}"
    folder.mkdir()
    outcome = played(case, run, folder)
    seen = (outcome.findings, outcome.told, outcome.shown)
    if seen != (run.findings, run.told, run.shown):
        return True
    if outcome.ledger == (case.folder / run.expected).read_text(encoding="utf-8"):
        return False
    return not all(stands(figure, outcome) for figure in case.by_hand if figure.run == name)


def stands(figure: ByHand, outcome: Outcome) -> bool:
    try:
        assert_stands(figure, outcome)
    except AssertionError:
        return False
    return True


def test_every_case_has_a_mutation() -> None:
    assert CASES.keys() == {mutation.case for mutation in MUTATIONS}
