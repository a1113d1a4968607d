"""Logs on standard error: a line for people, or a JSON object a line; never a secret."""

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from greendc.config.log import Log
from greendc.masking import masked
from greendc.printable import one_record, printable

log = logging.getLogger(__name__)

OURS = "greendc"


def where(record: logging.LogRecord) -> str:
    """The part of greendc that speaks, or another package's name."""
    return record.name.removeprefix(f"{OURS}.")


def utc(record: logging.LogRecord, precision: str) -> str:
    """When it was said, as RFC 3339 has it."""
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


class Text(logging.Formatter):
    """`2026-03-01T12:00:00Z INFO sources.mqtt: connected`, in UTC, without control characters."""

    def __init__(self) -> None:
        super().__init__("%(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """One line, and more where it has several or a traceback."""
        text = one_record(masked(super().format(record)))
        return f"{utc(record, 'seconds')} {record.levelname} {where(record)}: {text}"


class Json(logging.Formatter):
    """Keys `time`, `level`, `logger`, `thread`, `message` and, of exceptions, `traceback`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        fields = {
            "time": utc(record, "milliseconds"),
            "level": record.levelname.lower(),
            "logger": where(record),
            "thread": record.threadName,
            "message": masked(record.getMessage()),
        }
        if record.exc_info:
            fields["traceback"] = masked(self.formatException(record.exc_info))
        return printable(json.dumps(fields, ensure_ascii=False))


FORMATS = {"text": Text, "json": Json}


def set_up(settings: Log, format_: str | None = None) -> None:
    """Say what is said from now on so; `format_` goes before the configured one."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FORMATS[format_ or settings.format]())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)  # of other packages
    logging.getLogger(OURS).setLevel(settings.level.upper())
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def _uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    log.critical("unexpected failure", exc_info=(kind, error, traceback))


def _uncaught_in_thread(found: Any) -> None:
    if found.exc_value is not None and found.exc_type is not SystemExit:
        _uncaught(found.exc_type, found.exc_value, found.exc_traceback)
