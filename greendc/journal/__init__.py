"""The journal: what the broker delivered, in its order, before anything is made of it."""

from greendc.journal.database import is_journal
from greendc.journal.file import Journal, read_journal
from greendc.journal.redelivery import Redelivery
from greendc.journal.ring import Kept, Quarantined

__all__ = ["Journal", "Kept", "Quarantined", "Redelivery", "is_journal", "read_journal"]
