"""Findings over time: what goes on as what it turned out to be, and in words."""

from dataclasses import replace

from greendc.core.checking import Checked, NodeHour, Suspect, Told, Worth
from greendc.core.facility import HOUR
from greendc.findings import Lasting, kind, lasting, node_record, record, text
from greendc.series import (
    BALANCE_JUDGED,
    BALANCE_MISSING,
    BALANCE_OFF,
    FINDING,
    FINDING_CORRECTED,
    FINDING_MISSING,
    FINDING_SHORT,
    FINDING_SINCE,
    FINDING_WATTS,
    FINDING_WORTH,
)
from greendc.sinks.prometheus.balances import balances
from greendc.sinks.prometheus.families import Families
from greendc.snapshots import Balance, Closed

RACK = Suspect("rack", "phase", 1.5, "one of three phases is missing", None)
OTHER = Suspect("other", "phase", 3.0, "two of three phases are missing", None)
OPEN = Told(("pdu",), (OTHER, RACK), 0, 3, 0.1, 0.01, 0.002, until=3 * HOUR, undecided=True)
NAMED = replace(OPEN, suspects=(RACK,), undecided=False)


def hours(*told: Told | None) -> list[Checked]:
    every = [(n * HOUR, one) for n, one in enumerate(told, start=2) if one is not None]
    return [Checked(at, at + HOUR, (), (replace(one, until=at + HOUR),)) for at, one in every]


def test_what_is_decided_goes_on_as_that() -> None:
    """Whichever meter comes first among what is undecided."""
    turned = replace(OPEN, suspects=(RACK, OTHER))
    (found,) = lasting("dc", hours(OPEN, turned, NAMED, NAMED), 6 * HOUR)
    assert (found.since, found.until, kind(found.told)) == (0, None, "phase")


def test_the_same_mistake_a_week_later_is_another_finding() -> None:
    """It has been mended; an hour in which it was not seen is not."""
    found = lasting("dc", hours(NAMED, None, NAMED, *[None] * 30, NAMED), 36 * HOUR)
    assert [(one.since, one.until) for one in found] == [(0, 5 * HOUR), (0, None)]


def test_a_node_that_is_not_judged_says_so() -> None:
    """It is neither in balance nor out of it."""
    lost = NodeHour("pdu", None, None, None, None, "unknown", ("rack",))
    good = NodeHour("ups", 9e6, 9e6, 9.9e6, 1e5, "balanced")
    hour = Checked(0, HOUR, (lost, good), ())
    out = Families()
    balances(out, Closed(balances={"dc": Balance(hour, ())}))
    judged = out.samples[BALANCE_JUDGED.name]
    assert list(zip(judged.labels, judged.values, strict=True)) == [
        (("dc", "pdu"), 0.0),
        (("dc", "ups"), 1.0),
    ]
    assert list(out.samples[BALANCE_OFF.name].labels) == [("dc", "ups")]
    told = node_record(lost, hour)
    assert (told["lacking"], told["text"]) == (["rack"], "not judged: rack not known")


def test_a_node_that_is_off_without_a_meter_says_both() -> None:
    less = NodeHour("pdu", 9e6, 20e6, None, 1e5, "too_much_out", ("rack",))
    told = node_record(less, Checked(0, HOUR, (less,), ()))
    assert told["in_kwh_plausible"] is None
    assert told["text"] == "more comes out than goes in, even without rack, not known"


def test_undecided_names_no_meter_as_the_one() -> None:
    (found,) = lasting("dc", hours(OPEN), 3 * HOUR)
    told = record(found)
    assert told["kind"] == "undecided"
    assert [one["meter"] for one in told["suspects"]] == ["other", "rack"]
    words = text(found)
    assert "most likely" not in words
    assert "Either something there has no meter, or a meter is read wrongly" in words
    out = Families()
    balances(out, Closed(balances={"dc": Balance(hours(OPEN)[0], (found,))}))
    assert list(out.samples[FINDING.name].labels) == [("dc", "pdu", "undecided", "", "", "")]
    assert "rack: one of three phases is missing (multiply by 1.5)" in words


def test_it_is_told_how_much_is_missing() -> None:
    """In words, for programs and in metrics: at the node, and in what the meter shows."""
    worth = Worth(1.5, 0.04, 11)
    told = replace(NAMED, missing=12_300.0, short=4_000.0, worth=worth)
    one = Lasting("dc", 0, None, told)
    assert "At pdu 10.0 % (12.3 kW) of what went in does not come out" in text(one)
    assert "rack shows 4 kW too little" in text(one)
    assert (record(one)["missing_kw"], record(one)["meter_short_kw"]) == (12.3, 4.0)
    out = Families()
    node = NodeHour("pdu", 9e6, 5.4e6, 6e6, 1e5, "too_much_in")
    balances(out, Closed(balances={"dc": Balance(Checked(0, HOUR, (node,), (told,)), ())}))
    amounts = {
        name: list(zip(samples.labels, samples.values, strict=True))
        for name, samples in out.samples.items()
    }
    about = ("dc", "pdu", "phase", "rack")
    assert amounts[FINDING_MISSING.name] == [(about, 0.1)]
    assert amounts[FINDING_WATTS.name] == [(about, 12_300.0)]
    assert amounts[FINDING_CORRECTED.name] == [(about, 0.01)]
    assert amounts[FINDING_SHORT.name] == [(about, 4_000.0)]
    assert amounts[FINDING_WORTH.name] == [(about, 1.5)]
    assert amounts[FINDING_SINCE.name] == [(about, 0.0)]
    assert amounts[BALANCE_MISSING.name] == [(("dc", "pdu"), 1_000.0)]


def test_what_is_undecided_is_not_put_right() -> None:
    out = Families()
    told = replace(OPEN, missing=-500.0)
    balances(out, Closed(balances={"dc": Balance(Checked(0, HOUR, (), (told,)), ())}))
    assert list(out.samples[FINDING_WATTS.name].values) == [-500.0]
    assert FINDING_CORRECTED.name not in out.samples
    assert FINDING_SHORT.name not in out.samples


def test_metrics_name_both_of_two_meters() -> None:
    suspect = Suspect("rack", "exchanged", 1.0, "", None, "fan")
    told = Told(("pdu", "feed"), (suspect,), 0, 3, 0.5, 0.01, None)
    out = Families()
    balances(out, Closed(balances={"dc": Balance(Checked(0, HOUR, (), (told,)), ())}))
    assert list(out.samples[FINDING.name].labels) == [("dc", "pdu", "exchanged", "rack", "", "fan")]
