"""Figures as points: what is unknown is absent, numbers are floats, a month is a series."""

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendc.core.facility import HOUR, SECOND
from greendc.ports import LedgerRow
from greendc.sinks.line_protocol import (
    FIELDS,
    fields,
    month,
    month_bounds,
    newest_of,
    point,
    portions,
    tags,
)
from tests.sinks.ledgers import MIDNIGHT, revised, row


def test_an_energy() -> None:
    line = point(row(1, uncertainty=36000.0, valid=HOUR // 2))
    assert line == (
        "greendc_energy,quantity=e_dc,period=2025-03,res=hour,site=dc "
        "joules=3600000.0,watts=2000.0,estimated=0.0,distributed=0.0,uncertainty=36000.0,end=1740794400.0,"
        "coverage=0.5,rev=0.0,status=0.0 1740790800000000000"
    )


def test_a_kpi_and_a_mass() -> None:
    kpi = point(row(1, quantity="ipue", unit="1", value=1.25, category=2, status="partial"))
    assert kpi.startswith(
        "greendc_kpi,category=2,kpi=ipue,period=2025-03,res=hour,site=dc value=1.25"
    )
    assert kpi.split()[1].endswith("status=2.0")
    mass = point(row(1, quantity="co2e_location", unit="g", value=5.0))
    assert mass.startswith("greendc_emissions,quantity=co2e_location,")
    assert "grams=5.0," in mass
    assert "watts" not in mass


@pytest.mark.parametrize("status", ["undefined", "invalid"])
def test_what_is_undefined_or_invalid_has_a_status_and_no_value(status: str) -> None:
    known = fields(row(1, status=status, value=-5.0, estimated=None, distributed=None).figure)
    assert set(known) == {"end", "coverage", "rev", "status"}


def test_a_status_of_tomorrow_is_left_out_not_made_up() -> None:
    assert "status" not in fields(row(1, status="new").figure)


@given(
    st.floats() | st.none(),
    st.floats() | st.none(),
    st.integers(0, 10**6),
    st.sampled_from(["J", "g", "1", "kgCO2e/kWh"]),
)
def test_every_number_on_the_wire_is_a_finite_float(
    value: float | None, uncertainty: float | None, revision: int, unit: str
) -> None:
    more: dict[str, Any] = {"value": value, "uncertainty": uncertainty, "revision": revision}
    line = point(row(1, unit=unit, **more))
    for field in line.split(" ")[1].split(","):
        name, _, text = field.partition("=")
        assert name in FIELDS
        assert re.search(r"[.e]", text)
        assert math.isfinite(float(text))
    if value is not None and math.isfinite(value):
        assert f"={value!r}," in line


names = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="/{}+#[]"),
    min_size=1,
).filter(lambda name: not name.endswith("\\"))


@given(names, names)
def test_names_stay_whole(site: str, quantity: str) -> None:
    head = point(row(1, site, quantity=quantity)).split(" value=")[0]
    named = re.split(r"(?<!\\),", re.split(r"(?<!\\) ", head)[0])[1:]
    told = {key: value for key, _, value in (item.partition("=") for item in named)}
    plain = {key: re.sub(r"\\([,= ])", r"\1", value) for key, value in told.items()}
    assert plain["site"] == site
    assert plain["quantity"] == quantity


def test_revisions_of_a_batch_are_written_once_and_newest_last() -> None:
    first, other = row(1), row(2)
    again = revised(3, first, value=9.0)
    assert newest_of([first, other, again]) == [other, again]


@pytest.mark.parametrize(
    ("start", "name"),
    [(MIDNIGHT - 1, "2025-02"), (MIDNIGHT, "2025-03"), (0, "1970-01"), (-1, "1969-12")],
)
def test_a_series_is_a_utc_month(start: int, name: str) -> None:
    lo, hi = month_bounds(start)
    assert month(start) == month(lo) == month(hi - SECOND) == name
    assert month(hi) != name != month(lo - SECOND)
    assert lo <= start < hi
    moved = LedgerRow(1, "dc", row(1).figure._replace(start=start))
    assert tags(moved)["period"] == name


def test_portions() -> None:
    rows = [row(number) for number in range(5)]
    assert [len(part) for part in portions(iter(rows), 2)] == [2, 2, 1]
