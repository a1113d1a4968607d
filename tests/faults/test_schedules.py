"""Whatever happens to daemon, broker and store, the ledger is the one of a day without faults."""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from greendc.daemon.worker import Worker
from greendc.journal import Redelivery
from greendc.pipeline import Pipeline
from greendc.ports import LedgerReader
from greendc.sinks import Passed, Runner, runner
from greendc.sinks.confirming import Confirming
from greendc.store import Store
from tests.audit.kit import Life, Message
from tests.contract.targets import Influx1Target
from tests.faults.schedules import (
    SCHEDULES,
    STORE,
    Course,
    Deed,
    Shop,
    assert_as_undisturbed,
    configured,
    traffic,
)
from tests.servers.proxy import Proxy

SITES = (f"s{number}" for number in count())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    target = Influx1Target(tmp_path_factory.mktemp("influx"))
    target.start()
    try:
        with Proxy(target.url) as proxy:
            yield Shop(target, proxy)
    finally:
        target.stop()


def went(shop: Shop, sent: Sequence[Message], schedule: Sequence[Deed]) -> None:
    """A course through a schedule, and its end as it has to be."""
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patched:
        shop.be("well")
        minutes = count(step=60.0)  # no doubt is waited for: each look at the clock is one later
        patched.setattr(runner, "Confirming", lambda sink, _: Confirming(sink, minutes.__next__))
        config = configured(Path(name), shop, next(SITES))
        with Life(config, patched) as life:
            course = Course(life, shop, sent)
            course.run(schedule)
            assert_as_undisturbed(config, course, Path(name))


@pytest.mark.timeout(300)
@given(schedule=SCHEDULES, chance=st.randoms(use_true_random=True))
@settings(max_examples=30, phases=[Phase.generate])  # a minute to shrink a failure is in vain
def test_any_schedule_gives_the_ledger_of_no_faults(
    shop: Shop, schedule: list[Deed], chance: random.Random
) -> None:
    went(shop, traffic(chance), schedule)


# -- the same without one of the rules ------------------------------------------------------------

Original = Callable[..., Any]
DEEDS = (
    Deed(47, "store", "silent", nth=2),
    Deed(20, "connection: cut", came=6, heard=2),
    Deed(13, "daemon: SIGKILL", "before_journal_commit"),
    Deed(13, "daemon: SIGKILL", "after_journal_commit"),
    Deed(13, "broker: SIGSTOP"),
    Deed(13, "daemon: SIGKILL", "at once"),
    Deed(13, "broker: SIGCONT", heard=3),
    Deed(20, "store", "busy"),
    Deed(7, "daemon: SIGKILL", "in_store_transaction"),
    Deed(13, "daemon: SIGTERM", came=5),
    Deed(13, "broker: SIGTERM", came=3, heard=3),
)


def acknowledged_first(receive: Original) -> Original:
    def received(self: Worker, entries: Any, acknowledge: Any = None, *more: Any) -> None:
        if acknowledge is not None:
            acknowledge()
        receive(self, entries, lambda: None, *more)

    return received


def all_is_new(_: Original) -> Original:
    return lambda _self, batch: (batch, [])


def passed_first(_: Original) -> Original:
    def handed(self: Runner, ledger: LedgerReader) -> bool:
        rows = list(ledger.rows_after(self._progress.position, self._limit))
        if rows:
            self._confirmed = rows[-1].id
            self.passed.put(Passed(self._confirmed, written=len(rows)))
            self._well(self._confirmed, len(rows))
            self.sink.write(rows, ledger)
        return bool(rows)

    return handed


def nothing_again(resume: Original) -> Original:
    return lambda self, _entries, done_to: resume(self, (), done_to)


def at_once(_: Original) -> Original:
    return lambda _self: None


BROKEN: dict[str, tuple[type, str, Callable[[Original], Original]]] = {
    "acknowledged after the journal's commit": (Worker, "receive", acknowledged_first),
    "what comes again is told from what is new": (Redelivery, "split", all_is_new),
    "a cursor moves after the write": (Runner, "_batch", passed_first),
    "a start reads again what open cells need": (Pipeline, "resume", nothing_again),
    "figures, state and position are one transaction": (Store, "begin", at_once),
}


def test_a_course_through_all_deeds(shop: Shop) -> None:
    stores = [Deed(13, "store", state) for state in STORE]
    went(shop, traffic(random.Random(3)), [*stores, *DEEDS])


@pytest.mark.parametrize("rule", BROKEN)
def test_without_a_rule_it_ends_otherwise(
    shop: Shop, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, method, change = BROKEN[rule]
    monkeypatch.setattr(owner, method, change(getattr(owner, method)))
    with pytest.raises(AssertionError):
        went(shop, traffic(random.Random(3)), DEEDS)
