"""Two sites on a day on which the clocks change: the order in which readings come is not told.

`test_ledger_laws.py` has meters of power, rules and twins; here are registers that roll over, dip,
begin anew, are exchanged and multiplied from a date on, sums, categories, and retained messages.
"""

import random
import tempfile
from collections.abc import Collection, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.calendars import parse_rfc3339, rfc3339
from greendc.config import Config, load
from greendc.core.facility import MINUTE
from greendc.exports import Request, export
from greendc.pipeline import Pipeline
from greendc.ports import RETAIN, Event, RawBatch
from greendc.store import Store

BEGINS = {
    "spring": parse_rfc3339("2025-03-29T22:00:00Z"),  # an hour before a day of 23 hours
    "autumn": parse_rfc3339("2025-10-26T21:00:00Z"),  # two hours before the end of one of 25
}
SPAN, EXCHANGED = 5 * 60, 130  # minutes
EVERY = {"feed": 15, "old": 20, "scaled": 30, "ups": 10, "rack_a": 5, "rack_b": 15, "heat": 30}
SITE = """
  - id: {site}
    zone: {zone}
    rated_it_w: 2000
    cell: 15min
    lateness: 20min
    horizon: 30d
    e_dc: metered
    e_it: {{1: [ups], 3: [rack_a, rack_b]}}
    topics: [{{topic: "{site}/{{meter}}", value: v, time_at: t}}]
    meters:
      - id: feed
        point: util
        quantity: energy
        unit: Wh
        kind: register
        nominal: 15min
        rating_w: 3000
        class: 1
        register: {{modulus: 10000, step: 1}}
      - id: old
        point: util
        quantity: energy
        unit: kWh
        kind: register
        nominal: 20min
        class: 0.5
        replaced: [{{at: "{exchanged}", final: 70, initial: 5}}]
      - id: scaled
        point: util
        quantity: energy
        unit: Wh
        kind: register
        nominal: 30min
        class: 1
        multiplier: [{{value: 1}}, {{from: "{exchanged}", value: 20}}]
      - {{id: ups, point: ups_out, unit: W, kind: mean_next, nominal: 10min, class: 1}}
      - {{id: rack_a, point: it_in, unit: W, kind: instant, nominal: 5min, max_gap: 12min}}
      - {{id: rack_b, point: it_in, unit: W, kind: on_change, nominal: 15min, silent_after: 40min}}
      - {{id: heat, point: q_reuse, unit: W, kind: mean_prev, nominal: 30min, class: 2}}
    derived:
      - {{id: racks, point: none, sum: [rack_a, rack_b]}}
      - {{id: losses, point: loss_power, share: 0.04, of: racks, uncertainty: 0.01}}
    emissions:
      location: [{{value: {{factor: 400, year: 2024, source: made up}}}},
        {{from: "{exchanged}", value: {{factor: 300, year: 2025, source: made up}}}}]
"""
ZONES = {"berlin": "Europe/Berlin", "kathmandu": "Asia/Kathmandu"}
Message = tuple[str, bytes, int]  # topic, payload, flags


@pytest.fixture(scope="module", params=sorted(BEGINS))
def season(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def config(season: str, tmp_path_factory: pytest.TempPathFactory) -> Config:
    path = tmp_path_factory.mktemp(season) / "site.yaml"
    exchanged = rfc3339(BEGINS[season] + EXCHANGED * MINUTE)
    sites = [SITE.format(site=s, zone=zone, exchanged=exchanged) for s, zone in ZONES.items()]
    path.write_text("sites:" + "".join(sites))
    return load(path)


def readings(chance: random.Random, begin: int) -> list[Message]:
    """All meters of both sites in the order of time, with silences, jumps, dips and resets."""
    found: list[tuple[int, Message]] = []
    for site in ZONES:
        for meter, minutes in EVERY.items():
            value = 66.0 if meter == "old" else float(chance.choice((0, 60, 9000)))
            for minute in range(chance.randrange(minutes), SPAN, minutes):
                exchanged = meter == "old" and 0 <= minute - EXCHANGED < minutes
                value = 5.0 if exchanged else follow(value, meter, chance)
                if chance.random() < 0.85:
                    at = begin + minute * MINUTE
                    payload = f'{{"v": {value!r}, "t": "{rfc3339(at)}"}}'.encode()
                    found.append((at, (f"{site}/{meter}", payload, 0)))
    return [message for _, message in sorted(found)]


def follow(value: float, meter: str, chance: random.Random) -> float:
    """What a meter shows next."""
    if meter == "old":
        return value + chance.choice((0.0, 0.25))
    if meter not in {"feed", "scaled"}:
        return float(chance.choice((100, 100, 250, 900)))
    if chance.random() < 0.15:
        return chance.choice((value - 1, value - 1, 0.0, 5.0, value + 1e6))
    return (value + chance.choice((0, 1, 2, 300))) % 10_000


def ledger(config: Config, sent: Sequence[Message], cuts: Collection[int] = ()) -> bytes:
    """The ledger, as it is exported, of messages in batches that end at `cuts`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Store(folder / "ledger.db", durable=False)
        pipeline = Pipeline(config, store)
        number = 1
        for lo, hi in pairwise(sorted({0, *cuts, len(sent)})):
            topics, payloads, flags = zip(*sent[lo:hi], strict=True)
            count = hi - lo
            arrivals = [BEGINS["autumn"] * 2] * count
            pipeline.handle(number, RawBatch(arrivals, topics, payloads, [0] * count, flags))
            number += count
        pipeline.handle(number, Event("end", 0))
        pipeline.commit()
        store.close()
        export(config, Request(data=folder, out=folder / "out.jsonl"))
        return (folder / "out.jsonl").read_bytes()


@given(chance=st.randoms(use_true_random=True))
@settings(max_examples=4)
def test_any_order_repetition_and_batches_give_the_same_ledger(
    config: Config, season: str, chance: random.Random
) -> None:
    sent = readings(chance, BEGINS[season])
    kept = [(topic, payload, RETAIN) for topic, payload, _ in chance.sample(sent, 20)]
    shuffled = chance.sample([*sent, *sent, *kept], 2 * len(sent) + 20)
    cuts = [chance.randrange(len(shuffled)) for _ in range(chance.randrange(9))]
    wanted = ledger(config, sent)
    assert wanted.count(b"\n") > 500
    assert ledger(config, shuffled, cuts) == wanted


def test_what_comes_late_before_the_first_reading_counts_where_nothing_was_closed(
    config: Config, season: str
) -> None:
    """The first reading lies on a border of cells, and nothing before it was let go of."""

    def one(meter: str, watts: int, minute: int) -> Message:
        stamp = rfc3339(BEGINS[season] + minute * MINUTE)
        return f"kathmandu/{meter}", f'{{"v": {watts}, "t": "{stamp}"}}'.encode(), 0

    first, feed = one("rack_a", 250, 255), one("feed", 905, 292)
    late = [one("rack_a", 250, 95), one("rack_a", 900, 105)]
    wanted = ledger(config, [*late, first, feed])
    assert b'"quantity":"rack_a","value":0.0958' in wanted
    assert ledger(config, [first, feed, *late]) == wanted
    assert ledger(config, [first, feed, *late[::-1]], cuts=[1, 2, 3]) == wanted
