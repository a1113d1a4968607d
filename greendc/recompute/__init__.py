"""Closed figures computed anew by what a configuration says of the past today."""

from greendc.recompute.amending import Amended, Amendment, Past
from greendc.recompute.applying import Recomputer, cells_of, done_before
from greendc.recompute.differing import Difference, differences
from greendc.recompute.journal import JournalPast
from greendc.recompute.scratch import Scratch

__all__ = [
    "Amended",
    "Amendment",
    "Difference",
    "JournalPast",
    "Past",
    "Recomputer",
    "Scratch",
    "cells_of",
    "differences",
    "done_before",
]
