"""What happened beside the readings, noted in the ledger for people."""

from collections.abc import Mapping

import numpy as np

from greendc.clocks import SKEW
from greendc.core.refusing import Refusing
from greendc.ports import Event, IntArray
from greendc.store import Store


def clock(store: Store, last: int | None, arrivals: IntArray) -> None:
    """Tell of our own clock where it was set back, by more than a device's may be off.

    `last` is the arrival before these, None before any. [ns]
    """
    before = arrivals[0] if last is None else last
    earlier = np.append(before, arrivals[:-1])
    fell = arrivals < earlier - SKEW
    if fell.any():
        back, ahead = int(arrivals[fell].min()), int(earlier[fell].max())
        store.note(Event("clock_set_back", back, {"from": back, "to": ahead}))


def late(store: Store, site: str, time: IntArray, arrival: int) -> None:
    """Tell of readings of these times that came too late, if there are any."""
    if len(time):
        data = {
            "site": site,
            "readings": len(time),
            "from": int(time.min()),
            "to": int(time.max()),
        }
        store.note(Event("late", arrival, data))


def dropped(store: Store, event: Event) -> None:
    """Tell what the broker says that it has dropped; a restart of its own begins at 0 again."""
    total, known = event.data["total"], store.get("broker_dropped")
    until = event.data.get("until") or event.arrival
    store.set("broker_dropped", {"total": total, "at": until})
    if known is None or total == known["total"]:
        return  # what it had dropped before it was first asked concerns nobody here
    since = event.data.get("from")
    data = {
        "from": known["at"] if since is None else since,
        "to": event.arrival,
        "messages": total - known["total"] if total > known["total"] else total,
    }
    if data["messages"]:
        store.note(Event(event.kind, event.arrival, data))
        store.count("", {"broker_dropped": data["messages"]})


def refusing(store: Store, found: Mapping[str, Mapping[str, Refusing]], arrival: int) -> None:
    """Tell of meters whose readings have begun to be left out, by site, once."""
    known, told = store.get("refusing") or {}, {}
    for site, meters in found.items():
        told[site] = {meter: one.since for meter, one in meters.items()}
        for meter, one in meters.items():
            if meter not in known.get(site, {}):
                data: dict[str, object] = {"site": site, "meter": meter, "reason": one.word}
                data |= {"from": one.since, "to": one.last}
                store.note(Event("refusing", arrival, data))
    if told != known:
        store.set("refusing", told)
