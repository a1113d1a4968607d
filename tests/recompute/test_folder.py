"""Recomputing a data folder on which no daemon runs, killed wherever it is."""

import os
import signal
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from greendc import app, changes, faults
from greendc.config import Config, load
from greendc.core.facility import MINUTE
from greendc.core.figure import Figure
from greendc.daemon.data import Data
from greendc.exports import Request, export_journal
from greendc.files import JOURNAL, LEDGER
from greendc.journal import Journal
from greendc.ports import GreendcError
from greendc.recompute.preparing import Preparation
from greendc.replay import Options, replay
from greendc.revisions import Wanted, revisions
from tests import runs
from tests.recompute.kit import BEGIN, log, meters, site

RESTS_ON_IT = {"it_a", "loss", "e_it", "e_dc", "subsystem_power", "co2e_location"}
RESTS_ON_IT |= {"ipue", "dcie", "cue_location", "ppue_cooling", "ppue_power", "ppue_other"}


@pytest.fixture
def wanted(tmp_path: Path) -> Config:
    """A configuration that says otherwise of the time that a data folder has closed."""
    with ExitStack() as stack:
        config = site(tmp_path / "s")
        data = Data(config, config.data, stack)
        data.worker.take(runs.entries(log(0, 6), [40, 90]))
        data.worker.commit()
    site(tmp_path / "s", meters(0, "multiplier", 1, 10))
    return load(tmp_path / "s" / "site.yaml")


def recompute(config: Config) -> tuple[list[str], str]:
    with ExitStack() as stack:
        prepared = Preparation(config, config.data, stack)
        return list(changes.as_text(prepared)), app.recompute(config, prepared)


def holds(config: Config) -> None:
    """It is done, once, and can be replayed; what was counted adds up."""
    with ExitStack() as stack:
        data = Data(config, config.data, stack)
        data.worker.take(runs.entries(log(6, 7)))
        data.worker.take([runs.end()])
        data.worker.commit()
    found = list(revisions(config, Wanted()))
    assert {(one.figure.quantity, one.figure.revision) for one in found} == {
        (name, 1) for name in RESTS_ON_IT
    }
    assert app.audited(config).failed == []
    replay([config.data / JOURNAL], None, Options(keep=config.data / "again"))
    again = runs.revisions(config.data / "again" / LEDGER)
    assert _plain(again) == _plain(runs.revisions(config.data / LEDGER))
    assert not list(config.data.glob("recompute*"))


def _plain(found: list[Figure]) -> list[Figure]:
    return [figure._replace(config=0) for figure in found]


def test_without_a_daemon(wanted: Config) -> None:
    with ExitStack() as stack, pytest.raises(GreendcError, match="greendc recompute has them"):
        Data(wanted, wanted.data, stack)
    told, done = recompute(wanted)
    assert told[:2] == [
        "the configuration says other things of closed time:",
        "  s.meters[it_a].multiplier",
    ]
    number = int(told[-1].removeprefix("figures that would change: "))
    assert done == f"recomputed: {number} figures, see greendc revisions"
    (cells,) = (row for row in told if row.startswith("    s it_a 2"))
    kilowatts = [(1000 + step % 7) / 1e3 for step in range(12, 12 + 21)]
    before, after = (sum(kilowatts) / 6 * factor for factor in (1, 10))
    span = "2025-03-01T02:00:00Z to 2025-03-01T05:30:00Z"
    assert cells == f"    s it_a 21 cells, {span}  {before:.9g} -> {after:.9g} kWh"
    holds(wanted)


@pytest.mark.parametrize("point", faults.RECOMPUTE_POINTS)
def test_killed_it_happens_once(point: str, wanted: Config) -> None:
    child = os.fork()
    if not child:
        try:
            os.environ[faults.VARIABLE] = point
            recompute(wanted)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    holds(wanted)


def test_one_at_a_time(wanted: Config) -> None:
    with ExitStack() as stack:
        Preparation(wanted, wanted.data, stack)
        with pytest.raises(GreendcError, match="somebody is about to recompute"):
            Preparation(wanted, wanted.data, stack)


def test_what_was_not_shown_is_not_done(wanted: Config) -> None:
    with ExitStack() as stack:
        prepared = Preparation(wanted, wanted.data, stack)
        with pytest.raises(GreendcError, match="something else is prepared"):
            app.recompute(wanted, prepared)


def test_where_the_journal_has_let_go_of_entries_the_earliest_time_is_named(wanted: Config) -> None:
    """Even where what is left begins with a configuration."""
    with closing(Journal(wanted.data / JOURNAL)) as journal:
        journal.append([runs.config_event(wanted)])
        journal.prune(journal.last)
    told = (
        r"arrived before 1970-01-01T00:00:00Z.*\n"
        r".*multiplier: earliest allowed from is 2025-03-01T06:00:00Z.*\n.*greendc export --journal"
    )
    with pytest.raises(GreendcError, match=told):
        recompute(wanted)
    with closing(Journal(wanted.data / JOURNAL)) as journal:
        journal.prune(journal.last + 1)
    with pytest.raises(GreendcError, match="has let go of everything"):
        recompute(wanted)


def test_from_exported_logs_the_past_is_made_anew_in_an_empty_folder(
    wanted: Config, tmp_path: Path
) -> None:
    """What had been exported before the journal let go of it, and what it still has."""
    logs = [tmp_path / "first.jsonl.zst", tmp_path / "rest.jsonl.zst"]
    middle = BEGIN + 230 * MINUTE
    export_journal(wanted, Request(end=middle, out=logs[0]))
    with closing(Journal(wanted.data / JOURNAL)) as journal:
        journal.prune(1 + 1 + 90)  # the configuration and two of the three batches
        assert journal.first == 1 + 1 + 90
    export_journal(wanted, Request(start=middle, out=logs[1]))
    text = (tmp_path / "s" / "site.yaml").read_text()
    (tmp_path / "s" / "site.yaml").write_text(f"data: {tmp_path / 'anew'}\n{text}")
    anew = load(tmp_path / "s" / "site.yaml")
    replay(logs, anew, Options(into_store=True))
    fresh = runs.played(tmp_path / "fresh", wanted, [runs.batch(log(0, 6)), runs.end()])
    assert runs.newest(anew.data / LEDGER) == runs.newest(fresh)
    assert app.audited(anew).failed == []
    site(tmp_path / "other", meters(0, "multiplier", 1, 100))
    other = load(tmp_path / "other" / "site.yaml")
    with ExitStack() as stack:  # and from there on it can be recomputed again
        assert list(Preparation(other, anew.data, stack).differences())
