"""Plans of a few fields, for tests of what decodes by them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from greendc.core.facility import EVER, SECOND
from greendc.ports import Field, Plan, RawBatch, Route, Scale

ARRIVAL = 1_740_787_200 * SECOND  # 2025-03-01T00:00:00Z


def scale(*steps: tuple[int, float], offset: float = 0.0) -> Scale:
    starts, factors = zip(*(steps or ((-EVER, 1.0),)), strict=True)
    return Scale(np.array(starts, np.int64), np.array(factors), np.full(len(steps) or 1, offset))


PLAIN = Field(
    meter=0,
    value=(),
    time=None,
    unit=None,
    time_rule="arrival",
    scale=scale(),
    units={},
    low=-math.inf,
    high=math.inf,
    sentinels=(),
)
STAMPED = replace(PLAIN, value=("value",), time=("at",), time_rule="payload")


def route(pattern: str, *fields: Field, codec: str = "json") -> Route:
    levels = ["+" if "{" in level else level for level in pattern.split("/")]
    return Route(pattern, "/".join(levels), codec, fields, None)


def tagged(pattern: str, by_tag: Mapping[str, tuple[Field, ...]], codec: str = "json") -> Route:
    return replace(route(pattern, codec=codec), by_tag=by_tag)


def plan(*routes: Route) -> Plan:
    return Plan((), tuple(("site", f"m{number}") for number in range(8)), routes)


def batch(*messages: tuple[str, bytes], **columns: Any) -> RawBatch:
    count = len(messages)
    return RawBatch(
        arrivals=columns.get("arrivals", [ARRIVAL] * count),
        topics=[topic for topic, _ in messages],
        payloads=[payload for _, payload in messages],
        mids=[0] * count,
        flags=columns.get("flags", [0] * count),
    )


def cut(whole: RawBatch, rows: Sequence[int]) -> RawBatch:
    return RawBatch(
        arrivals=[whole.arrivals[row] for row in rows],
        topics=[whole.topics[row] for row in rows],
        payloads=[whole.payloads[row] for row in rows],
        mids=[whole.mids[row] for row in rows],
        flags=[whole.flags[row] for row in rows],
    )
