"""What meters say now, and what the site file says of them and of targets."""

from collections.abc import Mapping

import numpy as np

from greendc import series
from greendc.core.facility import DAY, EVER, SECOND, Intensity
from greendc.core.feeds import LOST, REDUNDANT, loads
from greendc.core.words import OF_USED
from greendc.sinks.prometheus.families import Families, total_labels
from greendc.sinks.prometheus.known import MEMORY
from greendc.snapshots import Closed, Current, Key, SiteTag

LONGEST_MONTH = 31 * DAY


def meters(out: Families, current: Current, times: Mapping[str, int]) -> None:
    """Every meter's latest reading while it is not stale, and how old it is."""
    known = MEMORY.of(current.meters)
    every = [True] * len(known.keys)
    out.extend(known.last, (current.time / SECOND).tolist(), (current.time > -EVER).tolist())
    out.extend(known.silent_after, known.limits, every)
    out.extend(known.readings, current.readings.tolist(), every)
    fresh = current.fresh(times)
    for column, places in known.shown:
        out.extend(column, current.value[places].tolist(), fresh[places].tolist())


def left_out(out: Families, current: Current, closed: Closed) -> None:
    """Of every meter how many readings no figure rests on, and why."""
    for key in MEMORY.of(current.meters).keys:
        for word, taken in closed.words.get(key, {}).items():
            if word not in OF_USED:
                out.add(series.LEFT_OUT, (*key, word), taken.number)


def sites(out: Families, current: Current, times: Mapping[str, int]) -> None:
    """Power of totals and derived meters, targets and the grid's intensity at the site's time."""
    physical, known = MEMORY.of(current.meters).names, current.power(times)
    for key, watts in known.items():
        if key not in physical:
            out.add(series.SITE_POWER, total_labels(key), watts)
    for tag in current.sites:
        moment = times.get(tag.site)
        if moment is not None:
            out.add(series.SITE_TIME, (tag.site,), moment / SECOND)
            _redundancy(out, current, tag, known)
            _targets(out, tag, moment)
            _intensity(out, tag, moment)


def _redundancy(out: Families, current: Current, tag: SiteTag, known: Mapping[Key, float]) -> None:
    if tag.redundant:
        watts = {name: value for (site, name), value in known.items() if site == tag.site}
        for load in loads(current.books[tag.site], tag.redundant, watts):
            if load.state in {REDUNDANT, LOST}:
                out.add(series.REDUNDANT, (tag.site, load.name), load.state == REDUNDANT)


def _targets(out: Families, tag: SiteTag, moment: int) -> None:
    for target in tag.targets:
        labels = (tag.site, target.kpi, target.window)
        value, recovery = target.at(moment)
        out.add(series.TARGET, labels, value)
        if recovery is not None:
            out.add(series.RECOVERY, labels, recovery)


def _intensity(out: Families, tag: SiteTag, moment: int) -> None:
    given = tag.intensity.get("location")
    if given is None:
        return
    held = np.flatnonzero((given.start <= moment) & (moment < given.end))
    if len(held):
        step = held[0]
        tier = _tier(given, int(given.end[step]) - int(given.start[step]))
        labels = (tag.site, given.zone, given.accounting, tier)
        out.add(series.INTENSITY, labels, float(given.value[step]))


def _tier(given: Intensity, length: int) -> str:
    """How near a value that holds so long is to the hour it is used for (STANDARDS 5.2)."""
    if length <= DAY:
        return "1"
    if length <= LONGEST_MONTH:
        return "3"
    return "5" if given.year is None else "4"
