"""A figure taken apart: what is printed gives the figure again."""

import math
import re
from pathlib import Path

import pytest

from tests.small import SITE, Small, json_lines, ledger_folder, messages, small_site

__all__ = ["ledger_folder"]  # a fixture

NUMBER = r"-?[\d,]+(?:\.\d+)?(?:e[-+]?\d+)?"
UNITS = re.compile(r" (?:kWh|kgCO2e/kWh|kg)")
FIGURES = ("ipue", "dcie", "erf", "ere", "cue_location", "ppue_cooling", "ppue_other")
WHOLE_HOUR = "2025-03-01T00:30:00Z"
HALF_HOUR = "2025-03-01T01:30:00Z"  # in which a meter was silent for half the time


@pytest.fixture
def site(ledger_folder: Path, capsys: pytest.CaptureFixture[str]) -> Small:
    """The small site with its log in the configured data folder."""
    return Small(ledger_folder, capsys)


def explained(site: Small, metric: str, *options: str) -> str:
    return site.run("explain", "-c", site.config, metric, *options)


def number(text: str) -> float:
    return float(text.replace(",", ""))


def value(text: str) -> float:
    found = re.search(rf"^  value        ({NUMBER})", text, re.MULTILINE)
    assert found is not None, text
    return number(found[1])


def calculated(text: str) -> float:
    """What the formula's line gives when its left side is worked out."""
    found = re.search(r"^  = (.* / .*) = .*$", text, re.MULTILINE)
    assert found is not None, text
    plain = UNITS.sub("", found[1])
    assert re.fullmatch(r"[-+/()\d.e ]+", plain), plain
    result: float = eval(plain)  # noqa: S307 - digits and operators only, as just asserted
    return result


def sections(text: str) -> list[tuple[list[float], float]]:
    """Members and sum of each block that ends in a sum."""
    out: list[tuple[list[float], float]] = []
    members: list[float] = []
    for row in text.splitlines():
        member = re.match(rf"^ +({NUMBER}) kWh  ", row)
        total = re.match(rf"^  = ({NUMBER}) kWh(,|$)", row)
        if member is not None:
            members.append(number(member[1]))
        elif total is not None:
            out.append((members, number(total[1])))
            members = []
    return out


@pytest.mark.parametrize("metric", FIGURES)
@pytest.mark.parametrize(
    "options",
    [
        ("--at", WHOLE_HOUR),
        ("--at", HALF_HOUR),
        ("--period", "day"),
        ("--period", "month"),
        ("--period", "24h"),
        ("--period", "log"),
    ],
    ids=" ".join,
)
def test_the_formula_gives_the_value(site: Small, metric: str, options: tuple[str, ...]) -> None:
    text = explained(site, metric, *options)
    assert calculated(text) == pytest.approx(value(text), rel=1e-12)
    assert sections(text)
    for members, total in sections(text):
        assert math.fsum(members) == pytest.approx(total, abs=1e-5)


@pytest.mark.parametrize("metric", ["e_dc", "e_it", "it_a", "losses", "lights", "co2e_location"])
def test_the_value_is_the_exported_one(site: Small, metric: str) -> None:
    rows = json_lines(site.run("export", "-c", site.config, "--period", "log"))
    exported = {row["quantity"]: row["value"] for row in rows}
    assert value(explained(site, metric, "--period", "log")) == exported[metric]


def test_members_show_their_sign_and_weight(site: Small) -> None:
    text = explained(site, "e_dc", "--at", WHOLE_HOUR)
    assert re.search(r"-5\.000000 kWh  sold x -1  \[export, mean_next, class 0.5\]", text)


def test_what_was_metered_while_another_was_silent_is_told(site: Small) -> None:
    text = explained(site, "ipue", "--at", HALF_HOUR)
    assert "coverage     0.5 (0.5 h of 1 h)" in text
    assert "= 77.5 kWh, each over the time in which it was known" in text
    assert "46.5 kWh of it while all that ipue needs was known" in text
    assert "  it_b\n    2025-03-01T01:15:00Z to 2025-03-01T01:45:00Z" in text


def test_derived_meters_are_worked_out(site: Small) -> None:
    text = explained(site, "ppue_power", "--at", WHOLE_HOUR)
    share = re.search(
        rf"losses = 0.05 x it = 0.05 x ({NUMBER}) = ({NUMBER}) kWh, an estimate", text
    )
    assert share is not None
    assert 0.05 * number(share[1]) == pytest.approx(number(share[2]), abs=1e-6)
    total = re.search(rf"it = it_a \+ it_b = ({NUMBER}) \+ ({NUMBER}) = ({NUMBER}) kWh", text)
    assert total is not None
    assert number(total[1]) + number(total[2]) == pytest.approx(number(total[3]), abs=1e-6)
    assert "lights = 2000.0 W x 1 h = 2.000000 kWh, an estimate" in explained(
        site, "lights", "--at", WHOLE_HOUR
    )


def test_carbon_shows_factor_source_and_what_its_doubt_leaves_out(site: Small) -> None:
    text = explained(site, "co2e_location", "--at", WHOLE_HOUR)
    energy, _ = sections(text)[0]
    factor = re.search(rf"x ({NUMBER}) g/kWh \(location: DE, lifecycle, a table\)", text)
    assert factor is not None
    assert math.fsum(energy) * number(factor[1]) / 1000 == pytest.approx(value(text), rel=1e-6)
    assert "the emission factor is taken as exact" in text
    assert "warning: small: emissions.location: factor of 2024" in text


def test_a_factor_that_changes_is_told_as_a_span(site: Small) -> None:
    text = explained(site, "co2e_location", "--period", "log")
    assert "x 200.0 to 400.0 g/kWh, cell by cell" in text
    mean = re.search(rf"kg, a mean of ({NUMBER}) g/kWh", text)
    assert mean is not None
    energy, total = sections(text)[0]
    assert total * number(mean[1]) / 1000 == pytest.approx(value(text), rel=1e-12)
    assert math.fsum(energy) == pytest.approx(total, abs=1e-5)


def test_a_kpi_that_is_not_configured_says_why(site: Small) -> None:
    text = explained(site, "cue_market")
    assert "undefined: no_market_factor, the configuration has no market-based" in text


def test_the_annual_figure_says_what_it_lacks(site: Small) -> None:
    text = explained(site, "pue", "--period", "year")
    assert "status       undefined: coverage" in text
    assert "value        unknown" in text
    assert "/ 325.5 kWh = undefined" in text


def test_names_and_times_that_are_not_there(site: Small) -> None:
    def refused(*options: str) -> str:
        return site.refused("explain", "-c", site.config, *options)

    assert "did you mean ipue?" in refused("ippue")
    assert "there is e_dc" in refused("xyz")
    assert "ask for it with --period year" in refused("pue", "--period", "log")
    late = refused("ipue", "--at", "2026-01-01T00:00:00Z")
    assert "from 2025-03-01T00:00:00Z to 2025-03-01T04:00:00Z" in late
    assert "large: no such site; the configuration has small" in refused("ipue", "--site", "large")


@pytest.mark.parametrize("period", ["day", "month", "log"])
def test_a_day_is_when_it_begins_at_the_site(site: Small, period: str) -> None:
    """1 March begins in Berlin at 23:00 of UTC, and asks for itself where nothing else is said."""
    instant = explained(site, "ipue", "--period", period, "--at", "2025-02-28T23:00:00Z")
    assert explained(site, "ipue", "--period", period, "--at", "2025-03-01") == instant
    assert (explained(site, "ipue", "--at", "2025-03-01") == instant) == (period == "day")
    hour = site.refused(
        "explain", "-c", site.config, "ipue", "--period", "hour", "--at", "2025-03-01"
    )
    assert "none of period hour at that time" in hour  # the log begins an hour later


def test_a_rolling_window_is_found_by_its_end(site: Small) -> None:
    first, second = "2025-03-01T02:00:00Z", "2025-03-01T03:00:00Z"
    for at, end in ((first, first), ("2025-03-01T02:59:00Z", first), (second, second)):
        text = explained(site, "ipue", "--period", "24h", "--at", at)
        assert f" to {end}, zone " in text
    for at in ("2025-03-01T00:30:00Z", "2025-03-02T12:00:00Z"):
        text = site.refused("explain", "-c", site.config, "ipue", "--period", "24h", "--at", at)
        assert "windows that end from 2025-03-01T01:00:00Z to 2025-03-01T0" in text


def test_revisions_and_lost_sessions_are_told(site: Small) -> None:
    rows = list(messages(240))
    late = next(row for row in rows[600:] if "it_a" in row["topic"])
    lost = {"from": 1740787200 * 10**9, "to": 1740787260 * 10**9, "session": 1}
    rows.insert(30, {"tst": rows[30]["tst"], "event": "session_lost", "data": lost})
    changed = {**late, "payload": late["payload"].replace('"w": 6', '"w": 9')}
    log = site.write([*rows, changed], "late.jsonl")
    kept = site.folder / "revised"
    site.run("replay", log, "-c", site.config, "--keep", kept)
    text = explained(site, "ipue", "--at", HALF_HOUR, "--data", str(kept))
    assert re.search(r"revision     1, by configuration [0-9a-f]{12}", text)
    assert re.search(r"earlier revisions\n  0  1\.59068", text)
    assert re.search(r"late: 2025-03-01T01:\d\d:00Z to .*, 1 readings", text)
    first = explained(site, "ipue", "--at", WHOLE_HOUR, "--data", str(kept))
    assert "session_lost: 2025-03-01T00:00:00Z to 2025-03-01T00:01:00Z" in first


def test_an_invalid_total_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = small_site(tmp_path, capsys, minutes=70)
    site.config.write_text(
        SITE.replace("{id: sold, point: export, unit: kW", "{id: sold, point: export, unit: MW")
    )
    kept = site.folder / "negative"
    site.run("replay", site.log, "-c", site.config, "--keep", kept)
    text = explained(site, "e_dc", "--at", WHOLE_HOUR, "--data", str(kept))
    assert "invalid: negative_total, a total below zero is a fault of the metering" in text
    assert value(text) < 0
