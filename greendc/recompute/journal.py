"""A data folder's journal as what came before an entry."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from greendc.calendars import rfc3339
from greendc.ports import Entry, Event, GreendcError


class JournalPast:
    """Implements `Past` on a journal."""

    def __init__(self, read: Callable[[int, int | None], Iterator[tuple[int, Entry]]]) -> None:
        """`read` gives numbered entries from one up to, not including, another."""
        self._read = read

    def begin(self) -> tuple[int, Mapping[str, Any]]:
        """The first entry, and the effective configuration that it holds.

        Raises
        ------
        GreendcError
            If it is not there any more.
        """
        for first, entry in self._read(1, None):
            if first == 1 and isinstance(entry, Event) and entry.kind == "config":
                return first, entry.data["effective"]
            since = entry.arrival if isinstance(entry, Event) else entry.arrivals[0]
            raise GreendcError(f"the journal has let go of what arrived before {rfc3339(since)}")
        raise GreendcError("the journal has let go of everything")

    def read(self, start: int, stop: int) -> Iterator[tuple[int, Entry]]:
        """Entries from exactly `start` up to, not including, `stop`."""
        return self._read(start, stop)
