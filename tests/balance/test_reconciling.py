"""A register and its power may differ by 2 % in a day, and by no more (STANDARDS 6.1)."""

from pathlib import Path

import pytest

from greendc.calendars import parse_rfc3339
from greendc.core.facility import HOUR
from greendc.core.mistakes import MISMATCH
from greendc.findings import kind
from greendc.queries import Ledger
from tests import runs

BEGIN = parse_rfc3339("2025-03-29T23:00:00Z")  # a day of 23 hours in Berlin, and one of 24
METERS = (
    "{id: feed, point: pdu_out, quantity: energy, unit: Wh, kind: register, nominal: 1h, shape: p}",
    "{id: p, point: none, quantity: power, unit: W, kind: mean_prev, nominal: 1h}",
)


@pytest.mark.parametrize(
    ("percent", "told"),
    [(1.9, False), (2.0, False), (2.1, True), (-1.9, False), (-2.0, False), (-2.1, True)],
)
def test_over_two_percent_is_a_finding_with_its_sign(
    tmp_path: Path, percent: float, told: bool
) -> None:
    """1 kWh in each hour by the register."""
    config = runs.configured(tmp_path, METERS, "cell: 1h\ne_dc: bottom_up", "Europe/Berlin")
    log = [
        (name, BEGIN + hour * HOUR, value)
        for hour in range(50)
        for name, value in (("feed", 1000.0 * hour), ("p", 1000 + 10 * percent))
    ]
    path = runs.played(tmp_path / "ledger.db", config, [*runs.entries(log), runs.end()])
    with Ledger(path) as ledger:
        found = [one for one in ledger.findings(runs.SITE) if kind(one.told) == MISMATCH]
    assert bool(found) == told
    for one in found:
        (suspect,) = one.told.suspects
        assert suspect.meter == "p"
        assert suspect.gain == pytest.approx(1 / (1 + percent / 100))
