"""From the truth to the messages of a site's devices."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from greendc.core.facility import SECOND, Kind
from greendc.simulate import chance
from greendc.simulate.faults import Batch, Schedule
from greendc.simulate.messages import OWN_TEXT, Messages
from greendc.simulate.meters import Device
from greendc.simulate.shown import COUNTING, Shown, Stretch
from greendc.simulate.truth import Chunk

QOS = 1
STEPS = 2160  # of a chunk at a time, which bounds the memory of its messages
_MILLISECOND = SECOND // 1000


class Group:
    """Devices that are read together: `places` are theirs among all devices of a scenario."""

    def __init__(
        self, devices: Sequence[Device], places: Sequence[int], schedule: Schedule
    ) -> None:
        first = devices[0]
        self.kind, self.interval = first.kind, first.interval
        self._places = np.array(places, np.int64)
        self._schedule = schedule
        self._delay = np.array([device.delay for device in devices], np.int64)
        self._jitter = np.array([device.jitter for device in devices], np.int64)
        columns = zip(*(device.meters for device in devices), strict=True)
        self._columns = [
            Shown(meters, places, number, schedule) for number, meters in enumerate(columns)
        ]

    def read(self, stretch: Stretch) -> list[Messages]:
        """Messages of what is read in a stretch."""
        times = stretch.ticks(self.interval)
        if self.kind is Kind.ON_CHANGE:  # it tells of what a step begins with as the step ends
            times = times[times > stretch.begin]
        numbers = times // self.interval
        shown, sent = [], []
        for column in self._columns:
            random = chance.bits(column.seeds, numbers)
            values, good = column.read(stretch, times, self.interval, random)
            shown.append(values)
            sent.append(good)
            if column is self._columns[0]:
                wait = self._delay + chance.whole(random, self._jitter)
        shape = (len(times), len(self._places))
        before = self.interval if self.kind in {Kind.MEAN_NEXT, Kind.ON_CHANGE} else 0
        batch = Batch(
            times=times,
            interval=self.interval,
            device=self._places,
            stamp=np.repeat(times - before, shape[1]).reshape(shape),
            arrival=times[:, None] + wait * _MILLISECOND,
            value=np.stack(shown),
            word=np.zeros((len(shown), *shape), np.uint8),
            text=np.full(shape, OWN_TEXT, np.int64),
            flags=np.full(shape, QOS, np.int64),
            keep=np.logical_or.reduce(sent),
            extra=[],
        )
        self._schedule.disturb(batch)
        return batch.messages()


class Readings:
    """All devices of a site over time; see `messages`."""

    def __init__(self, devices: Sequence[Device], schedule: Schedule) -> None:
        members: dict[tuple[object, ...], list[int]] = {}
        for number, device in enumerate(devices):
            kinds = tuple(meter.kind for meter in device.meters)
            members.setdefault((device.interval, kinds), []).append(number)
        self._groups = [
            Group([devices[n] for n in numbers], [schedule.first + n for n in numbers], schedule)
            for numbers in members.values()
        ]
        counted = (m for d in devices for m in d.meters if m.kind in COUNTING)
        self._counted = dict.fromkeys((meter.point.name for meter in counted), 0)
        self._opening = True

    def stretches(self, chunks: Iterable[Chunk]) -> Iterator[tuple[int, list[Messages]]]:
        """End of each stretch of the truth [ns], and what is read in it, in no order."""
        for chunk in chunks:
            for first in range(0, chunk.count, STEPS):
                last = min(first + STEPS, chunk.count)
                stretch = Stretch(chunk, first, last, self._counted, self._opening)
                self._opening = False
                yield stretch.end, [m for group in self._groups for m in group.read(stretch)]
                self._counted = {name: int(stretch.edges(name)[-1]) for name in self._counted}
