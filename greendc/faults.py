"""Named points at which a test can have the process killed, as a power cut would."""

import os
import signal

VARIABLE = "GREENDC_KILL_AT"
POINTS = (
    "before_journal_commit",
    "after_journal_commit",
    "after_acknowledgement",
    "in_store_transaction",
    "after_store_commit",
    "after_sink_write",
    "after_sink_cursor",
    "during_start",
)
STORE_POINTS = ("after_store_delete", "before_cache_reset")  # only where revisions are rewritten
RECOMPUTE_POINTS = ("recompute_begun", "recompute_written", "recompute_committed")

_passed: dict[str, int] = {}


def reached(point: str) -> None:
    """Kill the process here if `GREENDC_KILL_AT` is `point` or, for the n-th passing, `point:n`."""
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    name, _, number = wanted.partition(":")
    if name == point:
        _passed[point] = _passed.get(point, 0) + 1
        if _passed[point] == int(number or 1):
            os.kill(os.getpid(), signal.SIGKILL)
