"""A meter that reports and is not believed is seen at once, not when its readings are let go of."""

from dataclasses import replace
from pathlib import Path

from greendc.core.facility import HOUR, MINUTE, SECOND
from greendc.core.refusing import Refusing
from greendc.daemon.status import as_text
from greendc.sinks.prometheus.daemon import daemon
from greendc.sinks.prometheus.families import Families
from greendc.store import connect
from greendc.watch.watch import NOTHING_YET, Watch
from greendc.web.state import told
from tests import runs

BEGIN = 1_740_787_200 * 10**9  # 2025-03-01T00:00:00Z
FEED = "{id: feed, point: util, quantity: energy, unit: kWh, kind: register, nominal: 15min}"
IT = "{id: it, point: pdu_out, unit: W, kind: mean_next, nominal: 15min}"
MORE = "cell: 15min\nlateness: 2min"


def quarters(name: str, first: int, values: list[float]) -> list[runs.Reading]:
    return [(name, BEGIN + (first + i) * 15 * MINUTE, v) for i, v in enumerate(values)]


def told_events(path: Path) -> list[str]:
    db = connect(path, readonly=True)
    try:
        found = db.execute("SELECT data FROM event WHERE kind = 'refusing'").fetchall()
        return [data for (data,) in found]
    finally:
        db.close()


def test_an_exchange_that_nobody_declared_is_seen_while_it_lasts(tmp_path: Path) -> None:
    """12 MWh, and from 01:00 on 0: after three quarters of an hour, which is its `silent_after`."""
    run = runs.Run(tmp_path / "ledger.db", runs.configured(tmp_path, [FEED, IT], MORE))
    beside = quarters("it", 0, [500.0] * 12)
    shown = [12_000.0, 12_001.0, 12_002.0, 12_003.0, *[0.0] * 8]
    log = sorted([*beside, *quarters("feed", 0, shown)], key=lambda r: r[1])
    for number, reading in enumerate(log):
        run.take(runs.batch([reading]))
        if number == 13:  # up to 01:30: two of them, which a next one may still explain
            run.commit()
            assert run.pipeline.refusing() == {runs.SITE: {}}
    run.commit()
    found = run.pipeline.refusing()[runs.SITE]["feed"]
    assert (found.word, found.since) == ("implausible", BEGIN + HOUR)
    run.kill()
    run.take(runs.batch(quarters("it", 12, [500.0]) + quarters("feed", 12, [0.0])))
    run.commit()
    assert run.pipeline.refusing()[runs.SITE]["feed"].since == BEGIN + HOUR
    assert len(told_events(run.path)) == 1
    run.take(runs.batch(quarters("it", 13, [500.0] * 2) + quarters("feed", 13, [12_013.0] * 2)))
    run.take(runs.batch(quarters("it", 15, [500.0] * 2)))
    run.commit()
    assert run.pipeline.refusing() == {runs.SITE: {}}
    run.close()


def test_a_frozen_value_says_from_when_on_what_was_believed_is_doubtful(tmp_path: Path) -> None:
    """The same from 00:00 on, left out from 01:00 on; from 03:00 on it moves again."""
    frozen = IT.replace("nominal: 15min", "nominal: 15min, frozen_after: 1h")
    feed = quarters("feed", 0, [float(i) for i in range(16)])
    run = runs.Run(tmp_path / "ledger.db", runs.configured(tmp_path, [FEED, frozen], MORE))
    log = sorted([*feed, *quarters("it", 0, [500.0] * 12 + [501.0] * 4)], key=lambda r: r[1])
    run.take(runs.batch([one for one in log if one[1] < BEGIN + 3 * HOUR]))
    found = run.pipeline.refusing()[runs.SITE]["it"]
    assert (found.word, found.since, found.same) == ("frozen", BEGIN + HOUR, BEGIN)
    run.take(runs.batch([one for one in log if one[1] >= BEGIN + 3 * HOUR]))
    assert run.pipeline.refusing() == {runs.SITE: {}}
    run.close()


def test_page_status_and_metrics_say_since_when_and_what_to_do() -> None:
    one = {"feed": Refusing("implausible", BEGIN + HOUR, BEGIN + 3 * HOUR, BEGIN + HOUR)}
    health = replace(NOTHING_YET, at=BEGIN + 4 * HOUR, refusing={"plant": one})
    (line,) = [line for line in as_text(health).splitlines() if "feed" in line]
    since = "2025-03-01T01:00:00Z"
    assert line.startswith(f"plant    feed: every reading is left out since {since}: implausible;")
    assert "`replaced`" in line
    (shown,) = told(health, "plant")["refusing"]
    assert (shown["meter"], shown["since"]) == ("feed", since)
    assert told(health, "other")["refusing"] == []
    out = Families()
    daemon(out, Watch().board.current, health)
    samples = out.samples["greendc_meter_refusing_since_timestamp_seconds"]
    assert samples.values == [(BEGIN + HOUR) / SECOND]
    assert samples.labels == [("plant", "feed", "implausible")]
