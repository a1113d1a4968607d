"""The journal before an entry, as if its configurations had always said what is known today."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from greendc.config.past import amended
from greendc.core.facility import EVER
from greendc.ports import Entry, Event

Effective = Mapping[str, Any]


class Past(Protocol):
    """A journal that can be read again and again."""

    def begin(self) -> tuple[int, Effective]:
        """Its first entry that there is, and the effective configuration in force there."""
        ...

    def read(self, start: int, stop: int) -> Iterator[tuple[int, Entry]]:
        """Numbered entries from exactly `start` (or the oldest kept) up to, not including, `stop`.

        Of a batch that `stop` lies in there is only what comes before it.
        """
        ...


def first_kept(past: Past) -> int:
    """Number of the oldest entry that there is; `EVER` where there is none."""
    return next((number for number, _ in past.read(1, EVER)), EVER)


class Amendment(NamedTuple):
    """An entry that changes what all configurations before it say under some keys."""

    seq: int
    keys: list[list[str]]
    effective: Effective


class Amended:
    """Implements `Past`: entries of another one by amended configurations.

    What recomputed before is a change of configuration here, since all before it is amended.
    """

    def __init__(self, past: Past, amendments: Sequence[Amendment]) -> None:
        """Amendments in their order: of one key the last one counts."""
        self._past, self._amendments = past, amendments

    def begin(self) -> tuple[int, Effective]:
        """The first entry, and the first configuration, amended."""
        first, effective = self._past.begin()
        return first, self.as_known(first, effective)

    def read(self, start: int, stop: int) -> Iterator[tuple[int, Entry]]:
        """The entries, those of configurations amended."""
        for number, entry in self._past.read(start, stop):
            if isinstance(entry, Event) and entry.kind in {"config", "recompute"}:
                data = {"effective": self.as_known(number, entry.data["effective"])}
                yield number, replace(entry, kind="config", data=data)
            else:
                yield number, entry

    def as_known(self, seq: int, effective: Effective) -> Effective:
        """What a configuration in force at an entry says by what is known today."""
        for one in self._amendments:
            if one.seq > seq:
                effective = amended(effective, one.keys, one.effective)
        return effective
