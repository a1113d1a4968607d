"""A small simulated site of an hour or a day, its messages, and what greendc makes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import orjson

from greendc import replay
from greendc.calendars import parse_rfc3339
from greendc.config import load
from greendc.core.facility import SECOND
from greendc.findings import kind
from greendc.ports import RETAIN
from greendc.queries import Ledger
from greendc.replay.results import Result
from greendc.simulate.publishing import batches
from greendc.simulate.scenario import Scenario
from greendc.simulate.site import chunks
from greendc.simulate.site_file import write_site_file
from greendc.simulate.traffic import Traffic
from greendc.simulate.writing import LogLines
from greendc.sources.writing import LogWriter

START = "2025-06-03T00:00:00Z"
BEGIN = parse_rfc3339(START)
MINUTE = 60 * SECOND
UTIL, RACK = "feed-a.util", "room-rack-01-a.it_in"
REGISTER = {
    "points": ["*.util"],
    "kind": "register",
    "unit": "kWh",
    "resolution": 0.01,
    "modulus": 10_000,
}
POWER = {"points": ["*.it_in", "*.cool_*"], "unit": "kW", "resolution": 0.001}


def scenario(
    rules: Sequence[dict[str, Any]] = (REGISTER, POWER),
    faults: Sequence[dict[str, Any]] = (),
    hall: Mapping[str, Any] = MappingProxyType({}),
    **more: Any,
) -> Scenario:
    """Two racks on a UPS in Tokyo, read once a minute for four hours."""
    site = {
        "id": "small",
        "zone": "Asia/Tokyo",
        "weather": {"place": "tokyo"},
        "feeds": [{"id": "a", "ups": {"rated_w": 20e3}, "transformer": {"rated_w": 40e3}}],
        "halls": [{"id": "room", "racks": 2, "rack_w": 5e3, **hall}],
        "plant": {"kind": "dx", "unit_w": 15e3},
        "metering": list(rules),
        "faults": list(faults),
    }
    head = {"start": START, "span": "4h", "step": "60s", "seed": 7}
    return Scenario.model_validate({**head, "sites": [site], **more})


def at(minute: int) -> str:
    """The time so many minutes after the beginning."""
    return f"2025-06-03T{minute // 60:02d}:{minute % 60:02d}:00Z"


def fault(kind: str, what: str, begin: int, end: int, **more: Any) -> dict[str, Any]:
    """An entry of the schedule, from one minute to another."""
    return {"kind": kind, "what": what, "from": at(begin), "to": at(end), **more}


@dataclass(frozen=True)
class Sent:
    """A message: minutes since the beginning that it arrives at and speaks of, and its value."""

    arrival: float
    minute: float | None
    value: Any
    payload: bytes
    retain: bool


def sent(found: Scenario, meter: str) -> list[Sent]:
    """Messages of a meter in the order of arrival."""
    place, point = meter.split(".")
    topic = f"dc/small/{place}/{point}"
    return [
        message(arrival, payload, flags)
        for batch in batches(Traffic(found, found.start, found.end))
        for arrival, name, payload, flags in zip(
            batch.arrivals, batch.topics, batch.payloads, batch.flags, strict=True
        )
        if name == topic
    ]


def message(arrival: int, payload: bytes, flags: int) -> Sent:
    try:
        held = orjson.loads(payload)
    except orjson.JSONDecodeError:
        held = {}
    minute = (parse_rfc3339(held["time"]) - BEGIN) / MINUTE if "time" in held else None
    since = (arrival - BEGIN) / MINUTE
    return Sent(since, minute, held.get("value"), payload, bool(flags & RETAIN))


@dataclass(frozen=True)
class Replayed:
    """What greendc made of a scenario's log."""

    result: Result
    tally: dict[str, int]
    reasons: set[str]
    findings: set[str]

    @property
    def words(self) -> set[str]:
        """All that greendc says: what it counted, why figures are not whole, what it suspects."""
        return {name.rpartition(":")[2] for name in self.tally} | self.reasons | self.findings

    def total(self, name: str) -> float | None:
        """A figure of the whole log, in its own unit."""
        return self.result.sites["small"].value(name)

    def coverage(self, name: str) -> float:
        return self.result.sites["small"].figures[name].coverage


def replayed(found: Scenario, folder: Path) -> Replayed:
    """Log and site file of a scenario through the pipeline."""
    traffic = Traffic(found, found.start, found.end)
    write_site_file(folder / "site.yaml", found, traffic.sites)
    with LogWriter(folder / "log.jsonl") as log:
        for messages in traffic.messages():
            LogLines(traffic.topics, traffic.forms, traffic.words).write(messages, log)
    config = load(folder / "site.yaml")
    out = folder / "figures.jsonl"
    options = replay.Options(keep=folder / "kept", out=out)
    result = replay.replay([folder / "log.jsonl"], config, options)
    reasons = {orjson.loads(line)["reason"] for line in out.read_bytes().splitlines()}
    site = found.sites[0].id
    with Ledger(folder / "kept" / "ledger.db") as ledger:
        tally = {**ledger.tally(""), **ledger.tally(site)}
        findings = {kind(one.told) for one in ledger.findings(site)}
    return Replayed(result, tally, reasons - {None}, findings)


def truth(found: Scenario, *names: str) -> int:
    """True energy of some points over the whole span [mJ]."""
    whole = chunks(found, found.sites[0])
    return sum(int(np.sum(chunk.energy(name))) for chunk in whole for name in names)
