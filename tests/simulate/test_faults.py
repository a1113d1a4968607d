"""Every family of faults can be switched on, shows in the log, and is labelled in the truth."""

import math
import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from greendc.ports import GreendcError
from greendc.simulate.labels import EXPECTED, label
from greendc.simulate.rules import METER_FAULTS
from greendc.simulate.site import chunks
from greendc.simulate.traffic import Traffic
from greendc.simulate.truth_file import truth
from tests.servers.support import PROJECT
from tests.simulate.kit import (
    POWER,
    RACK,
    REGISTER,
    UTIL,
    Replayed,
    Sent,
    at,
    fault,
    replayed,
    scenario,
    sent,
)

OF_REGISTERS = {"rollover", "reset", "dip", "replacement"}
FROM, TO, END = 90, 150, 240  # minutes: something is wrong, and the end of it all
ONE = {"dip": 91, "spike": 91}  # of these one reading


def meter_of(kind: str) -> str:
    return UTIL if kind in OF_REGISTERS else RACK


def faulty(kind: str, **more: Any) -> dict[str, Any]:
    return fault(kind, meter_of(kind), FROM, ONE.get(kind, TO), **more)


@cache
def clean(meter: str) -> Sequence[Sent]:
    return sent(scenario(), meter)


def wrong(kind: str, **more: Any) -> Sequence[Sent]:
    return sent(scenario(faults=[faulty(kind, **more)]), meter_of(kind))


def by_minute(found: Sequence[Sent]) -> dict[float, Any]:
    return {message.minute: message.value for message in found if message.minute is not None}


def inside(found: Sequence[Sent], end: int = TO) -> list[Sent]:
    return [m for m in found if m.minute is not None and FROM <= m.minute < end]


def outside_is_the_same(kind: str, found: Sequence[Sent], end: int = TO) -> None:
    def others(messages: Sequence[Sent]) -> list[Sent]:
        return [m for m in messages if not FROM <= m.arrival < end]

    assert others(found) == others(clean(meter_of(kind)))


# -- what the log shows -----------------------------------------------------------------------


def test_silence() -> None:
    found = wrong("silence")
    assert inside(found) == []
    outside_is_the_same("silence", found)


def test_duplicate() -> None:
    found = inside(wrong("duplicate", by=2))
    assert sorted(m.payload for m in found) == sorted(3 * [m.payload for m in inside(clean(RACK))])


def test_out_of_order() -> None:
    found = wrong("out_of_order", by=5)
    assert sorted(m.payload for m in found) == sorted(m.payload for m in clean(RACK))
    first = [m.minute for m in found if m.minute is not None and FROM <= m.minute < FROM + 5]
    assert first == [94, 93, 92, 91, 90]


def test_late() -> None:
    found = wrong("late", by=3600)
    assert by_minute(found) == by_minute(clean(RACK))
    assert all(m.arrival == m.minute + 60 for m in inside(found) if m.minute is not None)
    assert [m.arrival for m in found] == sorted(m.arrival for m in found)


def test_late_by_default_is_after_the_end() -> None:
    found = inside(wrong("late"))
    assert {m.arrival - m.minute for m in found if m.minute is not None} == {26 * 60}


def test_retained() -> None:
    found = wrong("retained")
    (again,) = [m for m in found if m.retain]
    assert (again.arrival, again.minute) == (TO, FROM)
    assert [m for m in found if not m.retain] == list(clean(RACK))


def counts(found: Sequence[Sent]) -> list[float]:
    return [b.value - a.value for a, b in pairwise(found)]


def test_rollover() -> None:
    found = wrong("rollover")
    falls = [b.minute for a, b in pairwise(found) if b.value < a.value]
    assert falls == [FROM + 1]
    before, after = by_minute(found)[FROM], by_minute(found)[FROM + 1]
    assert before == pytest.approx(9999.99)
    for ours, theirs in zip(counts(found), counts(clean(UTIL)), strict=True):
        assert ours % 10_000 == pytest.approx(theirs, abs=0.011)
    assert after < 1


def test_reset() -> None:
    found = wrong("reset")
    assert inside(found) == []
    values = by_minute(found)
    assert values[TO] == 0.0
    assert values[FROM - 1] == by_minute(clean(UTIL))[FROM - 1]
    true = by_minute(clean(UTIL))
    assert values[END] == pytest.approx(true[END] - true[TO], abs=0.011)


def test_replacement() -> None:
    values, true = by_minute(wrong("replacement", by=1234.5)), by_minute(clean(UTIL))
    assert values[TO] == 1234.5
    assert values[END] == pytest.approx(1234.5 + true[END] - true[TO], abs=0.011)


def test_dip() -> None:
    found, true = by_minute(wrong("dip")), by_minute(clean(UTIL))
    assert found[FROM] == pytest.approx(true[FROM - 1] - 0.01)
    assert {m: v for m, v in found.items() if m != FROM} == {
        m: v for m, v in true.items() if m != FROM
    }


@pytest.mark.parametrize(
    ("kind", "by", "factor"),
    [
        ("wrong_factor", None, 10),
        ("wrong_factor", 100, 100),
        ("wrong_factor", 1000, 1000),
        ("wrong_factor", 0.1, 0.1),
        ("watt_for_kilowatt", None, 1000),
        ("swapped_sign", None, -1),
        ("missing_phase", None, 2 / 3),
        ("spike", None, 50),
    ],
)
def test_numbers_off_by_a_factor(kind: str, by: float | None, factor: float) -> None:
    end = ONE.get(kind, TO)
    found = wrong(kind) if by is None else wrong(kind, by=by)
    assert len(found) == len(clean(RACK))
    for ours, true in zip(inside(found, end), inside(clean(RACK), end), strict=True):
        assert ours.value == pytest.approx(true.value * factor, abs=0.00051)
    outside_is_the_same(kind, found, end)


def test_frozen() -> None:
    found = wrong("frozen")
    assert {m.value for m in inside(found)} == {by_minute(clean(RACK))[FROM]}
    assert len({m.value for m in inside(clean(RACK))}) > 10
    outside_is_the_same("frozen", found)


def test_clock_skew() -> None:
    found = [m for m in wrong("clock_skew", by=30) if FROM <= m.arrival < TO]
    ahead = [m.minute - m.arrival for m in found if m.minute is not None]
    assert ahead == sorted(ahead)
    assert ahead[0] == 0.0
    assert ahead[30] == pytest.approx(0.25)


def test_clock_jump() -> None:
    found = [m for m in wrong("clock_jump") if FROM <= m.arrival < TO]
    assert {m.minute - m.arrival for m in found if m.minute is not None} == {-10.0}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("sentinel", b'{"value":4294967295,"time":"2025-06-03T01:30:00Z"}'),
        ("nan", b'{"value":NaN,"time":"2025-06-03T01:30:00Z"}'),
        ("null", b'{"value":null,"time":"2025-06-03T01:30:00Z"}'),
        ("text", b"unavailable"),
    ],
)
def test_no_number(kind: str, payload: bytes) -> None:
    found = [m for m in wrong(kind) if FROM <= m.arrival < TO]
    assert found[0].payload == payload
    assert len(found) == TO - FROM
    outside_is_the_same(kind, wrong(kind))


def test_any_text() -> None:
    found = [m for m in wrong("text", text='{"w":"1,234.5"}') if FROM <= m.arrival < TO]
    assert {m.payload for m in found} == {b'{"w":"1,234.5"}'}


# -- what the truth says, and what greendc does -------------------------------------------------


@pytest.fixture(scope="module")
def of_clean(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    return replayed(scenario(), tmp_path_factory.mktemp("clean"))


def is_right(found: Replayed, clean: Replayed, figure: str) -> bool:
    ours, theirs = found.total(figure), clean.total(figure)
    assert ours is not None
    assert theirs is not None
    steps = 0.02 if figure == "e_dc" else 0.0  # each register drops what is less than 0.01 kWh
    close = math.isclose(ours, theirs, rel_tol=1e-4, abs_tol=steps)
    return close and found.coverage(figure) > 0.999


OF_CLASS = {**REGISTER, "class": 0.5}
AWAY = [(90, 95, 17.0), (130, 131, 9_999.5), (170, 200, 3.25)]  # minutes, the next one's number


@pytest.mark.parametrize("kinds", [("replacement",), ("reset", "replacement", "replacement")])
def test_registers_that_were_exchanged_count_what_went_by(
    kinds: Sequence[str], tmp_path: Path
) -> None:
    """Within the uncertainty of the register's class; what a reset has lost is missing."""
    faults = [
        fault(kind, UTIL, begin, end, by=0.0 if kind == "reset" else number)
        for kind, (begin, end, number) in zip(kinds, AWAY, strict=False)
    ]
    found = scenario([OF_CLASS, POWER], faults)
    made = replayed(found, tmp_path)
    total, uncertainty = made.total(UTIL), made.result.sites["small"].figures[UTIL].uncertainty
    assert total is not None
    assert uncertainty is not None
    whole = chunks(found, found.sites[0])
    energy = [int(e) for chunk in whole for e in chunk.energy(UTIL)]
    lost = sum(energy[89:95]) if "reset" in kinds else 0
    true = (sum(energy) - lost) / 3.6e9
    assert abs(total - true) <= uncertainty / 3.6e6 + 0.02
    assert uncertainty / 3.6e6 < 0.01 * true
    assert made.coverage(UTIL) == pytest.approx(1 - 6 / 240 * kinds.count("reset"), abs=0.001)
    assert made.tally["register:replaced"] == kinds.count("replacement")


def test_a_factor_within_the_range_is_labelled_as_wrong(tmp_path: Path, of_clean: Replayed) -> None:
    found = scenario(faults=[faulty("wrong_factor", by=0.1)])
    schedule = Traffic(found, found.start, found.end).sites[0][2]
    assert label(found.sites[0].faults[0], schedule)["figures"] == "wrong"
    made = replayed(found, tmp_path)
    assert made.coverage("e_it") > 0.999
    assert not is_right(made, of_clean, "e_it")


def test_the_truth_names_all_faults() -> None:
    kinds = [faulty(kind) for kind in METER_FAULTS]
    found = scenario(faults=[*kinds, fault("ups_bypass", "ups-a", 10, 20)])
    traffic = Traffic(found, found.start, found.end)
    for _ in traffic.messages():
        pass
    said = truth(traffic.accounts[0], lambda f: label(f, traffic.sites[0][2]))["faults"]
    assert [one["kind"] for one in said] == [*METER_FAULTS, "ups_bypass"]
    for one in said:
        of_none = one["kind"] in {"intensity_lost", "ups_bypass"}
        assert one["meters"] == ([] if of_none else [meter_of(one["kind"])])
    assert (said[0]["from"], said[0]["to"]) == (at(FROM), at(TO))
    assert (said[-1]["figures"], said[-1]["meters"]) == ("true", [])
    assert set(EXPECTED) == set(METER_FAULTS)


# -- what cannot be ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (fault("silence", "no.such", 1, 2), "fault silence: no meter is called no.such"),
        (fault("reset", RACK, 1, 2), f"fault reset: {RACK} is no register"),
        (fault("swapped_sign", "*.util", 1, 2), None),
        (fault("clock_jump", "*.t_oa", 1, 2), "fault clock_jump: outside.t_oa sends no time"),
        (fault("watt_for_kilowatt", "*.t_oa", 1, 2), "outside.t_oa speaks of Cel, not of kW"),
    ],
)
def test_a_fault_that_no_meter_can_have(one: dict[str, Any], message: str | None) -> None:
    outside = {"points": ["*.t_oa"], "style": "number"}
    found = scenario([REGISTER, POWER, outside], [one])
    if message is None:
        Traffic(found, found.start, found.end)
        return
    with pytest.raises(GreendcError, match=message.replace("*", r"\*")):
        Traffic(found, found.start, found.end)


def test_a_rollover_needs_a_modulus() -> None:
    endless = {**REGISTER, "modulus": 0}
    found = scenario([endless], [fault("rollover", UTIL, 1, 2)])
    with pytest.raises(GreendcError, match="has no modulus"):
        Traffic(found, found.start, found.end)


def test_a_pattern_concerns_all_that_it_names() -> None:
    found = scenario(faults=[fault("silence", "*.it_in", FROM, TO)])
    traffic = Traffic(found, found.start, found.end)
    assert len(traffic.sites[0][2].hits) == 2


def test_the_table_of_the_docs_says_the_same() -> None:
    text = (PROJECT / "config" / "simulated" / "README.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| .* \| (\w+) \| (?:`(\w+)` )?\|$", text, re.MULTILINE)
    expected = [(kind, one.figures, one.word or "") for kind, one in EXPECTED.items()]
    assert sorted(rows) == sorted(expected)
