"""The ledger and the journal as files for other programs; raw traffic as a recorded log."""

import csv
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, cast

import orjson
from tqdm import tqdm

from greendc.calendars import parse_rfc3339, rfc3339
from greendc.config import Config
from greendc.core.facility import EVER
from greendc.files import JOURNAL, LEDGER
from greendc.journal import read_journal
from greendc.lines import COLUMNS, SHARES
from greendc.openmetrics import exposition
from greendc.ports import Entry, Event, GreendcError, RawBatch
from greendc.profiles import Decoder
from greendc.queries import EXPORTED, LOG, Ledger, lines
from greendc.sources.recording import write_log
from greendc.store import PERIODS

Line = dict[str, Any]
Columns = Sequence[str]
Span = tuple[int, int]
ROWS_A_GROUP = 50_000
NUMBERS = {"value", "coverage", "estimated_share", "distributed_share", "uncertainty", *SHARES}
WHOLE = {"category", "revision"}
STAMPS = {"start", "end"}


@dataclass(frozen=True, slots=True)
class Request:
    """What to export: figures whose start, messages whose arrival lies in [start, end) [ns]."""

    format: str = "jsonl"
    start: int = -EVER
    end: int = EVER
    out: Path | None = None
    data: Path | None = None
    periods: tuple[str, ...] = ()
    revisions: bool = False
    shares: bool = True

    @property
    def shown(self) -> tuple[str, ...]:
        """The periods asked for; the whole log is a sum of newest figures and has no revisions."""
        return self.periods or (EXPORTED if self.revisions else (*EXPORTED, LOG))

    @property
    def columns(self) -> Columns:
        """The fields of a line."""
        columns = (*COLUMNS, *SHARES) if self.shares else COLUMNS
        return (*columns, "revision") if self.revisions else columns


def export(config: Config, request: Request) -> str | None:
    """Write ledger lines in the format asked for.

    Where there are none, what is written has no figure; returns what the ledger has instead.

    Raises
    ------
    GreendcError
        If there is no ledger, or if the format cannot hold what is asked for.
    """
    _refuse_impossible(request)
    sites = config.plan().sites
    with Ledger((request.data or config.data) / LEDGER) as ledger:
        found = lines(
            ledger,
            sites,
            span=(request.start, request.end),
            periods=request.shown,
            revisions=request.revisions,
        )
        first = list(islice(found, 1))
        WRITERS[request.format](request.out, _watched(chain(first, found)), request.columns)
        if first:
            return None
        there = "; ".join(_there(ledger, site.id, request.shown) for site in sites)
        return f"no figure {_of_span(request)}: {there}"


def _there(ledger: Ledger, site: str, periods: Sequence[str]) -> str:
    """Which figures of a site there are, of these periods or others."""
    starts = {p: span for p in PERIODS if (span := ledger.starts(site, p)) is not None}
    wanted = [starts[p] for p in ("cell" if p == LOG else p for p in periods) if p in starts]
    if wanted:
        first, last = min(lo for lo, _ in wanted), max(hi for _, hi in wanted)
        return f"{site} has those that start from {rfc3339(first)} to {rfc3339(last)}"
    if starts:
        return f"{site} has none of {', '.join(periods)}, but of {', '.join(starts)}"
    return ledger.stranger(site) or f"{site} has none in this ledger"


def _of_span(request: Request) -> str:
    """The span that was asked for, in words."""
    lo = "" if request.start == -EVER else f" from {rfc3339(request.start)}"
    hi = "" if request.end == EVER else f" to {rfc3339(request.end)}"
    return f"found{lo}{hi}"


def _refuse_impossible(request: Request) -> None:
    if request.format == "parquet" and request.out is None:
        raise GreendcError("parquet is a binary format: name a file with -o")
    if request.format == "openmetrics" and request.revisions:
        raise GreendcError("openmetrics holds one value at a time: leave out --revisions")
    _refuse_no_span(request)


def _refuse_no_span(request: Request) -> None:
    if request.start >= request.end:
        raise GreendcError("--from must lie before --to")


def write_lines(out: Path | None, found: Iterable[Line], *, progress: bool) -> None:
    """One JSON object a line; the same ledger gives the same bytes."""
    _write_jsonl(out, _watched(found, progress=progress), COLUMNS)


def _write_jsonl(out: Path | None, found: Iterable[Line], _columns: Columns) -> None:
    with _opened(out) as file:
        for row in found:
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def _write_csv(out: Path | None, found: Iterable[Line], columns: Columns) -> None:
    """RFC 4180: a header, lines that end in CR LF, unknown values empty."""
    with _opened(out) as file:
        text = TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        try:
            writer = csv.DictWriter(text, columns, lineterminator="\r\n", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(map(_flat, found))
        finally:
            text.detach()


def _flat(row: Line) -> Line:
    """What a line's figure rests on in columns of its own."""
    shares: Line = row["shares"]
    return row | shares


def _write_parquet(out: Path | None, found: Iterable[Line], columns: Columns) -> None:
    # pyarrow is slow to load, and the daemon never needs it
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    def kind(name: str) -> Any:
        if name in NUMBERS:
            return pa.float64()
        if name in WHOLE:
            return pa.int64()
        return pa.timestamp("ns", "UTC") if name in STAMPS else pa.string()

    schema = pa.schema([pa.field(name, kind(name)) for name in columns])
    with _opened(out) as file, parquet.ParquetWriter(file, schema) as writer:
        for group in _grouped(found):
            rows = [_flat(r) | {key: parse_rfc3339(r[key]) for key in STAMPS} for r in group]
            writer.write_table(pa.Table.from_pylist(rows, schema))


def _write_openmetrics(out: Path | None, found: Iterable[Line], _columns: Columns) -> None:
    with _opened(out) as file:
        file.writelines(part.encode() for part in exposition(found))


WRITERS: dict[str, Callable[[Path | None, Iterable[Line], Columns], None]] = {
    "jsonl": _write_jsonl,
    "csv": _write_csv,
    "parquet": _write_parquet,
    "openmetrics": _write_openmetrics,
}


def _grouped(found: Iterable[Line]) -> Iterator[list[Line]]:
    group: list[Line] = []
    for row in found:
        group.append(row)
        if len(group) >= ROWS_A_GROUP:
            yield group
            group = []
    if group:
        yield group


def _watched(found: Iterable[Line], *, progress: bool | None = None) -> Iterable[Line]:
    """Lines with a progress bar, where somebody watches."""
    show = sys.stderr.isatty() if progress is None else progress
    bar = tqdm(found, unit=" figures", unit_scale=True, disable=not show, file=sys.stderr)
    return cast("Iterable[Line]", bar)


def _standard_output() -> IO[bytes]:
    if sys.stdout is None:  # as Python has it where the shell has closed it
        raise GreendcError("standard output is closed: name a file with -o")
    return sys.stdout.buffer


@contextmanager
def _opened(out: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that appears under its name only when it is whole."""
    if out is None:
        file = _standard_output()
        yield file
        file.flush()
        return
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(out)
    except OSError as error:
        raise GreendcError(f"{out}: cannot write: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


# -- raw traffic ----------------------------------------------------------------------------------


def export_journal(config: Config, request: Request) -> str | None:
    """Write the journal, events included, as a recorded log.

    Configurations stay in even where they came before the span: without them what follows
    has no meaning. Where nothing else is there, returns what the journal has instead.
    """
    if request.format != "jsonl" or request.periods or request.revisions:
        raise GreendcError("a journal is written as a recorded log: leave out all that says how")
    _refuse_no_span(request)
    journal = (request.data or config.data) / JOURNAL
    span = request.start, request.end
    bar = tqdm(unit=" entries", unit_scale=True, disable=not sys.stderr.isatty(), file=sys.stderr)
    found, ends = 0, list[int]()
    with bar, write_log(request.out or _standard_output()) as writer:
        for _, entry in read_journal(journal):
            kept = _within(entry, *span)
            arrivals = _arrivals(entry)
            ends = [f([*ends, *arrivals]) for f in (min, max) if ends or arrivals]
            if kept is not None:
                writer.write(kept)
                number = len(kept) if isinstance(kept, RawBatch) else 1
                found += len(_arrivals(kept))
                bar.update(number)
    if request.out is None:
        _standard_output().flush()
    if found:
        return None
    there = f"those from {rfc3339(ends[0])} to {rfc3339(ends[1])}" if ends else "none at all"
    return f"no message or event {_of_span(request)}: {journal} has {there}"


def _arrivals(entry: Entry) -> Sequence[int]:
    """Arrivals of messages or of an event; a configuration is neither [ns]."""
    if isinstance(entry, RawBatch):
        return entry.arrivals
    return [] if entry.kind == "config" else [entry.arrival]


def _within(entry: Entry, lo: int, hi: int) -> Entry | None:
    """What of an entry arrived in [lo, hi), and every configuration before `hi`."""
    if isinstance(entry, Event):
        if entry.kind == "recompute" and entry.arrival < lo:  # what it changed is not there
            entry = Event("config", entry.arrival, {"effective": entry.data["effective"]})
        kept = lo <= entry.arrival < hi or (entry.kind == "config" and entry.arrival < hi)
        return entry if kept else None
    rows = [row for row, arrival in enumerate(entry.arrivals) if lo <= arrival < hi]
    if len(rows) == len(entry):
        return entry
    return entry.rows(rows) if rows else None


def record(config: Config, out: Path, stop: threading.Event) -> int:
    """Record the configured topics' traffic as it arrives, until `stop` is set.

    Connections that were lost in between are events of the log. Returns the messages.

    Raises
    ------
    GreendcError
        If there is such a file already, or it cannot be made.
    """
    from greendc.sources.observing import observe  # noqa: PLC0415
    from greendc.sources.settings import settings_of  # noqa: PLC0415

    if out.exists() and out.stat().st_size:
        raise GreendcError(f"{out}: is there already; a record is not overwritten: name a new file")
    count = 0
    subscriptions = Decoder(config.plan()).subscriptions()
    bar = tqdm(unit=" messages", disable=not sys.stderr.isatty(), file=sys.stderr)
    with bar, write_log(out) as writer:
        for entry in observe(settings_of(config.mqtt), subscriptions, stop):
            writer.write(entry)
            if isinstance(entry, RawBatch):
                count += len(entry)
                bar.update(len(entry))
    return count
