"""Closed figures computed anew by what a configuration says of the past today."""

from greendc.recompute.amending import Past
from greendc.recompute.applying import Recomputer, done_before
from greendc.recompute.differing import Difference
from greendc.recompute.journal import JournalPast
from greendc.recompute.wish import Wish, clear, taken

__all__ = [
    "Difference",
    "JournalPast",
    "Past",
    "Recomputer",
    "Wish",
    "clear",
    "done_before",
    "taken",
]
