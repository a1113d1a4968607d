"""How far a small site is closed, and what is opened again, by worked examples."""

from dataclasses import replace

import numpy as np

from greendc.core.accounts import Book
from greendc.core.closing import EVERY, Due, Known, Progress
from greendc.core.facility import EVER, MINUTE, SECOND, IntArray, Kind, Meter
from greendc.core.final_days import Spread
from greendc.core.site import meters_and_books
from tests.core.kit import METERS, site

IT_A, IT_B, PUMP, _, _, HEAT = range(6)


def books(meters: tuple[Meter, ...] = METERS) -> tuple[Book, ...]:
    return meters_and_books(site(meters))[1]


def begun(at: int | None = 0, *, seen: int = 30) -> Progress:
    """One whose first cell is at a minute, and whose readings lie in so many."""
    one = Progress(books())
    if at is not None:
        one.extend(at * MINUTE)
        one.seen(np.arange(seen + 1) * MINUTE)
    return one


def minutes(*of: float) -> IntArray:
    return np.array([-EVER if at == -np.inf else round(at * MINUTE) for at in of], np.int64)


def test_cells_of_epochs_have_borders_in_common() -> None:
    """Of two minutes, and of three from one o'clock on."""
    one = site()
    epoch = one.epochs[0]
    first = replace(epoch, end=60 * MINUTE, cell=2 * MINUTE)
    second = replace(epoch, start=60 * MINUTE, cell=3 * MINUTE)
    both = Progress(meters_and_books(replace(one, epochs=(first, second)))[1])
    assert (both.step, both.border) == (2 * MINUTE, 6 * MINUTE)
    both.extend(55 * MINUTE)
    both.seen(np.arange(90) * MINUTE)
    both.closed[:] = 65 * MINUTE
    due = [one for one in both.due(70 * MINUTE, None) if "it_a" in {a.name for a in one.accounts}]
    assert [(one.lo // MINUTE, one.hi // MINUTE) for one in due] == [(54, 60), (60, 63)]


def test_what_was_closed_is_told_again() -> None:
    one = Progress(books())
    one.restore({"it_a": 5 * MINUTE, "gone": 7 * MINUTE}, {"it_a": 2 * MINUTE})
    assert one.accounts == {"it_a": 5 * MINUTE, "gone": 7 * MINUTE}
    assert one.since == {"it_a": 2 * MINUTE}
    assert one.furthest() == 7 * MINUTE
    names: list[list[str]] = [[], ["it_a"], ["it_a", "it_b"], ["it_a", "gone"]]
    assert [one.closed_upto(some) for some in names] == [-EVER, 5 * MINUTE, -EVER, -EVER]
    one.restore({"it_a": 5 * MINUTE, "it_b": 4 * MINUTE}, {})
    assert (one.furthest(), one.since) == (5 * MINUTE, {})
    assert one.closed_upto(["it_a", "it_b"]) == 4 * MINUTE
    one.restore(dict.fromkeys(one.names(), 3 * MINUTE), {})
    assert [one.closed_upto(some) for some in names] == [-EVER, *[3 * MINUTE] * 2, -EVER]
    one.restore({}, {})
    assert (one.accounts, one.furthest()) == ({}, -EVER)
    assert one.names() == sorted(account.name for account in books()[0].accounts)


def test_the_first_cell_begins_no_later_than_what_is_said() -> None:
    one = Progress(books())
    assert one.extend(90 * SECOND) == []
    assert one.extend(61 * SECOND) == one.extend(60 * SECOND) == []
    assert one.origin == MINUTE
    assert one.extend(59 * SECOND) == [(EVERY, (0, MINUTE))]
    assert one.origin == 0


def test_new_accounts_begin_at_the_watermark() -> None:
    """On their own grids, of one minute and of two."""
    one, old = begun(None), set(begun().names()) - {"it_a", "heat"}
    one.begin_new(old, 3 * MINUTE)
    assert one.since == one.accounts == {}
    one.extend(0)
    one.begin_new(old, 4 * MINUTE + 1)
    assert one.since == one.accounts == {"it_a": 5 * MINUTE, "heat": 6 * MINUTE}
    one.begin_new(old, 8 * MINUTE)
    assert one.since == {"it_a": 8 * MINUTE, "heat": 8 * MINUTE}
    assert one.accounts == {"it_a": 5 * MINUTE, "heat": 6 * MINUTE}


def known(last: IntArray) -> Known:
    none = np.zeros(0, np.int64)
    return Known(last, last, np.full(len(last), EVER), (none, none, none))


def test_an_input_ends_where_its_last_mean_does() -> None:
    """That of a minute at 5 min, of two at 3.5 min; what is held goes on to the common end."""
    one = begun(2)
    assert one.end_of(known(minutes(5, 5.5, 1, 5, 5, 3.5)), None) == 6 * MINUTE
    assert one.end_of(known(minutes(5, 5.5, 1, 5, 5, 4.5)), None) == 6.5 * MINUTE
    assert one.end_of(known(minutes(*[-np.inf] * 6)), None) == 2 * MINUTE
    assert begun(None).end_of(known(minutes(*[-np.inf] * 6)), None) == 0
    asked = [one.end_of(known(minutes(*[5] * 6)), at * MINUTE) for at in (7, 8, 90)]
    assert asked == [6 * MINUTE, 8 * MINUTE, 60 * MINUTE]


def test_values_that_are_all_held_count_as_far_as_all_are_known() -> None:
    one = Progress(books(tuple(replace(m, kind=Kind.ON_CHANGE) for m in METERS)))
    assert one.end_of(known(minutes(5, 4, 5, 5, 5, 5)), None) == 7 * MINUTE
    assert one.end_of(known(minutes(5, 1, 5, 5, 5, 5)), None) == 5 * MINUTE
    assert one.end_of(known(minutes(5, -np.inf, 5, 5, 5, 5)), None) == 5 * MINUTE


def test_only_what_is_closed_is_opened_again() -> None:
    """Of what rests on one meter 10 min are closed, of what rests on another one 8 min."""
    one = begun()
    one.restore({"it_a": 10 * MINUTE, "e_it": 8 * MINUTE}, {})
    assert one.sealed().tolist() == minutes(10, 8, *[-np.inf] * 4).tolist()
    spans = [
        (IT_A, (3, 20)), (IT_B, (0, 4)), (IT_B, (8, 9)), (EVERY, (9, 20)), (PUMP, (0, 5)),
    ]  # fmt: skip
    dirty = [(m, (lo * MINUTE, hi * MINUTE)) for m, (lo, hi) in spans]
    found = [(m, lo // MINUTE, hi // MINUTE) for m, (lo, hi) in one.opened(dirty, MINUTE)]
    assert found == [(IT_A, 3, 10), (IT_B, 2, 4), (EVERY, 9, 10)]
    assert one.opened([], 0) == []
    late = begun(3)
    late.restore(one.accounts, {})
    assert [lo // MINUTE for _, (lo, _) in late.opened(dirty, -EVER)] == [3, 3, 9]


def test_what_is_opened_is_computed_on_borders_of_all_grids() -> None:
    spans = [(61, 119), (180, 300), (600, 660), (240, 241), (120, 121)]
    opened = [(IT_A, (lo * SECOND, hi * SECOND)) for lo, hi in spans]
    found = [(lo // MINUTE, hi // MINUTE) for lo, hi in begun().whole(opened)]
    assert found == [(0, 6), (10, 12)]


def pieces(due: list[Due]) -> dict[str, tuple[int, int]]:
    out = {a.name: (one.lo // MINUTE, one.hi // MINUTE) for one in due for a in one.accounts}
    assert len(out) == sum(len(one.accounts) for one in due)
    return out


def test_cells_are_due_where_every_meter_that_they_need_is_closed() -> None:
    """The pump for 4 min, the others for 6; what needs no meter up to the watermark."""
    one = begun()
    one.closed[:] = 6 * MINUTE
    one.closed[[PUMP, HEAT]] = 4 * MINUTE, 5 * MINUTE
    found = pieces(list(one.due(9 * MINUTE + 1, None)))
    assert {name: found[name] for name in ("it_a", "pump", "heat", "e_it", "e_dc", "light")} == {
        "it_a": (0, 6), "pump": (0, 4), "heat": (0, 4), "e_it": (0, 6), "e_dc": (0, 4),
        "light": (0, 9),
    }  # fmt: skip
    assert one.accounts["e_dc"] == 4 * MINUTE
    assert list(one.due(9 * MINUTE + 1, None)) == []
    ended = pieces(list(one.due(9 * MINUTE + 1, 7 * MINUTE)))
    assert {name: ended[name] for name in ("it_a", "pump", "heat")} == {
        "it_a": (6, 7), "pump": (4, 7), "heat": (4, 8),
    }  # fmt: skip
    assert "light" not in ended


def test_again_is_due_what_rests_on_what_is_opened_there() -> None:
    one = begun()
    one.restore(dict.fromkeys(one.names(), 8 * MINUTE), {"e_it": 4 * MINUTE})
    opened = [(IT_B, (2 * MINUTE, 3 * MINUTE)), (PUMP, (6 * MINUTE, 7 * MINUTE))]
    found = pieces(list(one.again(2 * MINUTE, 6 * MINUTE, opened)))
    assert (found["it_b"], found["e_it"], found["e_dc"]) == ((2, 6), (4, 6), (2, 6))
    assert found.keys().isdisjoint({"it_a", "pump", "heat", "light"})
    assert pieces(list(one.again(6 * MINUTE, 20 * MINUTE, opened)))["pump"] == (6, 8)
    every = pieces(list(one.again(6 * MINUTE, 20 * MINUTE, [(EVERY, (0, EVER))])))
    assert every.keys() == set(one.names())


def test_all_that_rests_on_a_meter_is_closed_where_the_least_is() -> None:
    one = begun(1)
    one.closed[:] = 12 * MINUTE
    upto = dict.fromkeys(one.names(), 10 * MINUTE) | {"e_it": 4 * MINUTE}
    one.restore(upto, {})
    assert (one.floors() // MINUTE).tolist() == [4, 4, 10, 10, 10, 10]
    assert (one.sealed() // MINUTE).tolist() == [12] * 6
    assert one.furthest() == 12 * MINUTE
    del upto["erf"]
    one.restore(upto, {})
    assert (one.floors() // MINUTE).tolist() == [1] * 6
    fresh = Progress(books())
    fresh.restore(upto, {})
    assert fresh.floors().tolist() == [-EVER] * 6


def test_a_copy_goes_on_for_itself() -> None:
    one = begun(seen=0)
    twin = one.copy()
    twin.closed[:] = MINUTE
    twin.seen(np.array([400]) * 24 * 60 * MINUTE)
    list(twin.due(5 * MINUTE, None))
    assert (one.closed == -EVER).all()
    assert (one.accounts, len(one.presence.lives)) == ({}, 1)


def test_gaps_are_told_where_they_reach_into_cells_of_their_meters() -> None:
    layout = books()[0]
    some = [account for account in layout.accounts if account.name in {"it_a", "pump", "e_it"}]
    due = Due(layout, some, 4 * MINUTE, 6 * MINUTE)
    gaps = [
        Spread(meter, lo * MINUTE, hi * MINUTE, ())
        for meter, lo, hi in ((0, 3, 5), (1, 3, 5), (2, 0, 4), (2, 5, 9), (0, 6, 7))
    ]
    assert due.among(gaps) == [gaps[0], gaps[3]]
    assert due.among([]) == []
