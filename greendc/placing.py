"""Decoded columns as readings of sites, and what became of each message."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from greendc.core.figure import CODES
from greendc.core.readings import BoolArray, Readings
from greendc.ports import Columns, Plan, RawBatch, Refused

MAGNITUDE = 1e24  # no meter on earth; beyond it sums of squares would overflow


class Places:
    """Where each meter of a plan is: in which of its sites, and in which place there.

    Parameters
    ----------
    plan
        The plan, whose places columns have.
    meters
        Names of each site's meters, in the order of the sites.
    """

    def __init__(self, plan: Plan, meters: Sequence[Sequence[str]]) -> None:
        number = {site.id: i for i, site in enumerate(plan.sites)}
        local = {
            (site.id, name): i
            for site, names in zip(plan.sites, meters, strict=True)
            for i, name in enumerate(names)
        }
        self.site = np.array([number[site] for site, _ in plan.meters], np.int64)
        self._local = np.array([local.get(meter, -1) for meter in plan.meters], np.int64)
        self._sizes = [len(names) for names in meters]

    def own(self, number: int, readings: Readings) -> Readings:
        """Of readings with places in the plan a site's own ones, with places in the site."""
        return self.within(readings.where(self.site[readings.meter] == number))

    def within(self, readings: Readings) -> Readings:
        """Readings of one site, with places in the site."""
        return replace(readings, meter=self._local[readings.meter])

    def of_plan(self, number: int, readings: Readings) -> Readings:
        """Readings with places in a site, with those in the plan."""
        mine = np.flatnonzero((self.site == number) & (self._local >= 0))
        place = np.zeros(self._sizes[number], np.int64)
        place[self._local[mine]] = mine
        return replace(readings, meter=place[readings.meter])


def outcomes(batch: RawBatch, columns: Columns, huge: BoolArray) -> dict[str, int]:
    """What became of a batch's messages, each in one place, and of the readings asked of them."""
    rejected = Counter(reason for _, reason in columns.rejected)
    rejected["out_of_range"] += int(huge.sum())
    told = np.zeros(len(batch), np.bool_)
    told[columns.row[~huge]] = True
    unbound = [row for row, reason in columns.rejected if reason == "unbound"]
    bad = {row for row, _ in columns.rejected}.union(columns.row[huge].tolist())
    return {
        "messages": len(batch),
        **{f"rejected:{reason}": number for reason, number in rejected.items()},
        "entries:decoded": int(np.count_nonzero(told)),
        "entries:rejected": sum(not told[row] for row in bad.difference(unbound)),
        "entries:unbound": len(unbound),
        "fields": columns.fields,
        "fields:refused": len(columns.refused) + int(huge.sum()),
    }


def too_large(columns: Columns, huge: BoolArray) -> Refused:
    """Readings that no meter can have, as refused ones."""
    count = int(huge.sum())
    every = np.ones(count, np.bool_)
    reason = ["out_of_range"] * count
    return Refused(columns.row[huge], columns.meter[huge], columns.time[huge], reason, every)


def left_out(first: int, refused: Refused) -> Readings:
    """Refused readings of an entry with a time of their own; in place of a value their word."""
    word = np.array([CODES.get(reason, 0) for reason in refused.reason])
    known = np.flatnonzero(refused.timed)
    columns = first + refused.row, refused.meter, refused.time, word.astype(np.float64)
    return Readings(*columns).where(known)


def believable(columns: Columns) -> BoolArray:
    """Which readings can be one of a meter at all."""
    good: BoolArray = np.abs(columns.value) < MAGNITUDE
    return good


def placed(first: int, columns: Columns, good: BoolArray) -> Readings:
    """Accepted readings of an entry, whose meters are places in the plan."""
    seq = first + columns.row[good]
    return Readings(seq, columns.meter[good], columns.time[good], columns.value[good])
