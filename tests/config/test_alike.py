"""Meters that say the same share what follows from it, and nothing but that."""

from pathlib import Path
from typing import Any

import pytest

from greendc.config import models
from greendc.config.meters import NAMES, fill, filled, said
from greendc.ports import GreendcError
from tests.config.kit import loaded, site

FIRST = {"id": "a", "point": "util", "quantity": "energy", "unit": "kWh"}
OTHER: dict[str, Any] = {
    "point": "onsite_re",
    "quantity": "heat",
    "unit": "MWh",
    "kind": "on_change",
    "nominal": "90s",
    "max_gap": "2min",
    "silent_after": "1h",
    "class": 0.5,
    "rating_w": 7.0,
    "range": [1.0, 2.0],
    "spike": 3.0,
    "rate_per_min": 4.0,
    "frozen_after": "7h",
    "siblings": "row",
    "sentinels": [-1.0],
    "multiplier": 40.0,
    "register": {"modulus": 1e6},
    "shape": "w",
    "fill": "linear",
    "fill_uncertainty": 20.0,
    "replaced": [{"at": "2025-03-01T00:00:00Z", "final": 9.0, "initial": 1.0}],
    "subsystem": "cooling",
    "codec": "number",
    "value": "w",
    "time_at": "t",
    "unit_at": "u",
    "time": "arrival",
    "time_zone": "UTC",
}


def meter(**keys: Any) -> models.Meter:
    return models.Meter.model_validate({**FIRST, **keys})


@pytest.mark.parametrize("key", OTHER)
def test_who_says_another_thing_is_not_alike(key: str) -> None:
    first, other = meter(), meter(id="b", **{key: OTHER[key]})
    assert said(first) != said(other)
    both = filled([(first, said(first)), (other, said(other))])
    assert (both["a"].given, both["b"].given) == (first, other)


def test_names_alone_make_no_difference() -> None:
    names = {"tag": "x", "topic": "t", "fed_by": "y", "room": "r", "rack": "7"}
    first, other = meter(), meter(id="b", **names)
    assert said(first) == said(other)
    assert filled([(first, said(first)), (other, said(other))])["b"] == fill(first)
    keys = {info.alias or name for name, info in models.Meter.model_fields.items()}
    assert keys - {"profile"} == {*OTHER, *names, "id"} == {*OTHER, *NAMES}


def test_every_meter_is_told_its_own_mistakes(tmp_path: Path) -> None:
    good = "point: util, unit: kW, kind: instant"
    bad = "point: util, unit: stone, kind: instant, time_zone: Mars"
    text = site(
        f"{{id: a, {good}}}",
        f"{{id: b, {bad}}}",
        f"{{id: c, {bad}}}",
        f"{{id: d, tag: x/y, {good}}}",
        f"{{id: e, topic: 'x/{{meter}}', {good}}}",
        f"{{id: f, tag: a, {good}}}",
        f"{{id: g, codec: json, {good}}}",
        f"{{id: h, codec: json, topic: x/h, {good}}}",
    )
    with pytest.raises(GreendcError) as error:
        loaded(tmp_path, text)
    told = [
        line.partition(": sites[0].")[2].split(": ")[0] for line in str(error.value).split("\n")
    ]
    assert told == [
        "meters[1].time_zone",
        "meters[1].unit",
        "meters[2].time_zone",
        "meters[2].unit",
        "meters[3].tag",
        "meters[4].topic",
        "meters[5]",
        "meters[6].codec",
    ]
