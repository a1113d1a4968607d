"""Hours whose verdicts are worked out again: those that rest on what has changed, and no others."""

import random
from pathlib import Path

import numpy as np

from greendc.core.facility import HOUR
from greendc.core.figure import Figure, FigureColumns
from greendc.core.readings import Readings
from greendc.store import connect
from tests.runs import SITE, Reading, Run, config_event, configured, end, entries

START = 1_743_202_800 * 10**9  # 2025-03-29T00:00 in Berlin; a day later clocks go forward
EVERY = "unit: W, kind: mean_next, nominal: 60min, class: 1"
METERS = (
    "{id: u, point: util, unit: Wh, quantity: energy, kind: register, nominal: 60min, shape: p}",
    f"{{id: p, point: none, quantity: power, {EVERY}}}",
    f"{{id: a, point: it_in, fed_by: [u], {EVERY}}}",
    f"{{id: b, point: it_in, fed_by: [u], {EVERY}}}",
)
MORE = "cell: 60min\nlateness: 2h\nhorizon: 7d\ne_dc: metered"
DAYS = 4
NONE = (None, None, None, None, None)


def readings(*, late: bool) -> list[Reading]:
    """Hourly; in some hours a meter shows ten times as much, in some a power is not the register's.

    One in twenty comes up to two days late.
    """
    chance = random.Random(7)
    out: list[tuple[float, Reading]] = []
    total = 0.0
    for step in range(DAYS * 24):
        each = [chance.uniform(200, 400) for _ in range(2)]
        shown = each[0] * (10 if 30 <= step < 45 else 1), each[1]
        power = sum(each) * (1.1 if 47 <= step < 71 else 1)
        values = {"u": total, "p": power, "a": shown[0], "b": shown[1]}
        total += sum(each)
        for meter, value in values.items():
            hours = chance.choice((5, 30, 45)) if chance.random() < 0.05 else 0
            out.append((step + late * (hours + 0.5), (meter, START + step * HOUR, value)))
    return [reading for _, reading in sorted(out, key=lambda pair: pair[0])]


def played(folder: Path, *, late: bool) -> Run:
    config = configured(folder, METERS, MORE, "Europe/Berlin")
    run = Run(folder / f"{late}.db", config)
    run.take(config_event(config))
    for entry in [*entries(readings(late=late)), end()]:
        run.take(entry)
    return run


def test_verdicts_are_the_same_however_late_their_hours_were(tmp_path: Path) -> None:
    found = []
    for late in (False, True):
        db = connect(played(tmp_path, late=late).close(), readonly=True)
        found.append(db.execute("SELECT * FROM balance").fetchall())
        db.close()
    assert sum(len(findings) > 1 for *_, findings in found[0]) > 20
    assert found[0] == found[1]


def test_hours_are_checked_again_that_rest_on_a_change(tmp_path: Path) -> None:
    """The 24 hours from it on, and as long as the day that it is in is the last one over."""
    run = played(tmp_path, late=False)
    balance = run.pipeline.ledgers[SITE].balance
    hours = [
        Figure(name, "J", "hour", at, at + HOUR, HOUR, *NONE, "ok", None, None, b"")
        for name, at in (("a", 10), ("u", 10), ("b", 60), ("e_dc", 3))
        for at in (START + at * HOUR,)
    ]
    balance.touch(FigureColumns.of([hours[-1], hours[0]._replace(period="cell")]))
    assert list(balance.due(balance.upto, START)) == []
    balance.touch(FigureColumns.of(hours))
    assert balance.begin == START + 10 * HOUR
    again = [(one.start - START) // HOUR for one in balance.due(balance.upto, START)]
    # days are over 24, 47, 71 and 95 hours after the first one has begun
    assert again == [*range(10, 47 - 1), *range(60, 95 - 1)]
    assert list(balance.due(balance.upto, START)) == []
    run.close()


def test_hours_in_which_a_meter_claims_more_are_checked_again(tmp_path: Path) -> None:
    """Those whose claims are still known: what is refused comes late, and no figure changes."""
    run = played(tmp_path, late=False)
    ledger = run.pipeline.ledgers[SITE]
    number = np.array([ledger.meters.index("a")] * 2)
    time = np.array([START + 20 * HOUR + 1, START + 80 * HOUR + 1])
    ledger.claim(Readings(number * 0, number, time, np.array([1e6, 1e6])))
    again = [(one.start - START) // HOUR for one in ledger.balance.due(ledger.balance.upto, START)]
    assert again == [*range(80, 96)]
    run.close()
