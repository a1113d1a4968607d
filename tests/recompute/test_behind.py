"""A journal that has let go of its first entries is recomputed from as from a whole one."""

import os
import shutil
import signal
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from greendc import app, faults
from greendc.calendars import rfc3339
from greendc.config import Config, load
from greendc.core.facility import DAY, HOUR
from greendc.core.figure import Figure
from greendc.daemon.data import Data
from greendc.files import JOURNAL, LEDGER
from greendc.journal import Journal
from greendc.ports import GreendcError, RawBatch
from greendc.queries import Ledger
from greendc.recompute.behind import beginning
from greendc.recompute.journal import JournalPast
from greendc.recompute.preparing import Preparation
from greendc.store import PERIODS, connect, read_checkpoints
from tests import runs
from tests.recompute.kit import BEGIN

DAYS = 9
LATER = 5  # batches that come after the recompute
GONE = 0.5  # days that the journal has let go of
HOURLY = "nominal: 1h, class: 1"
METERS = {
    "it": f"point: pdu_out, unit: W, kind: mean_next, {HOURLY}",
    "pump": f"point: cool_pump, unit: W, kind: instant, range: [0, 9000], {HOURLY}",
    "fan": f"point: cool_pump, unit: W, kind: mean_prev, frozen_after: 4h, {HOURLY}",
    "heat": "quantity: energy, point: aux_other, unit: kWh, kind: register, nominal: 1h",
}
FILLED = {**METERS, "it": f"{METERS['it']}, fill: profile, fill_uncertainty: 10"}
MORE = """
cell: 1h
e_dc: bottom_up
lateness: 40min
horizon: 6h
derived: [{{id: loss, point: loss_power, share: {share}, of: it}}]
"""
STILL = """
  - id: still
    zone: UTC
    rated_it_w: 1000
    cell: 1h
    horizon: 6h
    topics: [{topic: 'still/{meter}', codec: json, value: v, time_at: t}]
    meters: [{id: lamp, point: aux_other, unit: W, kind: instant, nominal: 1h}]
"""
HEARD = 36  # hours of the site that is still


def site(folder: Path, meters: dict[str, str] = METERS, share: str = "0.1") -> Config:
    folder.mkdir(exist_ok=True)
    listed = [f"{{id: {name}, {rules}}}" for name, rules in meters.items()]
    runs.configured(folder, listed, MORE.format(share=share))
    file = folder / "site.yaml"
    file.write_text(f"{file.read_text()}{STILL}")
    return load(file)


def dated(hours: float, old: object, new: object) -> str:
    at = rfc3339(BEGIN + int(hours * HOUR))
    return f"[{{value: {old}}}, {{from: {at}, value: {new}}}]"


def times_ten(name: str, hours: float, meters: dict[str, str] = METERS) -> dict[str, str]:
    return {**meters, name: f"{meters[name]}, multiplier: {dated(hours, 1, 10)}"}


def traffic(days: int = DAYS) -> list[RawBatch]:
    """Some days of all meters, by six hours; each night and each noon something is amiss.

    At 20:00 a reading is delayed by nine hours and the register falls silent for seven, the fan
    shows the same all night, at 05:00 the pump shows nonsense, and from 11:00 IT misses three. The
    other site falls silent on the second day; what it has still to say of before comes at last.
    Of long before there are two mornings, which months, windows and years have in them.
    """
    found: list[tuple[int, runs.Reading]] = []
    for number in range(days * 24):
        hour, time = number % 24, BEGIN + number * HOUR
        if hour not in {11, 12, 13}:
            found.append((time, ("it", time, 1000.0 + number % 17)))
        late = 9 * HOUR if hour == 20 else 5 * HOUR if hour == 23 else 0
        found.append((time + late, ("pump", time, 99999.0 if hour == 5 else 300.0 + number % 5)))
        found.append((time, ("fan", time, 50.0 if hour < 8 else 50.0 + number % 11)))
        if 3 <= hour < 20:
            found.append((time, ("heat", time, 5.0 + 0.1 * number)))
    for number in range(12):
        time = BEGIN - (40 if number < 6 else 12) * DAY + number * HOUR
        found.append((time, ("it", time, 900.0 + number)))
    for number in range(HEARD):
        time, last = BEGIN + number * HOUR, BEGIN + days * DAY
        late = number == HEARD - 8
        value = 40.0 if late else 20.0 + number % 3
        found.append((last if late else time, ("lamp", time, value)))
    found.sort(key=lambda one: one[0])
    out = []
    for begin in range(BEGIN - 40 * DAY, BEGIN + (days + 1) * DAY, 6 * HOUR):
        mine = [one for one in found if begin <= one[0] < begin + 6 * HOUR]
        if mine:
            whole = runs.batch([reading for _, reading in mine])
            topics = [topic.replace("m/lamp", "still/lamp") for topic in whole.topics]
            arrivals = [arrival for arrival, _ in mine]
            out.append(replace(whole, arrivals=arrivals, topics=topics))
    return out


def heard(folder: Path, batches: list[RawBatch], *, ended: bool = False) -> Path:
    config = load(folder / "site.yaml")
    with ExitStack() as stack:
        data = Data(config, config.data, stack)
        for batch in batches:
            data.worker.take([batch])
            data.worker.commit()
        if ended:
            data.worker.take([runs.end()])
            data.worker.commit()
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of some days, and a journal that has all of them."""
    folder = tmp_path_factory.mktemp("behind") / "whole"
    site(folder)
    return heard(folder, traffic()[:-LATER])


@pytest.fixture(scope="module")
def begin(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    """From which hour on it can be recomputed once some days are gone."""
    found = until(copied(whole, tmp_path_factory.mktemp("begin") / "trimmed", GONE))
    assert 24 < found < (DAYS - 4) * 24
    return found


@pytest.fixture(scope="module")
def anew(whole: Path, begin: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole site recomputed."""
    folder = copied(whole, tmp_path_factory.mktemp("anew") / "whole")
    recomputed(folder, lambda at: otherwise(at, begin))
    return folder


@pytest.fixture(scope="module")
def trimmed(whole: Path, begin: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of what the journal has kept."""
    folder = copied(whole, tmp_path_factory.mktemp("anew") / "trimmed", GONE)
    recomputed(folder, lambda at: otherwise(at, begin))
    return folder


def copied(source: Path, target: Path, days: float = 0) -> Path:
    """The folder of a site, whose journal has let go of days."""
    shutil.copytree(source, target)
    if days:
        let_go(target, days)
    return target


def let_go(folder: Path, days: float) -> None:
    config = load(folder / "site.yaml")
    with ExitStack() as stack:
        data = Data(config, config.data, stack)
        found = data.journal.read(2)
        since = BEGIN + int(days * DAY)
        later = (n for n, e in found if isinstance(e, RawBatch) and e.arrivals[0] >= since)
        data.worker.prune(next(later))
        data.worker.commit()


def recomputed(folder: Path, wanted: Callable[[Path], Config]) -> str:
    """Have it done by another configuration."""
    config = wanted(folder)
    with ExitStack() as stack:
        prepared = Preparation(config, config.data, stack)
        assert list(prepared.differences())
        return app.recompute(config, prepared)


def same(one: Path, other: Path) -> None:
    """The newest figures, and what single readings were taken for; what was counted adds up."""
    ledgers = [folder / "data" / LEDGER for folder in (one, other)]
    assert runs.newest(ledgers[0]) == runs.newest(ledgers[1])
    assert lamp(ledgers[0]) == lamp(ledgers[1])
    assert runs.judged(ledgers[0]) == runs.judged(ledgers[1])
    for folder in (one, other):
        assert app.audited(load(folder / "site.yaml")).failed == []


def lamp(ledger: Path) -> list[Figure]:
    """Figures of the site that is still."""
    with Ledger(ledger) as held:
        every = [f for period in PERIODS for f in held.figures("still", period)]
    return [figure._replace(revision=0, config=0) for figure in every]


def until(folder: Path) -> int:
    """The time from which on a folder can be recomputed, in hours since the beginning."""
    with closing(Journal(folder / "data" / JOURNAL)) as journal:
        found = beginning(folder / "data" / LEDGER, JournalPast(journal.read))
    assert found is not None
    return -(-(found.begin_at.heads["s"].until - BEGIN) // HOUR)


def night(hours: int) -> int:
    """The next hour of a night, while the register is silent and the fan frozen."""
    return hours + (23 - hours) % 24


def otherwise(folder: Path, begin: int, more: dict[str, str] | None = None) -> Config:
    """Other factors of a power from the first hour that there is, of others in the night."""
    known = times_ten("it", begin)
    known = times_ten("heat", night(begin), times_ten("fan", night(begin) + 3, known))
    return site(folder, {**known, **(more or {})}, share=dated(begin + 7, 0.1, 0.3))


def test_as_from_a_whole_journal(anew: Path, trimmed: Path, tmp_path: Path) -> None:
    same(trimmed, anew)
    folders = copied(trimmed, tmp_path / "trimmed"), copied(anew, tmp_path / "anew")
    before = lamp(trimmed / "data" / LEDGER)
    same(*[heard(folder, traffic()[-LATER:], ended=True) for folder in folders])
    after = {(f.period, f.quantity, f.start): f for f in lamp(folders[0] / "data" / LEDGER)}
    assert any(after[f.period, f.quantity, f.start].value != f.value for f in before)


def test_one_after_the_other(anew: Path, trimmed: Path, begin: int, tmp_path: Path) -> None:
    """The second begins at a checkpoint that the first has made anew, of a whole journal or not."""
    folders = [copied(trimmed, tmp_path / "a"), copied(anew, tmp_path / "b")]
    for folder in folders:
        let_go(folder, 2.5)
    later = [until(folder) for folder in folders]
    assert min(later) > night(begin) + 3
    folders.append(copied(anew, tmp_path / "c"))
    pump = times_ten("pump", max(later))["pump"]
    for folder in folders:
        recomputed(folder, lambda at: otherwise(at, begin, {"pump": pump}))
    same(folders[0], folders[2])
    same(folders[1], folders[2])


def test_days_that_lack_something_are_filled_as_from_a_whole_journal(tmp_path: Path) -> None:
    site(tmp_path / "whole", FILLED)
    batches = traffic(11)
    other = heard(tmp_path / "whole", batches[:-LATER])
    folder = copied(other, tmp_path / "trimmed", GONE)
    begin = until(folder)
    for one in (folder, other):
        recomputed(one, lambda at: site(at, times_ten("it", begin, FILLED)))
        heard(one, batches[-LATER:])
    same(folder, other)
    hours = runs.newest(folder / "data" / LEDGER, "hour").values()
    assert any(f.estimated and f.start >= BEGIN + begin * HOUR for f in hours)


@pytest.mark.parametrize("point", faults.RECOMPUTE_POINTS[:2])
def test_killed_it_happens_once(
    point: str, whole: Path, anew: Path, trimmed: Path, begin: int, tmp_path: Path
) -> None:
    folder = copied(whole, tmp_path / "trimmed", GONE)
    child = os.fork()
    if not child:
        try:
            os.environ[faults.VARIABLE] = point
            recomputed(folder, lambda at: otherwise(at, begin))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    same(heard(folder, []), anew)
    ledgers = [one / "data" / LEDGER for one in (folder, trimmed)]
    found = [[f._replace(config=0) for f in runs.revisions(ledger)] for ledger in ledgers]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (lambda at, hour: site(at, times_ten("it", hour)), r"it\].multiplier: .* is {}"),
        (lambda at, hour: site(at, share=dated(hour, 0.1, 0.3)), r"loss\].share: .* is {}"),
        (
            lambda at, _: site(at, {**METERS, "it": METERS["it"].replace("mean_next", "instant")}),
            r"it\].kind: has no date, so that it changes everything",
        ),
    ],
)
def test_what_reaches_further_back_is_refused(
    wanted: Callable[[Path, int], Config], told: str, whole: Path, begin: int, tmp_path: Path
) -> None:
    folder = copied(whole, tmp_path / "trimmed", GONE)
    earliest = rfc3339(BEGIN + begin * HOUR)
    gone = rf"let go of what arrived before 2025-03-01T12:00:00Z(?s:.*){told.format(earliest)}"
    with pytest.raises(GreendcError, match=rf"{gone}(?s:.*)greendc export --journal"):
        recomputed(folder, lambda at: wanted(at, begin - 1))


def test_checkpoints_go_with_the_entries_that_they_need(whole: Path, tmp_path: Path) -> None:
    folder = copied(whole, tmp_path / "trimmed")
    before = checkpoints(folder)
    assert DAYS - 2 <= len(before) <= DAYS + 1
    let_go(folder, 5)
    with closing(Journal(folder / "data" / JOURNAL)) as journal:
        left = [number for number in before if number >= journal.first - 1]
    assert len(left) < len(before)
    assert checkpoints(folder)[:-1] == left  # and one of the start in between


def checkpoints(folder: Path) -> list[int]:
    with closing(connect(folder / "data" / LEDGER, readonly=True)) as db:
        return [one.done_to for one in read_checkpoints(db)]
