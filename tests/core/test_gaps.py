"""Months with too much that nobody measured, and whose doubt it is what was filled in."""

import math
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest

from greendc.calendars import parse_rfc3339
from greendc.config import Config
from greendc.core.facility import DAY, HOUR
from greendc.core.figure import Figure
from greendc.core.gaps import worst_share
from tests import runs
from tests.runs import Key

BEGIN = parse_rfc3339("2025-01-01T00:00:00Z")
MORE = "cell: 1h\nlateness: 10min\nhorizon: 30d\ne_dc: bottom_up"
LOSS = "derived: [{id: loss, point: loss_power, share: 0.1, of: it, uncertainty: 0.01}]"
FILL = ", fill: linear, fill_uncertainty: 20"
K = 2 / math.sqrt(3.0)
EVERY_15TH = range(8, 28 * 24, 15)  # 6.7 % of the time
EVERY_25TH = range(8, 28 * 24, 25)  # 4 %
A_DAY = range(12, 36)
LONGER = range(12, 37)
APART = [*range(11, 24), *range(49, 62)]  # 13 h of the first and of the third day
BESIDE = [*range(3, 16), *range(32, 45)]  # 13 h of the first and of the second day


def site(folder: Path, it: str = "", pump: str = "") -> Config:
    """IT, what is lost on the way to it, and a pump."""
    hourly = "unit: W, kind: mean_next, nominal: 1h, class: 1"
    meters = (
        f"{{id: it, point: pdu_out, {hourly}{it}}}",
        f"{{id: pump, point: cool_pump, {hourly}{pump}}}",
    )
    return runs.configured(folder, meters, f"{MORE}\n{LOSS}")


def played(
    folder: Path, config: Config, gone: Collection[int], *, of: str = "it", hours: int = 31 * 24
) -> dict[Key, Figure]:
    """100 W of IT and 20 W of the pump, without some hours of one of them."""
    watts = {"it": 100.0, "pump": 20.0}
    log = [(n, BEGIN + h * HOUR, w) for h in range(hours + 3) for n, w in watts.items()]
    lost = {(of, BEGIN + h * HOUR) for h in gone}
    log = [reading for reading in log if reading[:2] not in lost]
    path = runs.played(folder / "ledger", config, runs.entries(log))
    return runs.newest(path, "hour", "day", "month", "year", "12mo")


def told(figure: Figure) -> tuple[float, str, str | None]:
    return round(figure.coverage, 2), figure.status, figure.reason


@pytest.mark.parametrize(
    ("gone", "fill", "coverage", "month"),
    [
        ((), "", 1.0, ("estimated", "declared_share")),
        ((), FILL, 1.0, ("estimated", "declared_share")),
        (EVERY_15TH, FILL, 1.0, ("partial", "gaps")),
        (EVERY_25TH, FILL, 1.0, ("estimated", "filled")),
        (EVERY_15TH, "", 0.94, ("partial", "coverage")),
        (EVERY_25TH, "", 0.96, ("estimated", "declared_share")),
        (A_DAY, "", 0.97, ("estimated", "declared_share")),
        (LONGER, "", 0.97, ("partial", "gaps")),
        (APART, "", 0.97, ("estimated", "declared_share")),
        (BESIDE, "", 0.97, ("partial", "gaps")),
    ],
)
def test_a_month_with_too_much_that_is_missing_or_filled_in(
    gone: Collection[int], fill: str, coverage: float, month: tuple[str, str], tmp_path: Path
) -> None:
    rows = played(tmp_path, site(tmp_path, it=fill), gone)
    assert told(rows["month", "ipue", BEGIN]) == (coverage, *month)
    assert told(rows["month", "loss", BEGIN]) == (coverage, *month)
    own = rows["month", "it", BEGIN]
    wanted = ("ok", None) if month[1] == "declared_share" else month
    assert told(own) == (coverage, *wanted)
    assert rows["month", "pump", BEGIN].status == "ok"


def test_what_is_filled_is_told_from_what_is_declared(tmp_path: Path) -> None:
    """The pump's gap is none of the losses', which are a declared share of IT."""
    rows = played(tmp_path, site(tmp_path, pump=FILL), EVERY_15TH, of="pump")
    hour = BEGIN + EVERY_15TH[0] * HOUR
    assert told(rows["hour", "ppue_power", hour]) == (1.0, "estimated", "declared_share")
    assert told(rows["hour", "ipue", hour]) == (1.0, "estimated", "filled")
    assert told(rows["hour", "ipue", hour + HOUR]) == (1.0, "estimated", "declared_share")
    assert told(rows["month", "ppue_power", BEGIN]) == (1.0, "estimated", "declared_share")
    assert told(rows["month", "pump", BEGIN]) == (1.0, "partial", "gaps")
    # of E_DC, 130 W, 20 x 6.7 % are filled in: 1 %
    assert told(rows["month", "ipue", BEGIN]) == (1.0, "estimated", "filled")


def test_a_declared_share_of_what_is_filled_is_in_doubt_with_it(tmp_path: Path) -> None:
    """IT of 100 Wh is filled by 20 %; the errors of IT cancel in PUE but for the pump's share."""
    rows = played(tmp_path, site(tmp_path, it=FILL, pump=FILL), [30])
    day = rows["day", "ipue", BEGIN + DAY]
    assert day.value == pytest.approx(1.3)
    assert day.uncertainty == pytest.approx(
        K * math.hypot(0.2 * 0.01, 0.2 * 0.2 / 24, 0.2 * 0.01, 0.01)
    )
    loss = rows["day", "loss", BEGIN + DAY]
    assert loss.uncertainty == pytest.approx(K * 240 * 3600 * math.hypot(0.01, 0.2 / 24, 0.1))
    own = rows["day", "it", BEGIN + DAY]
    assert own.uncertainty == pytest.approx(K * 2400 * 3600 * math.hypot(0.01, 0.2 / 24))


def test_without_a_stated_limit_one_percent_may_be_filled(tmp_path: Path) -> None:
    config = site(tmp_path, pump=", fill: linear")
    rows = played(tmp_path, config, [30], of="pump")
    day, hour = rows["day", "ipue", BEGIN + DAY], rows["hour", "ipue", BEGIN + 30 * HOUR]
    # 20 of 130 W for one of 24 hours are 0.6 % of E_DC
    assert day.doubt is None
    assert day.uncertainty == pytest.approx(K * math.hypot(0.2 * 0.01, 0.2 * 0.01, 0.01))
    assert (hour.uncertainty, hour.doubt) == (None, "no_accuracy")
    pump = rows["day", "pump", BEGIN + DAY]
    assert (pump.uncertainty, pump.doubt) == (None, "no_accuracy")  # 4 % of its own


@pytest.mark.parametrize(("gone", "fill"), [(LONGER, ""), (EVERY_15TH, FILL)])
def test_a_year_with_such_a_month_is_no_pue(
    gone: Collection[int], fill: str, tmp_path: Path
) -> None:
    rows = played(tmp_path, site(tmp_path, it=fill), gone, hours=396 * 24)
    for period in ("year", "12mo"):
        assert rows[period, "pue", BEGIN].reason == "coverage"
        assert rows[period, "ipue", BEGIN].value == pytest.approx(1.3)
    # without the first month: from the second of February on
    whole = rows["12mo", "pue", BEGIN + 31 * DAY]
    assert whole.value == pytest.approx(1.3)


def test_the_share_is_that_of_the_most_affected_term() -> None:
    """Of 10 J 1 J, of -4 J 2 J; of nothing something; of nothing nothing; of 2 J more than that."""
    amounts, estimated = [[10, -4], [0, 8], [0, 0], [2, 2]], [[1, 2], [3, 2], [0, 0], [3, 0]]
    terms = np.stack([amounts, estimated, np.zeros((4, 2))], axis=2)
    assert worst_share(terms, 1).tolist() == [0.5, 1, 0, 1]
    assert worst_share(terms, 2).tolist() == [0, 0, 0, 0]
    assert worst_share(terms[:, :, [0, 2, 1]], 2).tolist() == [0.5, 1, 0, 1]
