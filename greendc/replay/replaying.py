"""Recorded logs and journals through the pipeline, without a broker."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

from greendc.config import Config
from greendc.files import JOURNAL, LEDGER
from greendc.judged import JUMP, jump_text, refusing_text
from greendc.outcomes import of_messages
from greendc.pipeline import Pipeline
from greendc.ports import Entry, Event, GreendcError, RawBatch
from greendc.profiles import Decoder
from greendc.queries import Ledger, lines, whole_log
from greendc.recompute import Recomputer
from greendc.replay.results import Result
from greendc.sources.pacing import paced
from greendc.sources.recording import LogCounts, open_entries
from greendc.store import Store

COMMIT_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class Options:
    """How to replay: see `greendc replay --help`. `speed` None is as fast as it goes."""

    out: Path | None = None
    keep: Path | None = None
    speed: float | None = None
    progress: bool = False
    into_store: bool = False


# -- replaying ------------------------------------------------------------------------------------


def replay(logs: Sequence[Path], config: Config | None, options: Options) -> Result:
    """Run logs, one after the other, through the pipeline into a ledger, and end the input.

    Raises
    ------
    GreendcError
        If a log cannot be read, or if what is asked for cannot be.
    """
    _refuse_impossible(logs, config, options)
    with ExitStack() as stack:
        counts = LogCounts()
        entries = _entries(logs, counts, options, stack)
        if options.into_store:
            return _into_store(entries, config, counts, options, stack)
        folder = _folder(stack, options.keep)
        first, entries = _first_config(entries, config, counts)
        store = Store(folder / LEDGER, durable=options.keep is not None)
        stack.callback(store.close)
        recomputer = Recomputer(_Logs(logs), folder)
        pipeline = Pipeline(first, store, pinned=config is not None, recompute=recomputer)
        _feed(pipeline, entries)
        result = _result(folder, pipeline, counts, options)
        if not result.readings and result.rejected.get("unbound"):
            result.problems.append(_nowhere(logs, pipeline.decoder))
        if config is not None and counts.configs:
            result.notes.append("the configuration given stood in for those in the log")
        return result


def _refuse_impossible(logs: Sequence[Path], config: Config | None, options: Options) -> None:
    """Fail before the work, not after it."""
    for path in logs:
        if not path.is_file():
            what = "not a regular file" if path.exists() else "no such file"
            raise GreendcError(f"{path}: {what}")
    _refuse_unwritable(options.out)
    if not options.into_store:
        return
    if config is None:
        raise GreendcError("--into-store needs the configuration of the data folder: -c FILE")
    if options.keep is not None:
        raise GreendcError("--into-store writes to the configured data folder: leave out --keep")
    own = config.data / JOURNAL
    if any(own.exists() and path.samefile(own) for path in logs):
        raise GreendcError(f"{own}: this journal is the data folder's own")


def _refuse_unwritable(out: Path | None) -> None:
    if out is None:
        return
    if not out.parent.is_dir():
        raise GreendcError(f"{out.parent}: no such folder")
    if out.is_dir() or not os.access(out.parent, os.W_OK):
        what = "is a folder" if out.is_dir() else f"{out.parent} cannot be written to"
        raise GreendcError(f"{out}: {what}")


def _feed(pipeline: Pipeline, entries: Iterable[Entry]) -> None:
    for number, entry in numbered(entries):
        pipeline.handle(number, entry)
        if pipeline.written > COMMIT_ROWS:
            pipeline.commit()
    pipeline.handle(pipeline.done_to + 1, Event("end", pipeline.last_arrival or 0))
    pipeline.commit()


class _Logs:
    """Implements `greendc.recompute.Past`: the logs once more, numbered as they are fed."""

    def __init__(self, logs: Sequence[Path]) -> None:
        self._logs = logs

    def begin(self) -> tuple[int, Mapping[str, Any]]:
        """The configuration that the first log begins with."""
        entry = next(open_entries(self._logs[0]))
        assert isinstance(entry, Event)  # noqa: S101 - it has been read before
        return 1, entry.data["effective"]

    def read(self, start: int, stop: int) -> Iterator[tuple[int, Entry]]:
        """Entries from exactly `start` up to, not including, `stop`."""
        entries = chain.from_iterable(map(open_entries, self._logs))
        for number, entry in numbered(islice(entries, 1, None)):
            if number >= stop:
                return
            if number >= start:
                yield number, entry


def numbered(entries: Iterable[Entry]) -> Iterator[tuple[int, Entry]]:
    """Entries with the numbers that they would have in a journal."""
    number = 1
    for entry in entries:
        yield number, entry
        number += len(entry) if isinstance(entry, RawBatch) else 1


def _first_config(
    entries: Iterator[Entry], config: Config | None, counts: LogCounts
) -> tuple[Config, Iterator[Entry]]:
    """The configuration to begin with: the one given, or the log's own first one."""
    if config is not None:
        return config, entries
    first = next(entries, None)
    if isinstance(first, Event) and first.kind == "config":
        return Config.from_effective(first.data["effective"]), entries
    what = (
        "a configuration that this greendc reads" if counts.bad["bad_config"] else "a configuration"
    )
    raise GreendcError(f"the log does not begin with {what}: give one with -c FILE")


def _into_store(
    entries: Iterator[Entry],
    config: Config | None,
    counts: LogCounts,
    options: Options,
    stack: ExitStack,
) -> Result:
    """Join logs to the data folder, whose own configuration holds for them."""
    from greendc.daemon.data import Data  # noqa: PLC0415 - the daemon's, needed here alone

    assert config is not None  # noqa: S101 - refused before
    data = Data(config, config.data, stack)
    for entry in entries:
        if isinstance(entry, RawBatch) or entry.kind in {"session_lost", "entry"}:
            data.worker.take([entry])
    data.worker.take([Event("end", time.time_ns())])
    data.worker.commit()
    result = _result(config.data, data.worker.pipeline, counts, options, data.journal.outcomes)
    result.notes.append(f"joined to {config.data}; the figures are of all that it holds")
    return result


def _folder(stack: ExitStack, keep: Path | None) -> Path:
    if keep is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="greendc-")))
    if (keep / LEDGER).exists():
        raise GreendcError(f"{keep}: holds a ledger already; name an empty folder")
    keep.mkdir(parents=True, exist_ok=True)
    return keep


# -- reading --------------------------------------------------------------------------------------


def _entries(
    logs: Sequence[Path], counts: LogCounts, options: Options, stack: ExitStack
) -> Iterator[Entry]:
    total, base = sum(path.stat().st_size for path in logs), 0
    upto = _bar(total, stack) if options.progress else _unseen
    for path in logs:
        found = open_entries(path, partial(upto, base), counts)
        yield from found if options.speed is None else paced(found, options.speed)
        base += path.stat().st_size


def _bar(total: int, stack: ExitStack) -> Callable[[int, int], None]:
    """A progress bar of so many bytes; returns what is told of a log's beginning and a place."""
    from tqdm import tqdm  # noqa: PLC0415 - where somebody looks on

    bar = stack.enter_context(tqdm(total=total, unit="B", unit_scale=True, file=sys.stderr))

    def move(base: int, position: int) -> None:
        bar.update(max(0, base + position - bar.n))

    return move


def _unseen(base: int, position: int) -> None:
    """Nobody looks on."""


# -- result ---------------------------------------------------------------------------------------


def _result(
    folder: Path,
    pipeline: Pipeline,
    counts: LogCounts,
    options: Options,
    set_aside: Mapping[str, int] = MappingProxyType({}),
) -> Result:
    sites = pipeline.plan.sites
    with Ledger(folder / LEDGER) as ledger:
        wholes = {site.id: whole_log(ledger, site) for site in sites}
        tally = of_messages(ledger.tally(""), set_aside)
        hours = {site.id: ledger.count_balances(site.id) for site in sites}
        lacking = {site.id: ledger.lacking(site.id) for site in sites}
        left_out = {site.id: ledger.left_out(site.id) for site in sites}
        findings = [one for site in sites for one in ledger.findings(site.id)]
        doubts = list(_doubts(ledger, pipeline))
        readings = sum(ledger.tally(site.id).get("readings", 0) for site in sites)
        if options.out is not None:
            from greendc.exports import write_lines  # noqa: PLC0415 - where it is asked for

            write_lines(options.out, lines(ledger, sites), progress=options.progress)
    rejected = {
        k.removeprefix("rejected:"): n for k, n in tally.items() if k.startswith("rejected:")
    }
    for reason, number in counts.bad.items():
        rejected[reason] = rejected.get(reason, 0) + number
    result = Result(tally.get("messages", 0), readings, rejected, wholes, sites)
    result.doubts = doubts
    result.findings, result.hours = findings, hours
    result.lacking, result.left_out = lacking, left_out
    used = [text for span in result.stretches for text in pipeline.config.warnings(span)]
    result.warnings = [*counts.hints, *result.silences(), *doubts, *dict.fromkeys(used)]
    result.problems = list(_problems(readings, counts, pinned=pipeline.pinned))
    return result


def _nowhere(logs: Sequence[Path], decoder: Decoder) -> str:
    """Say of a log that none of its topics leads to a meter, and how the first one looks."""
    batches = (e for path in logs for e in open_entries(path) if isinstance(e, RawBatch))
    strangers = (
        topic
        for batch in batches
        for topic, unbound in zip(batch.topics, decoder.unbound(batch.topics), strict=True)
        if unbound
    )
    first = next(strangers, None)
    such = "" if first is None else f", such as {first},"
    return f"the log's topics{such} lead to no meter: see topics and meters of the site file"


def _doubts(ledger: Ledger, pipeline: Pipeline) -> Iterator[str]:
    """Meters that are not believed at the end, and registers of which it is doubtful."""
    for site, meters in pipeline.refusing().items():
        yield from (f"{site}: {refusing_text(*pair)}" for pair in sorted(meters.items()))
        for meter, times in ledger.told(site, JUMP).items():
            yield f"{site}: {jump_text(meter, *times)}"


def _problems(readings: int, counts: LogCounts, *, pinned: bool) -> Iterator[str]:
    if not readings:
        yield "no reading of any meter was found"
    if counts.bad["truncated"]:
        yield "a log ends in the middle of its compressed data; the figures are of what was there"
    if counts.bad["bad_config"] and not pinned:
        yield "a configuration in the log cannot be read: what follows it is by the one before"
