"""No figure's name is left to a meter."""

from dataclasses import replace

import pytest

from greendc.core import reserved as module
from greendc.core.accounts import book
from greendc.core.metrics import METRICS
from greendc.core.metrics.pue import PUE
from greendc.core.reserved import reserved
from tests.core.kit import site

METHODS = ("location", "market")


def test_every_figure_of_a_site_is_reserved_and_no_meter_is() -> None:
    place = site()
    accounts = book(place, place.epochs[0]).accounts
    assert {a.name for a in accounts if a.kind != "meter"} <= reserved(METHODS)
    assert not {a.name for a in accounts if a.kind == "meter"} & reserved(METHODS)


def test_a_new_metric_is_reserved_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    new = replace(PUE, name="wue", needs=("water_l", "e_it_j"), over="subsystem")
    monkeypatch.setattr(module, "METRICS", (*METRICS, new))
    found = reserved.__wrapped__(METHODS)
    assert {"wue", "wue_cooling", "water"} <= found - reserved(METHODS)
