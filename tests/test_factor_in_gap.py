"""A register whose factor changes while it is silent: how much each holds for nobody knows."""

from pathlib import Path

import pytest

from greendc.calendars import rfc3339
from greendc.core.facility import HOUR
from tests import runs

BEGIN = runs.at(1_740_787_200)
HOURS = 20
GONE = range(8, 13)
REGISTER = "point: util, quantity: energy, unit: Wh, kind: register, nominal: 1h"
MORE = "cell: 1h\nlateness: 20min\nhorizon: 48h"


@pytest.mark.parametrize("minute", [0, 30])
def test_energy_is_missing_there_and_whole_elsewhere(tmp_path: Path, minute: int) -> None:
    """1 kW all the time, counted in quarters from a transformer's exchange in the gap on."""
    change = BEGIN + 10 * HOUR + minute * HOUR // 60
    factors = f"[{{value: 1}}, {{from: {rfc3339(change)}, value: 4}}]"
    config = runs.configured(tmp_path, [f"{{id: m, {REGISTER}, multiplier: {factors}}}"], MORE)
    log = [
        ("m", time, (min(time, change) - BEGIN + max(time - change, 0) / 4) * 1000 / HOUR)
        for time in (BEGIN + hour * HOUR for hour in range(HOURS))
        if not GONE.start < (time - BEGIN) // HOUR < GONE.stop
    ]
    entries = [*runs.entries(log, [4, 9, 10]), runs.end()]
    path = runs.played(tmp_path / "ledger", config, entries, commits=[1], kills=[2])
    found = runs.newest(path, "hour")
    values = [found["hour", "m", BEGIN + h * HOUR].value for h in range(HOURS - 1)]
    expected = [None if hour in GONE else 3.6e6 for hour in range(HOURS - 1)]
    assert [v and round(v, 3) for v in values] == expected
