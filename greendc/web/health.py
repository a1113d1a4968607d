"""Whether the daemon lives, and whether it does its work, for supervisors and load balancers."""

from collections.abc import Iterator

from greendc.core.facility import SECOND
from greendc.snapshots import Board

BEATS_WITHIN = 30 * SECOND  # the worker says once a second how it does


def pulse(board: Board, now: int) -> str | None:
    """Why the daemon must be taken for dead at a wall-clock time [ns]; None if it lives.

    A start that reads its journal again has not beaten yet, and lives.
    """
    silent = now - board.health.at
    if board.health.at and silent > BEATS_WITHIN:
        return f"the worker has not moved for {silent // SECOND} s"
    return None


def obstacles(board: Board, now: int) -> Iterator[str]:
    """Why it cannot do its work now; nothing where it can."""
    health = board.health
    if not health.at:
        yield "starting: the journal is being read again"
        return
    dead = pulse(board, now)
    if dead is not None:
        yield dead
    if not health.connected:
        yield "the broker is not connected"
    if health.journal_full is not None:
        yield "the journal is full"
