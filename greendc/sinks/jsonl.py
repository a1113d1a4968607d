"""A file that grows by every revision that the ledger takes in: one JSON object a line.

A line that was cut off, by a kill or a full disk, stays; its row comes again on a line of its own.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from greendc.files import opener
from greendc.lines import line
from greendc.ports import LedgerReader, LedgerRow


class JsonlFile:
    """Appends rows; `id` tells a reader which lines it has seen, since writes are at least once."""

    def __init__(self, path: Path) -> None:
        """The file is made when there is something to write."""
        self.path = path

    def write(self, rows: Sequence[LedgerRow], _ledger: LedgerReader) -> None:
        """Append and wait for the disk."""
        with open(self.path, "a+b", opener=opener) as file:
            if _is_cut_off(file):
                file.write(b"\n")
            file.writelines(
                orjson.dumps(as_line(row), option=orjson.OPT_APPEND_NEWLINE) for row in rows
            )
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Nothing is held between writes."""


def _is_cut_off(file: BinaryIO) -> bool:
    """Whether the last line has no end."""
    if not file.seek(0, os.SEEK_END):
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def as_line(row: LedgerRow) -> dict[str, Any]:
    """A row with its id and revision."""
    return {"id": row.id, "revision": row.figure.revision, **line(row.site, row.figure)}
