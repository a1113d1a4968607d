"""Writes recorded logs: the same entries give the same bytes."""

import gzip
from base64 import b64encode
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

import orjson
import zstandard

from greendc.files import why
from greendc.ports import DUP, QOS_MASK, RETAIN, Entry, Event, GreendcError, RawBatch
from greendc.sources.timestamps import stamp

ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.zst")  # of the names of logs


class LogWriter:
    """Writes entries as lines of a recorded log; a context manager.

    What is given as a path is compressed if it ends in ``.gz`` or ``.zst``; a file
    object is written to as it is and left open. The session of a batch is not kept.
    `quick` compresses less, beside what the caller does.
    """

    def __init__(self, target: Path | IO[bytes], *, quick: bool = False) -> None:
        self._stack = ExitStack()
        self._file = _opened(target, self._stack, quick) if isinstance(target, Path) else target

    def write(self, entry: Entry) -> None:
        """Write an event, or all messages of a batch."""
        lines = [_event(entry)] if isinstance(entry, Event) else _messages(entry)
        option = orjson.OPT_APPEND_NEWLINE
        self._file.write(b"".join(orjson.dumps(line, option=option) for line in lines))

    def write_lines(self, lines: bytes) -> None:
        """Write what is lines of a recorded log already."""
        self._file.write(lines)

    def close(self) -> None:
        """Finish the file, if it is the writer's own."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


def write_log(target: Path | IO[bytes]) -> LogWriter:
    """Begin a recorded log.

    Raises
    ------
    GreendcError
        Where the file cannot be made.

    Examples
    --------
    >>> import io
    >>> with write_log(file := io.BytesIO()) as log:
    ...     log.write(RawBatch([10**9], ["it/power"], [b"7 kW"], mids=[3], flags=[1]))
    >>> print(file.getvalue().decode(), end="")
    {"tst":"1970-01-01T00:00:01Z","topic":"it/power","payload":"7 kW","qos":1,"retain":0,"mid":3}
    """
    return LogWriter(target)


def _opened(path: Path, stack: ExitStack, quick: bool) -> IO[bytes]:
    if not path.name.endswith(ENDINGS) and (path.is_file() or not path.exists()):
        names = ", ".join(f"LOG{ending}" for ending in ENDINGS)
        raise GreendcError(f"{path}: no name of a log: write one of {names}")
    try:
        raw = stack.enter_context(path.open("wb"))
    except OSError as error:
        raise GreendcError(f"{path}: cannot write this log: {why(error)}") from error
    if path.suffix == ".gz":
        # Neither the name nor the time of writing belongs into the bytes.
        level = 1 if quick else 9
        file = stack.enter_context(gzip.GzipFile("", "wb", level, fileobj=raw, mtime=0))
        return cast("IO[bytes]", file)
    if path.suffix == ".zst":
        level, threads = (1, 1) if quick else (9, 0)
        compressor = zstandard.ZstdCompressor(level=level, write_checksum=True, threads=threads)
        return stack.enter_context(compressor.stream_writer(raw, closefd=False))
    return raw


def _event(event: Event) -> dict[str, Any]:
    return {"tst": stamp(event.arrival), "event": event.kind, "data": dict(event.data)}


def _messages(batch: RawBatch) -> list[dict[str, Any]]:
    columns = zip(
        batch.arrivals, batch.topics, batch.payloads, batch.mids, batch.flags, strict=True
    )
    return [_message(*row) for row in columns]


def _message(arrival: int, topic: str, payload: bytes, mid: int, flags: int) -> dict[str, Any]:
    line: dict[str, Any] = {"tst": stamp(arrival), "topic": topic}
    try:
        line["payload"] = payload.decode()
    except UnicodeDecodeError:
        line["payload_b64"] = b64encode(payload).decode()
    line["qos"] = flags & QOS_MASK
    line["retain"] = int(bool(flags & RETAIN))
    if mid:
        line["mid"] = mid
    if flags & DUP:
        line["dup"] = 1
    return line
