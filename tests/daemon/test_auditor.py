"""The daemon's own audit: at the start, every day, and heard of where it fails."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from greendc.app import audited
from greendc.audit import Audit
from greendc.config import Config, load
from greendc.daemon.auditor import Auditor
from greendc.daemon.data import Data
from greendc.daemon.errands import Errands
from greendc.daemon.status import as_text
from greendc.ports import GreendcError
from greendc.queries import Ledger
from greendc.series import AUDITED, BALANCED, LOST, Series
from greendc.sinks.prometheus.daemon import daemon
from greendc.sinks.prometheus.families import Families
from greendc.snapshots import Accounts
from greendc.watch.watch import NOTHING_YET
from greendc.web.state import told
from tests.faults.plant import SITE

PATIENCE = 20.0


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "plant.yaml"
    path.write_text(f"data: data\n{SITE}")
    return load(path)


@pytest.fixture
def data(config: Config) -> Iterator[Data]:
    with ExitStack() as stack:
        opened = Data(config, config.data, stack)
        opened.worker.commit()
        yield opened


def verdict(data: Data, audit: Callable[[], Audit], *, times: int = 1) -> Accounts:
    """What the auditor shows after so many audits."""
    done: list[int] = []

    def counted(whole: bool) -> Audit:
        assert whole == bool(done)  # all that the files hold is read a day later
        done.append(1)
        return audit()

    errands = Errands()
    auditor = Auditor(data, errands, counted, every=0.01)
    auditor.start()
    deadline = time.monotonic() + PATIENCE
    while len(done) < times or auditor.found is None:
        errands.do()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    auditor.stop()
    return auditor.found


def values(out: Families, series: Series) -> dict[tuple[str, ...], float]:
    found = out.samples[series.name]
    return dict(zip(found.labels, found.values, strict=True))


def test_it_audits_at_the_start_and_again(data: Data, config: Config) -> None:
    found = verdict(data, lambda: audited(config), times=3)
    assert found.failed == []
    assert ("sink", "jsonl") in [(one.name, one.about) for one in found.accounts]


def test_a_failure_is_an_event_a_log_a_metric_and_on_the_page(
    data: Data, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    data.store.begin()
    data.store.count("plant", {"readings": 2})
    data.worker.commit()
    with caplog.at_level(logging.ERROR):
        found = verdict(data, lambda: replace(audited(config), lost=(4, 0)))
    assert "do not add up: fields, readings plant" in caplog.text
    with Ledger(config.data / "ledger.db") as ledger:
        told_of = [body for _, kind, body in ledger.events() if kind == "audit"]
    assert told_of[0] == {"failed": ["fields", "readings plant"]}
    health = replace(NOTHING_YET, at=5, accounts=found)
    out = Families()
    daemon(out, data.watch.board.current, health)
    samples = values(out, BALANCED)
    assert (samples["readings", "plant"], samples["journal", ""]) == (0, 1)
    assert values(out, LOST) == {("0",): 4, ("1",): 0}
    assert AUDITED.name in out.samples
    accounts = told(health, "plant")["accounts"]
    assert accounts["failed"] == ["fields", "readings plant"]
    assert accounts["lost"] == {"qos_0": 4, "qos_1": 0}
    text = as_text(health)
    assert "accounts do not add up: fields, readings plant" in text
    assert "; 4 messages of QoS 0 lost" in text


def test_before_an_audit_nothing_is_said_of_one(data: Data) -> None:
    out = Families()
    daemon(out, data.watch.board.current, replace(NOTHING_YET, at=5))
    assert BALANCED.name not in out.samples
    assert told(NOTHING_YET, "plant")["accounts"] is None


def test_an_audit_that_cannot_be_made_is_tried_again(
    data: Data, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    tries = iter([GreendcError("the file is away")])

    def audit() -> Audit:
        for error in tries:
            raise error
        return audited(config)

    assert verdict(data, audit, times=2).failed == []
    assert "cannot be audited: the file is away" in caplog.text
