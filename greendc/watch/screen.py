"""What of the newest readings is shown: nothing that the meter's rules speak against."""

from collections.abc import Sequence

import numpy as np

from greendc.core.facility import EVER, Meter
from greendc.core.judging import judge, rests_on
from greendc.core.readings import Readings, joined, merged
from greendc.core.rules import Rules
from greendc.core.siblings import held_from
from greendc.core.words import Before


class Screen:
    """Judges readings as they come; one that may be a spike waits for the next one.

    For people alone: the ledger judges by itself, once all that may come in time is there.
    """

    def __init__(self, meters: Sequence[Meter]) -> None:
        """Judge readings of meters, given by their places."""
        judged = [place for place, meter in enumerate(meters) if meter.judged]
        self.places = np.array(judged, np.int64)
        self.number = np.full(len(meters), -1, np.int64)
        self.number[self.places] = np.arange(len(judged))
        self.rules = Rules.of(tuple(meters[place] for place in judged))
        self.held, self.before = Readings.none(), Before.nothing(len(judged))

    def passed(self, readings: Readings) -> Readings:
        """Readings that can be shown: of judged meters the last one that stands."""
        if not len(self.places) or not len(readings):
            return readings
        number = self.number[readings.meter]
        mine = number >= 0
        if not mine.any():
            return readings
        fresh = readings.where(mine)
        self.held = merged(
            [self.held, Readings(fresh.seq, number[mine], fresh.time, fresh.value)]
        ).readings
        return joined([readings.where(~mine), self._standing()])

    def _standing(self) -> Readings:
        """The last reading of each meter that stands; lets go of those before it."""
        rows = self.held
        verdict = judge(self.rules, rows.meter, rows.time, rows.value, self.before)
        upto = np.full(len(self.places), -EVER, np.int64)
        np.maximum.at(upto, rows.meter, rows.time)
        first = rests_on(self.rules, rows, verdict, upto)
        now = np.maximum(upto, int(rows.time.max()))  # nothing is kept for the silent ones' sake
        kept = held_from(self.rules, rows, verdict, first, now)
        self.before = self.before.told(rows.time, verdict, kept)
        self.held = rows.where(np.arange(len(rows)) >= kept[rows.meter])
        shown = first[first >= 0]
        found = rows.where(shown[verdict.believed[shown]])
        return Readings(found.seq, self.places[found.meter], found.time, found.value)
