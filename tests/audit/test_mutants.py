"""Whatever is lost in silence, anywhere between the broker and a sink, the audit says so."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from greendc.config import Config, load
from greendc.core.readings import Readings
from greendc.core.site import SiteBook
from greendc.core.words import WordArray
from greendc.daemon.worker import Worker
from greendc.journal import Journal
from greendc.ports import Columns, Entry, RawBatch
from greendc.profiles import Decoder
from greendc.sinks.runner import Runner
from greendc.store import Store, StoredLedger
from greendc.store.judgements import Judgements
from tests.audit.kit import Life, failed
from tests.audit.test_balance import BEGIN, FIRST, SITE, STEP, reading

STEPS = 90


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "site.yaml"
    path.write_text(f"data: {tmp_path / 'data'}\n{SITE}")
    return load(path)


def lived(life: Life) -> None:
    """Every meter each step, with a restart and sinks in between."""
    chance = random.Random(5)
    for step in range(FIRST, FIRST + STEPS):
        life.at = BEGIN + step * STEP
        late = step - chance.choice((0, 0, 0, 12, 30))
        life.publish([reading(name, step, 1, chance) for name in ("it", "fan", "feed")])
        life.publish([reading("pump", late, 1, chance), reading("room", step, 0, chance)])
        life.publish([("m/fan", b"{}", 1)])
        life.receive()
        if step % 30 == 20:
            life.stop()
            life.sink()


def found(config: Config, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    with Life(config, monkeypatch) as life:
        lived(life)
        return list(failed(life.audit()))


def test_without_a_mutation_all_adds_up(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(config, monkeypatch) == []


class Once:
    """True the n-th time that there is something to lose."""

    def __init__(self, number: int = 10) -> None:
        self.left = number

    def __call__(self, count: int) -> bool:
        self.left -= count > 0
        return count > 0 and self.left == 0


Original = Callable[..., Any]
Mutant = Callable[[Original, Once], Callable[..., Any]]


def shorter(batch: RawBatch) -> RawBatch:
    return batch.between(0, len(batch) - 1)


def a_message_before_the_worker(original: Original, once: Once) -> Callable[..., Any]:
    def take(self: Worker, entries: Sequence[Entry], *more: Any, **named: Any) -> None:
        cut = [shorter(e) if isinstance(e, RawBatch) and once(len(e)) else e for e in entries]
        original(self, cut, *more, **named)

    return take


def a_message_in_the_worker(original: Original, once: Once) -> Callable[..., Any]:
    def bound(self: Worker, batch: RawBatch, aside: Any) -> RawBatch:
        kept: RawBatch = original(self, batch, aside)
        return shorter(kept) if once(len(kept)) else kept

    return bound


def a_message_in_the_journal(original: Original, once: Once) -> Callable[..., Any]:
    def numbered(self: Journal, entries: Sequence[Entry]) -> Any:
        cut = [shorter(e) if isinstance(e, RawBatch) and once(len(e)) else e for e in entries]
        return original(self, cut)

    return numbered


def without_last(columns: Columns) -> Columns:
    return replace(
        columns,
        row=columns.row[:-1],
        meter=columns.meter[:-1],
        time=columns.time[:-1],
        value=columns.value[:-1],
    )


def a_reading_in_the_decoder(original: Original, once: Once) -> Callable[..., Any]:
    def decode(self: Decoder, batch: RawBatch) -> Columns:
        columns: Columns = original(self, batch)
        return without_last(columns) if once(len(columns.row)) else columns

    return decode


def a_reading_that_waits(original: Original, once: Once) -> Callable[..., Any]:
    def wait(self: SiteBook, readings: Readings, begin: int, end: int) -> None:
        original(self, readings, begin, end - once(end - begin))

    return wait


def a_reading_that_is_known(original: Original, once: Once) -> Callable[..., Any]:
    def known(self: SiteBook, *more: Any) -> Readings:
        fresh: Readings = original(self, *more)
        return fresh.between(0, len(fresh) - 1) if once(len(fresh)) else fresh

    return known


def a_reading_that_is_held(original: Original, once: Once) -> Callable[..., Any]:
    def take_in(self: SiteBook, *more: Any) -> Any:
        result = original(self, *more)
        if once(len(self.hot) > 8):
            self.hot = self.hot.where(np.arange(len(self.hot)) != 3)
        return result

    return take_in


def a_reading_that_is_archived(original: Original, once: Once) -> Callable[..., Any]:
    def evicted(self: SiteBook) -> tuple[Readings, WordArray]:
        gone, words = original(self)
        kept = len(gone) - once(len(gone))
        return gone.between(0, kept), words[:kept]

    return evicted


def a_reading_at_a_start(original: Original, once: Once) -> Callable[..., Any]:
    once.left = 1

    def refill(self: SiteBook, readings: Readings) -> None:
        original(self, readings.between(0, len(readings) - once(len(readings))))

    return refill


def a_figure_of_a_sink(original: Original, once: Once) -> Callable[..., Any]:
    once.left = 1

    def rows_after(self: StoredLedger, position: int, limit: int) -> Iterator[Any]:
        rows = list(original(self, position, limit))
        return iter(rows[1:] if once(len(rows)) else rows)

    return rows_after


def a_row_that_a_sink_leaves_out(original: Original, once: Once) -> Callable[..., Any]:
    once.left = 1

    def written(self: Runner, rows: Any, wanted: Any, refused: int = 0) -> None:
        original(self, rows[1:] if once(len(rows)) else rows, wanted, refused)

    return written


def rows_of_the_ledger(original: Original, once: Once) -> Callable[..., Any]:
    once.left = 2

    def put(self: Store, *figures: Any) -> Any:
        changes = original(self, *figures)
        if once(len(changes.figures)):
            self._db.execute(
                "DELETE FROM block WHERE id = (SELECT id FROM block ORDER BY id DESC LIMIT 1, 1)"
            )
        return changes

    return put


def a_refusal_of_a_meter(original: Original, once: Once) -> Callable[..., Any]:
    def add(self: Judgements, site: str, found: dict[Any, Any]) -> Any:
        return original(self, site, {} if once(len(found)) else found)

    return add


MUTANTS: dict[str, tuple[type, str, Mutant, str]] = {
    "before the worker": (Worker, "take", a_message_before_the_worker, "broker"),
    "in the worker": (Worker, "_bound", a_message_in_the_worker, "broker"),
    "in the journal": (Journal, "_numbered", a_message_in_the_journal, "journal"),
    "in the decoder": (Decoder, "decode", a_reading_in_the_decoder, "fields"),
    "by meter": (Judgements, "add", a_refusal_of_a_meter, "meters"),
    "waiting": (SiteBook, "_wait", a_reading_that_waits, "readings s"),
    "known": (SiteBook, "_known", a_reading_that_is_known, "readings s"),
    "held": (SiteBook, "_take_in", a_reading_that_is_held, "readings s"),
    "archived": (SiteBook, "_evicted", a_reading_that_is_archived, "readings s"),
    "at a start": (SiteBook, "refill", a_reading_at_a_start, "readings s"),
    "before a sink": (StoredLedger, "rows_after", a_figure_of_a_sink, "sink"),
    "in a sink": (Runner, "_written", a_row_that_a_sink_leaves_out, "sink"),
    "of the ledger": (Store, "put", rows_of_the_ledger, "ledger file"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_what_is_lost_in_silence_is_found(
    config: Config, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    owner, method, mutant, account = MUTANTS[name]
    once = Once()
    monkeypatch.setattr(owner, method, mutant(getattr(owner, method), once))
    told = found(config, monkeypatch)
    assert once.left <= 0, "nothing was lost"
    assert any(line.startswith(account) for line in told), told
