"""Whatever a rule leaves out comes back when the rule is changed and the journal replayed."""

import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from greendc.calendars import parse_rfc3339, rfc3339
from greendc.config import Config, load
from greendc.core.facility import MINUTE
from greendc.core.words import LEFT_OUT, Word
from greendc.files import JOURNAL, LEDGER
from greendc.outcomes import REFUSALS
from greendc.queries import Ledger, whole_log
from greendc.replay import Options, replay
from greendc.store import Store

BEGIN = parse_rfc3339("2025-03-01T08:00:00Z")
COUNT = 60  # messages, one a minute
ODD = 20  # the number of the first that is left out
POWER = "quantity: power, unit: W, kind: instant, max_gap: 60s"
REGISTER = "quantity: energy, unit: Wh, kind: register"
STAMPED = "value: v, time_at: t"
ARRIVAL = "value: v, time: arrival"
RAW = "value: raw, time_at: t"
WITHOUT_A_RULE = {"not_json", "not_utf8"}  # no configuration makes numbers of such payloads

Payload = Mapping[str, Any]


def plain(number: int) -> float:
    """Watts, of which one is far from all others."""
    return 1000.0 if number == ODD else 100.0 + number % 2


def stuck(number: int) -> float:
    return 100.0 + min(number, ODD)


def jumping(number: int) -> float:
    """Wh of a register."""
    return 10.0 * number + (200 if number >= ODD else 0)


def from_below(number: int) -> float:
    return 10.0 * number - 10 * ODD


class Rule(NamedTuple):
    """Keys of topic and meter with a rule, and without it; what the messages hold."""

    topic: tuple[str, str] = (STAMPED, STAMPED)
    meter: tuple[str, str] = (POWER, POWER)
    true: Callable[[int], float] = plain
    odd: Payload = MappingProxyType({})  # of one payload, in place of others; None: nothing
    every: Payload = MappingProxyType({})
    retained: bool = False

    def payload(self, number: int) -> Payload:
        value = self.true(number)
        whole = {"t": rfc3339(BEGIN + number * MINUTE), "v": value, "raw": value, **self.every}
        found = {**whole, **self.odd} if number == ODD else whole
        return {key: item for key, item in found.items() if item is not None}


def of_meter(more: str, true: Callable[[int], float] = plain) -> Rule:
    return Rule(meter=(f"{POWER}, {more}", POWER), true=true)


UNIT = (f"{STAMPED}, unit_at: u", STAMPED)
RULES = {
    "out_of_range": of_meter("range: [0, 500]"),
    "sentinel": of_meter("sentinels: [1000]"),
    "sentinel that nobody names": Rule(
        meter=(POWER, f"{POWER}, sentinels: []"), true=lambda n: 2147483.647 if n == ODD else n
    ),
    "spike": of_meter("spike: 100"),
    "rate": of_meter("rate_per_min: 50"),
    "frozen": of_meter("frozen_after: 10min", stuck),
    "implausible": Rule(
        meter=(f"{REGISTER}, rating_w: 1000", f"{REGISTER}, rating_w: 1e6"), true=jumping
    ),
    "out_of_range of a register": Rule(
        meter=(f"{REGISTER}, range: [0, 1e6]", f"{REGISTER}, range: [-1e6, 1e6]"), true=from_below
    ),
    "bad_unit": Rule(topic=UNIT, every={"u": "W"}, odd={"u": "hp"}),
    "no_time": Rule(topic=(STAMPED, ARRIVAL), odd={"t": None}),
    "bad_time": Rule(topic=(STAMPED, ARRIVAL), odd={"t": "yesterday"}),
    "future": Rule(topic=(STAMPED, ARRIVAL), odd={"t": "2025-03-02T08:20:00Z"}),
    "no_value": Rule(topic=(STAMPED, RAW), odd={"v": None}),
    "not_a_number": Rule(topic=(STAMPED, RAW), odd={"v": "n/a"}),
    "not_finite": Rule(topic=(STAMPED, RAW), odd={"v": "NaN"}),
    "retained_without_time": Rule(topic=(ARRIVAL, STAMPED), retained=True),
}


def site(folder: Path, topic: str, meter: str) -> Config:
    path = folder / "site.yaml"
    path.write_text(
        f"data: {folder / 'data'}\nsites:\n  - id: hall\n    zone: UTC\n    rated_it_w: 1000\n"
        f'    topics: [{{topic: "m/{{meter}}", {topic}}}]\n'
        f"    meters: [{{id: m, {meter}}}]\n",
        "utf-8",
    )
    return load(path)


def log(folder: Path, rule: Rule) -> Path:
    path = folder / "log.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(COUNT):
            row = {
                "tst": rfc3339(BEGIN + number * MINUTE),
                "topic": "m/m",
                "payload": json.dumps(rule.payload(number)),
                "retain": int(rule.retained and number == ODD),
            }
            file.write(json.dumps(row) + "\n")
    return path


class Found(NamedTuple):
    words: dict[str, int]
    coverage: float
    distributed: float | None
    kwh: Any  # number, or None


def found(folder: Path, config: Config) -> Found:
    store = Store(folder / LEDGER)
    words = {told.word: told.number for told in store.judgements.every()}
    store.close()
    with Ledger(folder / LEDGER) as ledger:
        whole = whole_log(ledger, config.plan().sites[0])
    figure = whole.figures["m"]
    return Found(words, figure.coverage, figure.distributed, whole.value("m"))


def energy(rule: Rule) -> float:
    """By hand: what the register counted, or trapezoids of a minute [kWh]."""
    values = [rule.true(number) for number in range(COUNT)]
    if REGISTER in rule.meter[0]:
        return (values[-1] - values[0]) / 1000
    return sum((one + other) / 2 / 60 for one, other in pairwise(values)) / 1000


@pytest.mark.parametrize("name", RULES)
def test_it_comes_back_when_the_journal_is_replayed_without_the_rule(
    tmp_path: Path, name: str
) -> None:
    rule, word = RULES[name], name.split(maxsplit=1)[0]
    strict = site(tmp_path, rule.topic[0], rule.meter[0])
    replay([log(tmp_path, rule)], strict, Options(into_store=True))
    before = found(strict.data, strict)
    assert set(before.words) == {word}
    relaxed = site(tmp_path, rule.topic[1], rule.meter[1])
    replay([strict.data / JOURNAL], relaxed, Options(keep=tmp_path / "again"))
    after = found(tmp_path / "again", relaxed)
    assert after == Found({}, 1.0, 0.0, pytest.approx(energy(rule), rel=1e-12))
    assert before[1:] != after[1:]


def test_no_word_is_left_out() -> None:
    judged = {word.label for word in Word if word >= LEFT_OUT}
    assert {name.split(maxsplit=1)[0] for name in RULES} == (
        judged | set(REFUSALS)
    ) - WITHOUT_A_RULE
