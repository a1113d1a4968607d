"""Sums over a whole ledger."""

from pathlib import Path

import pytest

from greendc.calendars import parse_rfc3339
from greendc.core.facility import HOUR
from greendc.queries import Ledger, whole_log
from tests import runs

HOURLY_IT = "{id: it, point: pdu_out, unit: W, kind: mean_next, nominal: 1h}"
LOSS = "derived: [{id: loss, point: loss_power, share: 0.1, of: it, uncertainty: 0.01}]"


def test_cells_too_short_to_be_published_count_in_the_whole_log(tmp_path: Path) -> None:
    """An hourly mean in Kolkata is cut at the half hour: no cell of it is published alone."""
    factor = "emissions: {location: {factor: 400, year: 2024, source: x}}"
    more = f"cell: 30min\nlateness: 10min\ne_dc: bottom_up\n{LOSS}\n{factor}"
    used = runs.configured(tmp_path, [HOURLY_IT], more, "Asia/Kolkata")
    begin = parse_rfc3339("2025-03-01T00:00:00Z")
    log = [("it", begin + h * HOUR, 100.0 + h) for h in range(24)]
    path = runs.played(tmp_path / "ledger", used, [*runs.entries(log), runs.end()])
    cells = [f for key, f in runs.newest(path, "cell").items() if key[1] == "it"]
    assert {(f.value, f.reason) for f in cells} == {(None, "resolution")}
    (site,) = used.plan().sites
    with Ledger(path) as ledger:
        whole = whole_log(ledger, site)
    kwh = sum(100.0 + h for h in range(24)) / 1000
    assert whole.value("it") == pytest.approx(kwh)
    assert whole.value("e_dc") == pytest.approx(1.1 * kwh)
    assert whole.value("co2e_location") == pytest.approx(1.1 * kwh * 0.4)
    assert whole.value("ipue") == pytest.approx(1.1)
