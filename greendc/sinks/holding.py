"""Whether a store still holds what it has taken: a cursor tells nothing of that."""

from collections.abc import Collection, Iterable
from typing import Protocol, runtime_checkable

from greendc.ports import LedgerRow
from greendc.sinks.errors import Refused, Unavailable


@runtime_checkable
class Holding(Protocol):
    """A sink whose store can be asked for a figure."""

    def holds(self, row: LedgerRow) -> bool:
        """Whether the figure is there, by any revision.

        Raises
        ------
        Refused, Unavailable
            If the store cannot be asked.
        """
        ...


def emptied(
    sink: object, latest: Iterable[LedgerRow], cursor: int, periods: Collection[str] | None
) -> str | None:
    """What is wrong with a store that holds none of the newest figures that it has taken.

    Parameters
    ----------
    sink
        One that is not `Holding`, or whose store cannot be asked, is not judged.
    latest
        The ledger's newest figure of each quantity and period.
    cursor, periods
        How far the sink has come, and what it wants.
    """
    if not cursor or not isinstance(sink, Holding):
        return None
    taken = sorted((row for row in latest if row.id <= cursor), key=lambda row: row.id)
    asked = {r.figure.period: r for r in taken if periods is None or r.figure.period in periods}
    if not asked:
        return None
    try:
        if any(map(sink.holds, asked.values())):
            return None
    except (Refused, Unavailable):
        return None
    told = ", ".join(f"{row.figure.quantity} {period}" for period, row in asked.items())
    return (
        f"its store holds none of the newest figures that it took ({told}): it was emptied or put "
        "back; under another name the sink sends everything again"
    )
