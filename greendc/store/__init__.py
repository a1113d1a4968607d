"""The ledger file: newest and earlier revisions of every figure, and all that goes with them.

One SQLite file, one writer. A transaction holds the figures of the cells that it
closes, the readings that they no longer need in memory, the state to start from
again and the journal position: all of it or nothing.
"""

from greendc.store.archive import ArchivedReadings
from greendc.store.balances import read_balances, read_newest_balance
from greendc.store.database import PERIODS, SCHEMA_VERSION, connect
from greendc.store.file import Change, Row, Store
from greendc.store.judgements import Judgement, Times, Told
from greendc.store.reading import (
    StoredLedger,
    read_changes,
    read_figures,
    read_known,
    read_newest_start,
    read_revisions,
)

__all__ = [
    "PERIODS",
    "SCHEMA_VERSION",
    "ArchivedReadings",
    "Change",
    "Judgement",
    "Row",
    "Store",
    "StoredLedger",
    "Times",
    "Told",
    "connect",
    "read_balances",
    "read_changes",
    "read_figures",
    "read_known",
    "read_newest_balance",
    "read_newest_start",
    "read_revisions",
]
