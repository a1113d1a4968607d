"""A data folder's journal as what came before an entry."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from greendc.ports import Entry, Event, GreendcError

IN_FORCE = "in_force"  # key of the ledger's: (entry, configuration's number) of each change


class Ledger(Protocol):
    """A ledger, as far as its configurations are looked up."""

    def get(self, key: str) -> Any:
        """A value set under a key; None if there is none."""
        ...

    def config_of(self, number: int) -> tuple[str, bytes]:
        """Hash and body of a configuration."""
        ...


class JournalPast:
    """Implements `Past` on a journal, whose beginning may be gone."""

    def __init__(
        self, read: Callable[[int, int | None], Iterator[tuple[int, Entry]]], ledger: Ledger
    ) -> None:
        """`read` gives numbered entries from one up to, not including, another."""
        self._read, self._ledger = read, ledger

    def begin(self) -> tuple[int, Mapping[str, Any]]:
        """The first entry that is kept, and the effective configuration in force there.

        Raises
        ------
        GreendcError
            If nobody knows it.
        """
        first, entry = next(self._read(1, None), (1, None))
        if isinstance(entry, Event) and entry.kind == "config":
            return first, entry.data["effective"]
        raise GreendcError("recompute: the journal does not begin with a configuration")

    def read(self, start: int, stop: int) -> Iterator[tuple[int, Entry]]:
        """Entries from exactly `start` up to, not including, `stop`."""
        return self._read(start, stop)
