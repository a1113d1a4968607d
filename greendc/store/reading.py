"""Figures read from the ledger: newest ones, every revision, what is new for a sink."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from greendc.core.facility import EVER
from greendc.core.figure import PERIODS, Figure, FigureColumns
from greendc.ports import Asked, LedgerRow, Starts
from greendc.store.blocks import Blocks, Rows, figures_of
from greendc.store.database import connect


def read_columns(
    db: sqlite3.Connection,
    site: str,
    period: str,
    lo: int,
    hi: int,
    names: Sequence[str] | None = None,
) -> Iterator[FigureColumns]:
    """Newest figures of a site whose start lies in [lo, hi), by start and name, in pieces.

    With `names` only those quantities.
    """
    return (rows.figures for rows in Blocks(db).newest(site, period, lo, hi, names))


def read_loose(
    db: sqlite3.Connection, site: str, period: str, lo: int, hi: int
) -> Iterator[FigureColumns]:
    """The same of all quantities, in no order."""
    return (rows.figures for rows in Blocks(db).loose(site, period, lo, hi) if len(rows.ids))


def read_figures(
    db: sqlite3.Connection,
    site: str,
    period: str,
    lo: int,
    hi: int,
    names: Sequence[str] | None = None,
) -> Iterator[Figure]:
    """Newest figures of a site whose start lies in [lo, hi) one by one, by start and name."""
    return figures_of(Blocks(db).newest(site, period, lo, hi, names))


def sums_of(pieces: Iterable[Rows]) -> Iterator[tuple[str, int, int, bytes, int, int]]:
    """Quantity, start, time known, terms, end and what is lost of rows."""
    for rows in pieces:
        found = rows.figures
        body, ends = found.terms.tobytes(), (found.ends * 8).tolist()
        yield from zip(
            [found.names[number] for number in found.quantity.tolist()],
            found.start.tolist(),
            found.valid.tolist(),
            [body[a:b] for a, b in zip([0, *ends], ends, strict=False)],
            found.end.tolist(),
            found.lost.tolist(),
            strict=True,
        )


def read_known(
    db: sqlite3.Connection, site: str, period: str, lo: int, hi: int, most: int
) -> tuple[dict[int, str], list[tuple[int, int, int, int]]] | None:
    """Names by number, and number, start, end and time known of figures that start in [lo, hi).

    None where there are more than `most`.
    """
    blocks = Blocks(db)
    found: list[tuple[int, int, int, int]] = []
    for rows in blocks.newest(site, period, lo, hi):
        columns = (rows.figures.quantity, rows.figures.start, rows.figures.end, rows.figures.valid)
        order = np.lexsort(columns[:2])
        found += zip(*(column[order].tolist() for column in columns), strict=True)
        if len(found) > most:
            return None
    return {number: blocks.names[number] for number in blocks.numbers(site, None)}, found


def read_revisions(
    db: sqlite3.Connection, site: str, period: str, lo: int, hi: int
) -> Iterator[Figure]:
    """Every revision of figures that start in [lo, hi), by start, name and revision."""
    return figures_of(Blocks(db).sorted(site, period, lo, hi))


def read_changes(db: sqlite3.Connection) -> Iterator[tuple[LedgerRow, Figure]]:
    """Every revision but the first of its figure, as they were written, and the one before it."""
    blocks = Blocks(db)
    found = db.execute("SELECT id, period, body, site FROM block WHERE revised > 0 ORDER BY id")
    for first, period, body, site in found:
        rows = blocks.rows([(first, body)], period)
        rows = rows.at(np.flatnonzero(rows.figures.revision > 0))
        before = _before(blocks, site, rows.figures)
        for row in _ledger_rows(site, rows):
            figure = row.figure
            yield row, before[figure.quantity, figure.start, figure.revision - 1]


def _before(
    blocks: Blocks, site: str, figures: FigureColumns
) -> dict[tuple[str, int, int], Figure]:
    """All revisions of the figures with these starts, by quantity, start and revision."""
    period = PERIODS[int(figures.period[0])]
    names = {figures.names[number] for number in np.unique(figures.quantity).tolist()}
    lo, hi = int(figures.start.min()), int(figures.start.max())
    every = figures_of(blocks.sorted(site, period, lo, hi + 1, names))
    return {(f.quantity, f.start, f.revision): f for f in every}


def _ledger_rows(site: str, rows: Rows) -> Iterator[LedgerRow]:
    pairs = zip(rows.ids.tolist(), rows.figures.rows(), strict=True)
    return (LedgerRow(number, site, figure) for number, figure in pairs)


def last_row(db: sqlite3.Connection) -> int:
    """Id of the newest row; ids begin at 1 and leave none out."""
    row = db.execute("SELECT id + number - 1 FROM block ORDER BY id DESC LIMIT 1").fetchone()
    return 0 if row is None else int(row[0])


def read_newest_start(db: sqlite3.Connection, site: str, period: str) -> int | None:
    """Start of the latest figure of a site and period; None where there is none."""
    row = db.execute(
        "SELECT max(start) FROM latest JOIN quantity ON id = quantity "
        "WHERE period = ? AND site = ?",
        (PERIODS.index(period), site),
    ).fetchone()
    return None if row[0] is None else int(row[0])


def read_starts(db: sqlite3.Connection, site: str, period: str) -> tuple[int, int] | None:
    """Starts of the first and the last figure of a site and period; None where there is none."""
    row = db.execute(
        "SELECT min(first), max(last) FROM block WHERE site = ? AND period = ?",
        (site, PERIODS.index(period)),
    ).fetchone()
    return None if row[0] is None else (int(row[0]), int(row[1]))


class StoredLedger:
    """Implements `ports.LedgerReader` on a connection of its own."""

    def __init__(self, path: Path) -> None:
        """Open the ledger for reading."""
        self._db = connect(path, readonly=True)
        self._blocks = Blocks(self._db)

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def cursor(self, sink: str) -> int:
        """Id of the last row that the sink has written; 0 at first."""
        row = self._db.execute("SELECT position FROM cursor WHERE sink = ?", (sink,)).fetchone()
        return 0 if row is None else int(row[0])

    def last(self) -> int:
        """Id of the newest row; ids begin at 1 and leave none out."""
        return last_row(self._db)

    def rows_after(self, position: int, limit: int) -> Iterator[LedgerRow]:
        """The next committed rows in the order of their ids."""
        if limit <= 0:
            return
        for site, rows in self._blocks.after(position):
            wanted = rows.at(np.arange(min(limit, len(rows.ids))))
            limit -= len(wanted.ids)
            yield from _ledger_rows(site, wanted)
            if limit <= 0:
                return

    def newest(self, asked: Asked, upto: int) -> Iterator[LedgerRow]:
        """Newest figures among the rows up to an id, by start and name."""
        for rows in self._revisions(asked, upto):
            yield from _ledger_rows(asked.site, rows.newest())

    def revisions(self, asked: Asked) -> Iterator[LedgerRow]:
        """Every revision of figures, by start, name and revision."""
        for rows in self._revisions(asked, EVER):
            yield from _ledger_rows(asked.site, rows)

    def _revisions(self, asked: Asked, upto: int) -> Iterator[Rows]:
        span = asked.period, asked.lo, asked.hi
        return self._blocks.sorted(asked.site, *span, asked.quantities, upto)

    def starts(self, periods: Collection[str], since: int, *, revised: bool) -> Iterator[Starts]:
        """Rows whose figures are of some periods and start at `since` [ns] or later.

        With `revised` only blocks that hold some that follow another revision.
        """
        places = [PERIODS.index(period) for period in periods]
        marks = ", ".join("?" * len(places))
        found = self._db.execute(
            f"SELECT id, period, body, site FROM block WHERE period IN ({marks}) AND last >= ? "  # noqa: S608
            "AND revised >= ? ORDER BY id",
            (*places, since, int(revised)),
        )
        for first, period, body, site in found:
            rows = self._blocks.rows([(first, body)], period)
            rows = rows.where(rows.figures.start >= since)
            columns = rows.ids, rows.figures.start, rows.figures.revision
            yield Starts(site, PERIODS[period], *columns)

    def newest_start(self) -> int | None:
        """When the figure starts that starts last, of any site and period; None without any."""
        found: int | None = self._db.execute("SELECT max(last) FROM block").fetchone()[0]
        return found

    def latest(self) -> Iterator[LedgerRow]:
        """Of each site, quantity and period the newest revision of the figure that starts last."""
        wanted = self._db.execute("SELECT row FROM latest ORDER BY period, quantity").fetchall()
        held: dict[int, LedgerRow] = {}
        for (number,) in wanted:
            if number not in held:
                site, rows = next(self._blocks.holding(number))
                held = {row.id: row for row in _ledger_rows(site, rows)}
            yield held[number]
