"""A file that grows by every revision that the ledger takes in: one JSON object a line."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
        with open(self.path, "ab", opener=opener) as file:
            file.writelines(
                orjson.dumps(as_line(row), option=orjson.OPT_APPEND_NEWLINE) for row in rows
            )
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Nothing is held between writes."""


def as_line(row: LedgerRow) -> dict[str, Any]:
    """A row with its id and revision."""
    return {"id": row.id, "revision": row.figure.revision, **line(row.site, row.figure)}
