"""The events of a YAML document one after the other, with what its aliases stand for.

Data are built from events, not from PyYAML's nodes, which take ten times as long and most of the
memory that a large configuration needs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

Event = Any
"""An event of PyYAML, whose stubs do not know that all that come from a text have marks."""

_STARTS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


class Events:
    """Events of the only document of a stream.

    Raises
    ------
    yaml.MarkedYAMLError
        From every method: no YAML, a second document, an anchor that is there twice or missing.
    """

    def __init__(self, loader: yaml.CSafeLoader) -> None:
        self._loader, self._next = loader, loader.get_event
        self._kept: list[Event] = []  # all from the first anchor on
        self._spans: dict[str, tuple[int, int | None]] = {}  # of anchors; without end while open
        self._open: list[str | None] = []  # anchors of the collections that have begun
        self._again: list[Iterator[Event]] = []  # what aliases stand for

    def begin(self) -> Event | None:
        """The first event of the data; None where there is no document."""
        self._loader.get_event()  # the stream's start
        if type(self._loader.get_event()) is yaml.StreamEndEvent:
            return None
        return self.take()

    def end(self) -> None:
        """Expect nothing more."""
        while self._loader.check_event():
            event: Event = self._loader.get_event()
            if type(event) is yaml.DocumentStartEvent:
                raise _not_good("but found another document", event)

    def take(self) -> Event:
        """The next event."""
        if self._again:
            return next(self._again[-1])
        event = self._next()
        if self._kept or getattr(event, "anchor", None):
            self._keep(event)
        return event

    def leave(self, event: Event) -> None:
        """Take all that belongs to an event that has just been taken."""
        depth = int(isinstance(event, _STARTS))
        while depth:
            event = self.take()
            depth += isinstance(event, _STARTS) - isinstance(event, _ENDS)

    # -- aliases -----------------------------------------------------------------------------

    def meant(self, event: Event) -> Event:
        """The event that an alias stands for; any other one stands for itself."""
        return self._kept[self._span(event)[0]] if type(event) is yaml.AliasEvent else event

    def within(self, alias: Event) -> bool:
        """Whether an alias stands inside of what it stands for."""
        return self._span(alias)[1] is None

    @contextmanager
    def again(self, alias: Event) -> Iterator[None]:
        """Let `take` give what an alias stands for once more."""
        lo, hi = self._span(alias)
        self._again.append(iter(self._kept[lo:hi]))
        yield
        self._again.pop()

    def _span(self, alias: Event) -> tuple[int, int | None]:
        if alias.anchor not in self._spans:
            raise _not_good(f"found undefined alias {alias.anchor!r}", alias)
        return self._spans[alias.anchor]

    def _keep(self, event: Event) -> None:
        place = len(self._kept)
        self._kept.append(event)
        anchor = None if type(event) is yaml.AliasEvent else getattr(event, "anchor", None)
        if anchor in self._spans:
            raise _not_good(f"found duplicate anchor {anchor!r}", event)
        if isinstance(event, _STARTS):
            self._open.append(anchor)
        if anchor is not None:
            self._spans[anchor] = place, None if isinstance(event, _STARTS) else place + 1
        if isinstance(event, _ENDS):
            self._close(place + 1)

    def _close(self, end: int) -> None:
        anchor = self._open.pop() if self._open else None
        if anchor is not None:
            self._spans[anchor] = self._spans[anchor][0], end


def _not_good(problem: str, event: Event) -> yaml.MarkedYAMLError:
    return yaml.composer.ComposerError(None, None, problem, event.start_mark)
