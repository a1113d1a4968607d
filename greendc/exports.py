"""The ledger and the journal as files for other programs; raw traffic as a recorded log."""

import csv
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from greendc.app import JOURNAL, LEDGER, mqtt_settings
from greendc.calendars import parse_rfc3339
from greendc.config import Config
from greendc.core.facility import EVER
from greendc.journal import read_journal
from greendc.lines import COLUMNS
from greendc.openmetrics import exposition
from greendc.ports import GreendcError, RawBatch
from greendc.profiles import Decoder
from greendc.queries import EXPORTED, LOG, Ledger, lines
from greendc.sources.mqtt import observe
from greendc.sources.recording import write_log

Line = dict[str, Any]
ROWS_A_GROUP = 50_000


@dataclass(frozen=True, slots=True)
class Request:
    """What to export; times as RFC 3339, None for open ends."""

    format: str = "jsonl"
    start: str | None = None
    end: str | None = None
    out: Path | None = None
    data: Path | None = None
    periods: tuple[str, ...] = ()
    revisions: bool = False

    @property
    def span(self) -> tuple[int, int]:
        """Bounds in ns; figures whose start lies within are exported."""
        lo = -EVER if self.start is None else parse_rfc3339(self.start)
        return lo, EVER if self.end is None else parse_rfc3339(self.end)


def export(config: Config, request: Request) -> None:
    """Write ledger lines in the format asked for."""
    folder = request.data or config.data
    with Ledger(folder / LEDGER) as ledger:
        found = lines(
            ledger,
            config.plan().sites,
            span=request.span,
            periods=request.periods or (*EXPORTED, LOG),
            revisions=request.revisions,
        )
        WRITERS[request.format](request.out, found)


def write_lines(out: Path | None, found: Iterable[Line], *, progress: bool | None = None) -> None:
    """One JSON object a line; the same ledger gives the same bytes."""
    with _opened(out) as file:
        for row in _watched(found, progress=progress):
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def _write_csv(out: Path | None, found: Iterable[Line]) -> None:
    with _opened(out) as file:
        text = TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_watched(found))
        text.detach()


def _write_parquet(out: Path | None, found: Iterable[Line]) -> None:
    if out is None:
        message = "parquet is a binary format: name a file with -o"
        raise GreendcError(message)
    text, number = pa.string(), pa.float64()
    numbers = {"value", "coverage", "estimated_share", "distributed_share", "uncertainty"}
    whole = {"category", "revision"}
    stamps = {"start", "end"}
    kinds = [
        pa.field(
            name,
            number
            if name in numbers
            else pa.int64()
            if name in whole
            else pa.timestamp("ns", "UTC")
            if name in stamps
            else text,
        )
        for name in COLUMNS
    ]
    schema = pa.schema(kinds)
    with pq.ParquetWriter(out, schema) as writer:
        for group in _grouped(_watched(found)):
            rows = [{**row, **{key: parse_rfc3339(row[key]) for key in stamps}} for row in group]
            writer.write_table(pa.Table.from_pylist(rows, schema))


def _write_openmetrics(out: Path | None, found: Iterable[Line]) -> None:
    with _opened(out) as file:
        for part in exposition(_watched(found)):
            file.write(part.encode())


WRITERS = {
    "jsonl": write_lines,
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
    yield group


def _watched(found: Iterable[Line], *, progress: bool | None = None) -> Iterable[Line]:
    show = sys.stderr.isatty() if progress is None else progress
    return tqdm(found, unit=" figures", unit_scale=True, disable=not show, file=sys.stderr)


@contextmanager
def _opened(out: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that appears under its name only when it is whole."""
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = out.with_name(out.name + ".part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(out)
    except OSError as error:
        message = f"{out}: cannot write: {error.strerror}"
        raise GreendcError(message) from error


# -- raw traffic ------------------------------------------------------------------------------------


def export_journal(config: Config, request: Request) -> None:
    """Write the journal, events included, as a recorded log."""
    journal = (request.data or config.data) / JOURNAL
    lo, hi = request.span
    with ExitStack() as stack:
        writer = stack.enter_context(
            write_log(request.out or Path(os.devnull) if request.out else sys.stdout.buffer)
        )
        for _, entry in read_journal(journal):
            first = entry.arrivals[0] if isinstance(entry, RawBatch) else entry.arrival
            if lo <= first < hi:
                writer.write(entry)


def record(config: Config, out: Path, *, seconds: float | None = None) -> int:
    """Record the configured topics' traffic with its arrival times until stopped; returns the count."""
    stop = threading.Event()
    count = 0
    began = time.monotonic()
    subscriptions = Decoder(config.plan()).subscriptions()
    bar = tqdm(unit=" messages", disable=not sys.stderr.isatty(), file=sys.stderr)
    with bar, write_log(out) as writer:
        try:
            for batch in observe(mqtt_settings(config), subscriptions, stop):
                writer.write(batch)
                count += len(batch)
                bar.update(len(batch))
                if seconds is not None and time.monotonic() - began >= seconds:
                    break
        except KeyboardInterrupt:
            pass
        stop.set()
    return count
