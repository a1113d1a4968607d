"""Nodes that are out of balance: since when, and whether still."""

from dataclasses import dataclass

import numpy as np

from greendc.core.balance import BoolArray, Place, State, StateArray

PERSISTENT = 3  # windows in a row before anything is said, or no longer
ODD = 0.1  # of the windows that may be out of balance after a correction; one always


@dataclass(frozen=True, slots=True)
class Off:
    """A node out of balance in its newest windows, `rows` of them."""

    place: Place
    rows: BoolArray


def newest_off(place: Place, states: StateArray) -> Off | None:
    """A node's newest windows out of balance: it takes so many in a row to begin and to end."""
    known = np.flatnonzero(states != State.UNKNOWN)
    bad: BoolArray = states[known] != State.BALANCED
    begun, ended = _last_run(bad), _last_run(~bad)
    if begun <= ended:
        return None
    rows = np.zeros(len(states), np.bool_)
    rows[known[ended + 1 :][bad[ended + 1 :]]] = True
    return Off(place, rows)


def last_off(states: StateArray) -> int | None:
    """A node's last window of those out of balance, where it has been in balance since."""
    known = np.flatnonzero(states != State.UNKNOWN)
    bad: BoolArray = states[known] != State.BALANCED
    begun, ended = _last_run(bad), _last_run(~bad)
    return int(known[begun]) if 0 <= begun <= ended else None


def _last_run(there: BoolArray) -> int:
    """Where the last run that is long enough ends; -1 for none."""
    ends = np.flatnonzero(
        np.all([there[i : len(there) - PERSISTENT + 1 + i] for i in range(PERSISTENT)], axis=0)
    )
    return int(ends[-1]) + PERSISTENT - 1 if len(ends) else -1


def count(states: StateArray) -> int:
    """How many windows are out of balance."""
    return int(((states != State.BALANCED) & (states != State.UNKNOWN)).sum())
