"""The journal: what the broker delivered, in its order, before anything is made of it."""

from greendc.journal.database import is_journal, open_for_reading
from greendc.journal.file import Journal, read_journal
from greendc.journal.intake import Kind, by_qos
from greendc.journal.redelivery import Redelivery
from greendc.journal.ring import Kept, Quarantined
from greendc.journal.verifying import damage

__all__ = [
    "Journal",
    "Kept",
    "Kind",
    "Quarantined",
    "Redelivery",
    "by_qos",
    "damage",
    "is_journal",
    "open_for_reading",
    "read_journal",
]
