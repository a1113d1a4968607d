"""Power now, out of what meters said last."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendc.core.accounts import Book, book
from greendc.core.facility import Kind
from greendc.core.present import power
from tests.core.kit import METERS, meter, site

NO_REGISTER = tuple(m for m in METERS if m.kind is not Kind.REGISTER)
WATTS = {"it_a": 600.0, "it_b": 400.0, "pump": 30.0, "fan": 20.0, "heat": 250.0}


def laid(**changed: object) -> Book:
    one = site(NO_REGISTER)
    epoch = replace(one.epochs[0], **changed)  # type: ignore[arg-type]
    return book(replace(one, epochs=(epoch,)), epoch)


def test_totals_hold_derived_meters() -> None:
    now = power(laid(), WATTS)
    assert now["it"] == 1000.0
    assert now["ups_loss"] == 50.0  # 5 % of IT
    assert now["light"] == 1000.0  # a constant, in W
    assert now["e_it"] == 1000.0
    assert now["subsystem_cooling"] == 50.0
    assert now["e_dc"] == 1000.0 + 50.0 + 50.0 + 1000.0
    assert now["e_reuse"] == 250.0
    assert not {"ipue", "co2e_location"} & now.keys()


@pytest.mark.parametrize(
    ("silent", "gone"),
    [
        ("it_a", {"it_a", "it", "ups_loss", "subsystem_power", "e_it", "e_dc"}),
        ("fan", {"fan", "subsystem_cooling", "e_dc"}),
        ("heat", {"heat", "e_reuse"}),
    ],
)
def test_what_needs_a_stale_meter_is_absent(silent: str, gone: set[str]) -> None:
    book_ = laid()
    whole = power(book_, WATTS)
    part = power(book_, {name: watts for name, watts in WATTS.items() if name != silent})
    assert whole.keys() - part.keys() == gone
    assert all(part[name] == whole[name] for name in part)


def test_what_needs_a_register_is_absent() -> None:
    one = site()
    now = power(book(one, one.epochs[0]), {**WATTS, "register": 5e9})
    assert not {"register", "subsystem_cooling", "e_dc"} & now.keys()
    assert now["e_it"] == 1000.0


def test_a_metered_boundary_has_signs_and_a_residual() -> None:
    feeds = (meter("util", Kind.INSTANT, "util"), meter("sold", Kind.INSTANT, "export"))
    one = site((*NO_REGISTER, *feeds))
    epoch = replace(one.epochs[0], boundary="metered", e_dc=(("util", 1.0), ("sold", -1.0)))
    now = power(
        book(replace(one, epochs=(epoch,)), epoch), {**WATTS, "util": 2500.0, "sold": 100.0}
    )
    assert now["e_dc"] == 2400.0
    known = sum(now[f"subsystem_{name}"] for name in ("cooling", "power", "lighting"))
    assert now["subsystem_other"] == 2400.0 - 1000.0 - known


@given(st.lists(st.floats(-1e9, 1e9), min_size=4, max_size=4))
def test_facility_is_it_and_all_subsystems(watts: list[float]) -> None:
    now = power(laid(), dict(zip(WATTS, watts, strict=False)))
    parts = [now["e_it"], *[now[n] for n in now if n.startswith("subsystem_")]]
    assert now["e_dc"] == pytest.approx(sum(parts), abs=1e-3)
