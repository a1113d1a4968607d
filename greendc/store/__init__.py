"""The ledger file: newest and earlier revisions of every figure, and all that goes with them.

One SQLite file, one writer. A transaction holds the figures of the cells that it
closes, the readings that they no longer need in memory, the state to start from
again and the journal position: all of it or nothing.
"""

from greendc.core.figure import PERIODS
from greendc.store.archive import ArchivedReadings
from greendc.store.balances import read_balances, read_newest_balance
from greendc.store.blocks import totals
from greendc.store.chain import seal
from greendc.store.checkpoints import Checkpoint, Head, Held, Since, read_checkpoints, read_held
from greendc.store.database import (
    ARCHIVED,
    JOURNALLED,
    NOTED,
    OWN,
    SCHEMA_VERSION,
    WRITTEN,
    connect,
    schema_of,
)
from greendc.store.file import Changes, Store
from greendc.store.judgements import Judgement, Times, Told
from greendc.store.opening import readable
from greendc.store.reading import (
    StoredLedger,
    last_row,
    read_changes,
    read_figures,
    read_known,
    read_loose,
    read_newest_start,
    read_revisions,
    read_starts,
)
from greendc.store.taking import Kept
from greendc.store.verifying import damage

__all__ = [
    "ARCHIVED",
    "JOURNALLED",
    "NOTED",
    "OWN",
    "PERIODS",
    "SCHEMA_VERSION",
    "WRITTEN",
    "ArchivedReadings",
    "Changes",
    "Checkpoint",
    "Head",
    "Held",
    "Judgement",
    "Kept",
    "Since",
    "Store",
    "StoredLedger",
    "Times",
    "Told",
    "connect",
    "damage",
    "last_row",
    "read_balances",
    "read_changes",
    "read_checkpoints",
    "read_figures",
    "read_held",
    "read_known",
    "read_loose",
    "read_newest_balance",
    "read_newest_start",
    "read_revisions",
    "read_starts",
    "readable",
    "schema_of",
    "seal",
    "totals",
]
