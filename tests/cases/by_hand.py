"""Figures that somebody has worked out, looked up in a ledger."""

import math

import pytest

from tests.cases.case import ByHand, Outcome, Row


def assert_stands(figure: ByHand, outcome: Outcome) -> None:
    """A figure worked out by hand is what the ledger says."""
    rows = [row for row in outcome.rows() if _is_meant(figure, row)]
    told = figure.model_fields_set - {"quantity", "period", "start", "run", "within"}
    if "sum" in told:
        total = math.fsum(float(row["value"]) for row in rows if row["value"])
        assert total == pytest.approx(figure.sum, rel=figure.within), figure
        told -= {"sum"}
    if not told:
        return
    assert len(rows) == 1, (figure, rows)
    for field in told:
        _assert_equal(rows[0][field], getattr(figure, field), figure)


def _is_meant(figure: ByHand, row: Row) -> bool:
    revision = figure.revision in {None, row.get("revision")}
    start = figure.start in {None, row["start"]}
    same = (row["quantity"], row["period"]) == (figure.quantity, figure.period)
    return same and start and revision


def _assert_equal(found: str, wanted: float | str | None, figure: ByHand) -> None:
    if isinstance(wanted, float | int):
        assert found, figure
        assert float(found) == pytest.approx(wanted, rel=figure.within), figure
    else:
        assert found == (wanted or ""), figure
