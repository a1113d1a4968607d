"""What alerts compare figures with: from the site file, dated."""

from pathlib import Path

import pytest

from greendc.config.scalars import instant
from greendc.core.facility import EVER
from greendc.ports import GreendcError
from greendc.snapshots import Limits, Target
from tests.config.kit import FEED, loaded, site

SPRING = "2025-03-01T00:00:00Z"


def targets(folder: Path, text: str) -> dict[tuple[str, str], Target]:
    config = loaded(folder, site(FEED, more=f"targets: {text}"))
    return {(t.kpi, t.window): t for t in config.site_tags()[0].targets}


def near(found: tuple[float, float | None], target: float, recovery: float) -> bool:
    return found[0] == target and found[1] is not None and abs(found[1] - recovery) < 1e-12


def test_a_target_can_be_dated(tmp_path: Path) -> None:
    later = "2026-03-01T00:00:00Z"
    dated = f"[{{value: 1.6}}, {{from: {SPRING}, value: 1.5}}, {{from: {later}, value: 1.4}}]"
    found = targets(tmp_path, f"{{pue: {{1h: {dated}, 12mo: 1.3}}}}")
    hour, year = found["pue", "1h"], found["pue", "12mo"]
    assert near(hour.at(instant(SPRING) - 1), 1.6, 1.568)
    assert near(hour.at(instant(SPRING)), 1.5, 1.47)
    assert near(hour.at(EVER), 1.4, 1.372)
    assert near(year.at(-EVER), 1.3, 1.274)


def test_an_alert_always_ends_where_pue_can_get(tmp_path: Path) -> None:
    found = targets(tmp_path, "{pue: {1h: 1.02, 24h: 1.4}, recovery: 0.05}")
    assert near(found["pue", "1h"].at(0), 1.02, 1.01)
    assert near(found["pue", "24h"].at(0), 1.4, 1.33)


def test_coverage_has_targets_unless_they_are_taken_away(tmp_path: Path) -> None:
    assert targets(tmp_path, "{}").keys() == {("coverage", "1h"), ("coverage", "24h")}
    assert targets(tmp_path, "{coverage: {}}") == {}
    assert targets(tmp_path, "{coverage: {month: 0.9}}")["coverage", "month"].at(0) == (0.9, None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{pue: {1h: 0.9}}", "greater than or equal to 1"),
        ("{pue: {2h: 1.4}}", "targets.pue"),
        ("{coverage: {1h: 95}}", "less than or equal to 1"),
        ("{recovery: 1}", "less than 1"),
        ("{dcie: {1h: 0.9}}", "dcie"),
    ],
)
def test_what_can_be_no_target_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(GreendcError, match=told):
        targets(tmp_path, text)


def test_limits_of_the_daemon(tmp_path: Path) -> None:
    assert loaded(tmp_path, site(FEED)).limits() == Limits(900.0, 300.0, 0.95)
    given = "limits: {sink_lag: 1h, journal_lag: 30s, journal_fill: 0.8}\n"
    assert loaded(tmp_path, given + site(FEED)).limits() == Limits(3600.0, 30.0, 0.8)
