"""Devices that send a part of their values at a time: each counts; what lacks is told."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from greendc.calendars import rfc3339
from greendc.core.facility import MINUTE
from tests.small import BEGIN, Json, Small

SITE = """
data: data
sites:
  - id: small
    zone: UTC
    rated_it_w: 100e3
    cell: 5min
    topics: [{{topic: "pdu/{{meter}}", time_at: t, time: {time}}}]
    meters:
      - {{id: feed, tag: a, value: in, point: util, unit: kW, kind: mean_next, nominal: 60s}}
      - {{id: rack, tag: a, value: out, point: pdu_out, unit: kW, kind: mean_next, nominal: 60s}}
"""
MINUTES = 60


def log(parts: Sequence[Sequence[str]], rack_until: int = MINUTES) -> list[Json]:
    """Each minute a message for each part of the fields."""
    rows: list[Json] = []
    for minute in range(MINUTES):
        now = rfc3339(BEGIN + minute * MINUTE)
        values = {"in": 12.0 + minute % 4, "out": 10.0 + minute % 3, "fan": 900}
        if minute >= rack_until:
            del values["out"]
        for part in parts:
            payload = json.dumps({"t": now, **{key: values[key] for key in part if key in values}})
            rows.append({"tst": now, "topic": "pdu/a", "payload": payload})
    return rows


@pytest.fixture(params=["payload", "arrival"])
def site(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> Small:
    (tmp_path / "site.yaml").write_text(SITE.format(time=request.param))
    return Small(tmp_path, capsys)


def played(site: Small, rows: list[Json], name: str) -> tuple[bytes, dict[str, int]]:
    """Figures, and what was refused."""
    out = site.folder / f"{name}.figures"
    text = site.run("replay", site.write(rows, name), "-c", site.config, "--out", out, "--json")
    return out.read_bytes(), json.loads(text)["rejected"]


def test_parts_give_the_figures_of_the_whole(site: Small) -> None:
    whole, refused = played(site, log([("in", "out", "fan")]), "whole.jsonl")
    assert refused == {}
    parts, refused = played(site, log([("fan",), ("in",), ("fan", "out")]), "parts.jsonl")
    assert parts == whole
    assert refused == {"no_value": 4 * MINUTES}  # of each meter in the two messages without it


def test_a_field_that_comes_no_more_is_told_by_its_meter(site: Small) -> None:
    rows = log([("fan", "in", "out")], rack_until=30)
    figures, _ = played(site, rows, "stopped.jsonl")
    found = [json.loads(line) for line in figures.splitlines()]
    last = rfc3339(BEGIN + 50 * MINUTE)
    told = {r["quantity"]: r for r in found if (r["period"], r["start"]) == ("cell", last)}
    assert told["feed"]["coverage"] == 1.0
    # by the time in the payload a message without a value has none that is the meter's own
    word = "silent" if "time: payload}" in site.config.read_text() else "no_value"
    assert (told["rack"]["value"], told["rack"]["reason"]) == (None, word)
