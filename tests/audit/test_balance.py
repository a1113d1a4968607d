"""Whatever arrives, and whatever stops or kills the daemon, its accounts add up."""

import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.audit import Audit
from greendc.calendars import rfc3339
from greendc.config import Config, load
from greendc.core.facility import SECOND
from greendc.ports import Event
from greendc.revisions import Wanted, revisions
from tests.audit.kit import Life, Message, failed

BEGIN = 1_740_787_200 * SECOND  # 2025-03-01T00:00:00Z
SITE = """
sites:
  - id: s
    zone: UTC
    rated_it_w: 1000
    cell: 60s
    lateness: 2min
    horizon: 20min
    e_dc: bottom_up
    topics:
      - {topic: "m/{meter}", codec: json, value: v, time_at: t}
    meters:
      - {id: it, point: pdu_out, unit: W, kind: mean_next, nominal: 60s, rating_w: 5000}
      - {id: pump, point: cool_pump, unit: W, kind: instant, nominal: 60s}
      - {id: fan, point: cool_crah_fan, unit: W, kind: on_change, silent_after: 3min}
      - {id: feed, point: cool_chiller, quantity: energy, unit: Wh, kind: register, nominal: 60s}
      - {id: room, point: t_supply, quantity: temperature, unit: degC, kind: instant, nominal: 60s}
sinks: [{kind: jsonl, path: figures.jsonl}]
http: {enabled: false}
"""
METERS = ("it", "pump", "fan", "feed", "room")
BAD = (
    ("m/it", b"?"),
    ("m/it", b"{}"),
    ("m/pump", b'{"v": 1e30, "t": "2025-03-01T00:00:00Z"}'),
    ("m/fan", b'{"v": 1, "t": "2035-03-01T00:00:00Z"}'),
    ("m/it", b'{"v": 1e9, "t": "2025-03-01T00:00:00Z"}'),
    ("elsewhere", b"7"),
    ("m/nobody", b"7"),
    ("m/feed", b"x" * 70_000),
)
STEP = 30 * SECOND
FIRST = 320  # the present at first, so that a reading can lie far behind it
KILLS = (
    "before_journal_commit",
    "after_journal_commit",
    "in_store_transaction",
    "after_store_commit",
    "after_sink_write",
    "after_sink_cursor",
    "during_start",
)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    path = tmp_path_factory.mktemp("site") / "site.yaml"
    path.write_text(SITE)
    return load(path)


BACKS = (0, 0, 0, 0, 0, 1, 2, 4, 6, 12, 30, 60, 200, 300)
DEEDS = ("commit", "stop", "hasty stop", "cut", "sink", "end", "lost", "kill")


def traffic(chance: random.Random, present: int, sent: list[Message]) -> Iterator[Message]:
    """Messages of one step: readings of all meters, some late, bad, unknown or told before."""
    for _ in range(chance.randrange(10)):
        qos = chance.choice((1, 1, 0))
        draw = chance.random()
        if draw < 0.2:
            yield (*chance.choice(BAD), qos)
        elif draw < 0.35 and sent:
            topic, payload, _ = chance.choice(sent)
            yield topic, payload, qos
        else:
            yield reading(chance.choice(METERS), present - chance.choice(BACKS), qos, chance)


def reading(meter: str, step: int, qos: int, chance: random.Random) -> Message:
    value = chance.randrange(3) + (10 * step if meter == "feed" else 0)
    payload = json.dumps({"v": value, "t": rfc3339(BEGIN + step * STEP)}).encode()
    return f"m/{meter}", payload, qos


def lived(life: Life, chance: random.Random, steps: int) -> Iterator[int]:
    """Some of a daemon's time; how many messages that it wants were published at QoS 1 so far."""
    sent: list[Message] = []
    for present in range(FIRST, FIRST + steps):
        life.at = BEGIN + present * STEP
        if chance.random() < 0.5:
            now = list(traffic(chance, present, sent))
            sent += now
            life.publish(now)
            life.receive()
        else:
            sent += did(life, chance, present)
        yield sum(qos for topic, payload, qos in sent if wanted(topic, payload))


def wanted(topic: str, payload: bytes) -> bool:
    return topic.removeprefix("m/") in METERS and len(payload) <= 65_536


def did(life: Life, chance: random.Random, present: int) -> list[Message]:
    """One deed beside taking messages in; what was published with it."""
    deed = chance.choice(DEEDS)
    more = list(traffic(chance, present, [])) if deed in {"kill", "cut", "hasty stop"} else []
    life.publish(more)
    match deed:
        case "kill":
            life.kill_at = chance.choice(KILLS), chance.randint(1, 2)
        case "stop" | "hasty stop":
            life.stop(unread=bool(more))
        case "end":
            life.event(Event("end", life.at))
        case "lost":
            life.event(Event("session_lost", life.at, {"from": None, "to": life.at}))
        case other:
            {"commit": life.commit, "cut": life.cut, "sink": life.sink}[other]()
    life.receive()
    return more


@given(chance=st.randoms(use_true_random=True))
@settings(max_examples=12)
def test_all_accounts_add_up(config: Config, chance: random.Random) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        own = Config(config.root.model_copy(update={"data": Path(folder)}), config.content)
        with Life(own, patched) as life:
            for number, sent in enumerate(lived(life, chance, 60)):
                if number % 6 == 5:
                    life.kill_at = None
                    found = life.audit()
                    assert not list(failed(found))
                    assert journalled(found) == sent  # none of QoS 1 is lost, and none twice
                    assert found.lost[1] == 0
            assert all(one.step >= 0 for one in revisions(own, Wanted()))  # each has its reason


def journalled(found: Audit) -> int:
    """Messages of QoS 1 in the journal."""
    return sum(one.counts[1].get("journalled", 0) for one in found.connections)
