"""Every kind of sink against its real target: what is written stands there, once, and newest."""

from collections.abc import Iterator, Sequence
from itertools import count

import pytest

from greendc.config.models import Mqtt
from greendc.core.facility import HOUR
from greendc.ports import LedgerRow
from greendc.sinks import SINKS, Sink, Surroundings, new_sink
from tests.contract.targets import TARGETS, Found, Key, Target
from tests.sinks.ledgers import MIDNIGHT, Rows, revised, row

SITES = (f"site-{number}" for number in count())


@pytest.fixture(scope="module", params=sorted(SINKS))
def target(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    made = TARGETS[request.param](tmp_path_factory.mktemp(request.param))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def sink(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    made = new_sink(target.config, Surroundings(tmp_path_factory.getbasetemp(), Mqtt()))
    yield made
    made.close()


@pytest.fixture
def site() -> str:
    return next(SITES)


def expected(target: Target, rows: Sequence[LedgerRow]) -> Found:
    """The newest revision of each figure, or of the figure that starts last."""
    newest = {Key(r.figure.quantity, r.figure.period, r.figure.start): r for r in rows}
    if not target.history:
        last = {key[:2]: key for key in sorted(newest)}
        newest = {key: newest[key] for key in last.values()}
    return {
        key: None if r.figure.status == "undefined" else r.figure.value for key, r in newest.items()
    }


def same(found: Found, wanted: Found) -> None:
    assert set(found) == set(wanted)
    for key, value in wanted.items():
        # VictoriaMetrics keeps about 12 digits
        assert found[key] == (None if value is None else pytest.approx(value, rel=1e-11)), key


def mixed(site: str) -> list[LedgerRow]:
    """Energy, mass and KPI, of several periods, known and unknown."""
    ratio = {"unit": "1", "category": 2, "uncertainty": 0.031}
    return [
        row(1, site, value=25.0),
        row(2, site, value=25.1),
        row(3, site, quantity="co2e_location", unit="g", value=123456.789),
        row(4, site, quantity="ipue", value=1.1191336680477217, **ratio),
        row(5, site, quantity="erf", unit="1", value=None, status="undefined", reason="no_data"),
        row(6, site, period="24h", start=MIDNIGHT - 23 * HOUR, end=MIDNIGHT + HOUR),
        row(7, site, quantity="sold", value=-7.5),
        row(8, site, quantity="a,b=c\"d\\e'f-ä", value=0.0),
    ]


def test_every_kind_has_a_target_in_this_suite() -> None:
    assert set(TARGETS) == set(SINKS)


def test_figures_stand_there_with_their_values(
    target: Target, sink: Sink, site: str
) -> None:  # A22
    rows = mixed(site)
    sink.write(rows, Rows(rows))
    same(target.read(site), expected(target, rows))


def test_the_same_rows_again_change_nothing(target: Target, sink: Sink, site: str) -> None:
    rows = mixed(site)
    sink.write(rows, Rows(rows))
    sink.write(rows[2:], Rows(rows))
    sink.write(rows, Rows(rows))
    same(target.read(site), expected(target, rows))


@pytest.mark.parametrize("batches", ["one batch", "two batches", "the second one twice"])
def test_a_revision_takes_the_place_of_what_stood_there(
    target: Target, sink: Sink, site: str, batches: str
) -> None:  # A21, M10
    rows = mixed(site)
    unknown = {"value": None, "uncertainty": None, "status": "undefined", "reason": "no_data"}
    more = [
        revised(9, rows[1], value=26.5),
        revised(10, rows[3], **unknown),
        revised(11, rows[4], value=0.5, status="ok"),
        row(12, site),
        revised(13, rows[1], value=27.5, revision=2),
    ]
    ledger = Rows([*rows, *more])
    if batches == "one batch":
        sink.write(ledger.rows, ledger)
    else:
        sink.write(rows, ledger)
        sink.write(more, ledger)
    if batches == "the second one twice":
        sink.write(more[:2], ledger)
        sink.write(more[2:], ledger)
    same(target.read(site), expected(target, ledger.rows))


def test_an_older_figure_that_is_revised_is_not_taken_for_the_newest(
    target: Target, sink: Sink, site: str
) -> None:
    rows = [row(1, site), row(2, site)]
    ledger = Rows([*rows, revised(3, rows[0], value=1.5)])
    sink.write(rows, ledger)
    sink.write(ledger.rows[2:], ledger)
    same(target.read(site), expected(target, ledger.rows))


def test_a_target_that_is_away_is_an_os_error_and_loses_nothing(
    target: Target, sink: Sink, site: str
) -> None:
    rows = mixed(site)
    ledger = Rows(rows)
    sink.write(rows[:2], ledger)
    target.stop()
    try:
        with pytest.raises(OSError, match=r"refused|[Ii]s a directory|lost"):
            sink.write(rows[2:], ledger)
    finally:
        target.start()
    sink.write(rows[2:], ledger)
    same(target.read(site), expected(target, rows))


def test_closing_twice_is_nothing_special(sink: Sink) -> None:
    sink.close()
    sink.close()
