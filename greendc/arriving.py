"""What arrivals tell of meters: readings out of order, and clocks that are ahead of greendc's."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from greendc.core.facility import EVER, HOUR, SECOND, IntArray
from greendc.core.readings import BoolArray, Readings
from greendc.core.site import SiteBook
from greendc.core.words import CLOCK_AHEAD
from greendc.ports import Event
from greendc.store import Judgement, Store, Times

AHEAD = 10 * SECOND  # what a clock that is set now and then may be off by
OUT_OF_ORDER = "out_of_order"


def out_of_order(newest: IntArray, meter: IntArray, time: IntArray) -> BoolArray:
    """Which readings are older than one of the same meter that came before them.

    Parameters
    ----------
    newest
        Time of the newest reading so far of each meter; brought up to date. [ns]
    meter, time
        Readings in the order in which they came: places in `newest`, and ns.

    Examples
    --------
    >>> newest = np.array([50, 0])
    >>> print(out_of_order(newest, np.array([0, 1, 1, 1, 0]), np.array([40, 7, 9, 8, 60])))
    [ True False False  True False]
    >>> print(newest)
    [60  9]
    """
    order = np.argsort(meter, kind="stable")
    of, at = meter[order], time[order]
    fell = at < newest[of]
    fell[1:] |= (of[1:] == of[:-1]) & (at[1:] < at[:-1])
    found = np.zeros(len(meter), np.bool_)
    for number in np.unique(of[fell]).tolist():
        lo, hi = np.searchsorted(of, [number, number + 1])
        so_far = np.maximum.accumulate(np.append(newest[number], at[lo:hi]))
        found[order[lo:hi]] = at[lo:hi] < so_far[:-1]
    np.maximum.at(newest, meter, time)
    return found


@dataclass(slots=True)
class Arriving:
    """Of one site; its counts belong into the transaction of its readings."""

    store: Store
    book: SiteBook
    meters: list[str]
    _newest: IntArray | None = None

    def take(self, readings: Readings, arrival: IntArray) -> None:
        """Count accepted readings of meters of energy, which the book does not hold yet.

        Of those with a stamp later than their arrival the first of a meter and hour is an event.
        """
        if self._newest is None:
            self._newest = self._held()
        counted = readings.meter >= 0
        readings, arrival = readings.where(counted), arrival[counted]
        disordered = out_of_order(self._newest, readings.meter, readings.time)
        ahead = readings.time - arrival
        early = ahead > AHEAD
        name = self.book.site.id
        counts = {OUT_OF_ORDER: int(disordered.sum()), CLOCK_AHEAD: int(early.sum())}
        self.store.count(name, counts)
        if counts[CLOCK_AHEAD]:
            self._note(name, readings.where(early), ahead[early], arrival[early])

    def _held(self) -> IntArray:
        """Of each meter the newest reading that the book holds; it always holds the last one."""
        newest = np.full(len(self.meters), -EVER, np.int64)
        for part in (self.book.hot, *self.book.waiting):
            there = part.meter >= 0  # a configuration may have left others out
            np.maximum.at(newest, part.meter[there], part.time[there])
        return newest

    def _note(self, site: str, readings: Readings, ahead: IntArray, arrival: IntArray) -> None:
        found: defaultdict[Judgement, Times] = defaultdict(Times)
        most: defaultdict[Judgement, int] = defaultdict(int)
        columns = readings.meter.tolist(), readings.time.tolist(), ahead.tolist()
        for meter, time, early in zip(*columns, strict=True):
            key = self.meters[meter], CLOCK_AHEAD, time - time % HOUR
            found[key].add(time)
            most[key] = max(most[key], early)
        for key in sorted(self.store.judgements.add(site, found)):
            times = found[key]
            data = {"site": site, "meter": key[0], "readings": times.number, "ahead": most[key]}
            data |= {"from": times.first, "to": times.last}
            self.store.note(Event(CLOCK_AHEAD, int(arrival[-1]), data))
