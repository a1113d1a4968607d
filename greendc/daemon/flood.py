"""A flood of topics that nobody knows: told while more of them come than are remembered."""

from collections.abc import Sequence
from dataclasses import dataclass

from greendc.core.facility import EVER, HOUR
from greendc.ports import Event

TOLD_EVERY = HOUR  # of arrival, however long it goes on
KIND = "topics_capped"


@dataclass(slots=True)
class Flood:
    """Counts messages of unknown topics, and topics that had to be forgotten for others.

    `first` and `last` are arrivals of the messages that have not been told of [ns].
    """

    messages: int = 0
    first: int = EVER
    last: int = -EVER
    told_at: int = -EVER
    forgotten: int = 0  # when it was told last

    def due(self, arrivals: Sequence[int], forgotten: int) -> Event | None:
        """The event that is due with further messages, if there is one.

        Parameters
        ----------
        arrivals
            When they came, at least one [ns].
        forgotten
            How many topics have been let go of so far, so that others can be remembered.

        Examples
        --------
        >>> flood = Flood()
        >>> flood.due([5, 7], forgotten=0) is None
        True
        >>> print(flood.due([9], forgotten=2).data)
        {'from': 5, 'to': 9, 'topics': 2, 'messages': 3}
        >>> flood.due([11], forgotten=4) is None  # that has been told within the hour
        True
        """
        self.messages += len(arrivals)
        self.first, self.last = min(self.first, *arrivals), max(self.last, *arrivals)
        self.forgotten = min(self.forgotten, forgotten)  # a reload begins with none
        if forgotten == self.forgotten or self.last < self.told_at + TOLD_EVERY:
            return None
        topics = forgotten - self.forgotten
        data = {"from": self.first, "to": self.last, "topics": topics, "messages": self.messages}
        event = Event(KIND, self.last, data)
        self.messages, self.first, self.forgotten, self.told_at = 0, EVER, forgotten, self.last
        return event
