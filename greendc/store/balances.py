"""The balance of each hour, as the ledger keeps it."""

import sqlite3
from collections.abc import Iterator, Sequence

import msgspec

from greendc.core.checking import Checked, NodeHour, Told
from greendc.core.facility import EVER, HOUR

_ENCODE = msgspec.msgpack.encode
_NODES = msgspec.msgpack.Decoder(tuple[NodeHour, ...])
_TOLD = msgspec.msgpack.Decoder(tuple[Told, ...])
_NOTHING = _ENCODE(())


def packed_hour(hour: Checked) -> tuple[bytes, bytes]:
    """Nodes and findings of an hour as bytes."""
    return _ENCODE(hour.nodes), _ENCODE(hour.told)


def read_balances(
    db: sqlite3.Connection, site: str, lo: int = -EVER, hi: int = EVER, *, told: bool = False
) -> Iterator[Checked]:
    """Hours of a site that end in (lo, hi], in order; with `told` only those with findings."""
    rows = db.execute(
        'SELECT "end", nodes, findings FROM balance WHERE site = ? AND "end" > ? AND "end" <= ? '
        'AND findings != ? ORDER BY "end"',
        (site, lo, hi, _NOTHING if told else b""),
    )
    return (_hour(row) for row in rows)


def read_newest_balance(db: sqlite3.Connection, site: str) -> Checked | None:
    """The newest hour of a site that was checked."""
    row = db.execute(
        'SELECT "end", nodes, findings FROM balance WHERE site = ? ORDER BY "end" DESC LIMIT 1',
        (site,),
    ).fetchone()
    return None if row is None else _hour(row)


def _hour(row: Sequence[bytes]) -> Checked:
    end, nodes, found = row
    return Checked(int(end) - HOUR, int(end), _NODES.decode(nodes), _TOLD.decode(found))
