"""The messages of all sites of a scenario, in the order in which they arrive."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from greendc.core.facility import HOUR
from greendc.simulate import payloads
from greendc.simulate.account import Account
from greendc.simulate.faults import ANEW, Exchange, Schedule
from greendc.simulate.messages import Messages, by_arrival, joined
from greendc.simulate.meters import Device, Meter, devices
from greendc.simulate.readings import Readings
from greendc.simulate.scenario import Scenario, Site
from greendc.simulate.site import chunks


class Traffic:
    """What all devices of a scenario send in a span [ns], which begins and ends at a full hour.

    `accounts` are the truth of each site, as far as `messages` has come.

    Raises
    ------
    GreendcError
        If meters, payloads or faults cannot be as the scenario says.
    """

    def __init__(self, scenario: Scenario, begin: int, end: int) -> None:
        self._scenario, self._span = scenario, (begin, end)
        self.accounts = [Account(scenario, site) for site in scenario.sites]
        self.sites: list[tuple[Site, Sequence[Device], Schedule]] = []
        first = 0
        for site in scenario.sites:
            found = devices(scenario, site)
            schedule = Schedule(site.faults, found, first)
            found = _rolled_over(scenario, site, found, schedule, self._span)
            _read_off(scenario, site, found, schedule, self._span)
            self.sites.append((site, found, schedule))
            first += len(found)
        self.devices = [device for _, found, _ in self.sites for device in found]
        self.forms = [payloads.payload_of(device).form for device in self.devices]
        self.words = tuple(dict.fromkeys(w for *_, s in self.sites for w in s.words))
        self.texts = tuple(dict.fromkeys(t for *_, s in self.sites for t in s.texts))

    @property
    def topics(self) -> list[str]:
        """Topic of each device."""
        return [device.topic for device in self.devices]

    def messages(self) -> Iterator[Messages]:
        """All messages in the order of their arrival, as many at a time as memory likes."""
        sources = []
        for (site, found, schedule), account in zip(self.sites, self.accounts, strict=True):
            truth = map(account.add, chunks(self._scenario, site, *self._span))
            sources.append(Readings(found, schedule).stretches(truth))
        waiting: list[Messages] = []
        for stretches in zip(*sources, strict=True):
            until = stretches[0][0]
            for (_, _, schedule), (_, parts) in zip(self.sites, stretches, strict=True):
                waiting += [self._spoken(part, schedule) for part in parts]
            ready, waiting = _split(joined(waiting), until)
            if len(ready):
                yield ready
        if waiting:
            yield by_arrival(joined(waiting))

    def _spoken(self, messages: Messages, schedule: Schedule) -> Messages:
        """With the words and texts of all sites."""
        words = np.array([self.words.index(word) for word in schedule.words], np.uint8)
        texts = np.array([self.texts.index(text) for text in schedule.texts] + [-1], np.int64)
        return replace(
            messages,
            word=words[messages.word] if len(words) > 1 else messages.word,
            text=texts[messages.text] if len(texts) > 1 else messages.text,
            words=self.words,
            texts=self.texts,
        )


def _split(messages: Messages, until: int) -> tuple[Messages, list[Messages]]:
    """What has arrived before an instant, in order, and what has not."""
    arrived = messages.arrival < until
    if arrived.all():
        return by_arrival(messages), []
    return by_arrival(messages.rows(arrived)), [messages.rows(~arrived)]


def _rolled_over(
    scenario: Scenario,
    site: Site,
    found: Sequence[Device],
    schedule: Schedule,
    span: tuple[int, int],
) -> tuple[Device, ...]:
    """The same with registers that begin so that they start again when the schedule says."""
    changed = list(found)
    start = schedule.first
    for hit in schedule.hits:
        if hit.fault.kind == "rollover" and span[0] <= hit.fault.start < span[1]:
            place = hit.device - start
            first = _first_number(
                hit.meter, _counted(scenario, site, hit.meter, span, hit.fault.start)
            )
            meters = list(changed[place].meters)
            meters[hit.column] = replace(hit.meter, first=first)
            changed[place] = replace(changed[place], meters=tuple(meters))
    return tuple(changed)


def _read_off(
    scenario: Scenario,
    site: Site,
    found: Sequence[Device],
    schedule: Schedule,
    span: tuple[int, int],
) -> None:
    """Note what registers that are exchanged show then, and what those in their place show."""
    anew = [hit for hit in schedule.hits if hit.fault.kind in ANEW]
    numbers: dict[str, tuple[int, int]] = {}  # what was counted as it began, and its number then
    for hit in sorted(anew, key=lambda hit: hit.fault.end):
        if not span[0] <= hit.fault.end < span[1]:
            continue
        meter = found[hit.device - schedule.first].meters[hit.column]
        origin, base = numbers.get(meter.id, (0, meter.first))
        border = hit.fault.end // scenario.step * scenario.step
        counted = _counted(scenario, site, meter, span, border)
        steps = int((counted - origin) * (meter.factor * meter.per) // meter.quantum)
        final = steps * meter.quantum + base
        initial = meter.fixed(hit.amount(ANEW[hit.fault.kind]))
        numbers[meter.id] = counted, initial
        if hit.fault.kind == "replacement":
            final = final % meter.modulus if meter.modulus else final
            one = Exchange(hit.fault.end, final, initial)
            schedule.exchanged.setdefault(meter.id, []).append(one)


def _first_number(meter: Meter, counted: int) -> int:
    """The number from which a register comes to its modulus once so much was counted."""
    steps = int(counted * (meter.factor * meter.per) // meter.quantum)
    return (meter.modulus - (steps + 1) * meter.quantum) % meter.modulus


def _counted(
    scenario: Scenario, site: Site, meter: Meter, span: tuple[int, int], until: int
) -> int:
    """What goes by a meter from the beginning of a span until an instant [mJ or mm3]."""
    total = 0
    for chunk in chunks(scenario, site, span[0], min(until // HOUR * HOUR + HOUR, span[1])):
        steps = min((until - chunk.begin) // chunk.step, chunk.count)
        name = meter.point.name
        amounts = chunk.energy(name) if name in chunk.powers else chunk.volumes[name]
        total += int(amounts[: max(steps, 0)].sum())
    return total
