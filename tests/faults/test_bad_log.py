"""Recorded logs with anything in any field: counted by reason, no neighbour lost, no error."""

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.calendars import rfc3339
from greendc.config import Config, load
from greendc.core.facility import MINUTE, SECOND
from greendc.explain import explain
from greendc.ports import Event, GreendcError
from greendc.replay import Options, replay
from greendc.replay.results import Result
from greendc.sources.recording import LogCounts, read_log
from tests.small import BEGIN, SITE, Json

numbers = st.integers(-(2**70), 2**70) | st.integers(631_152_000, 2_000_000_000) | st.floats()
scalars = st.none() | st.booleans() | numbers | st.text(max_size=8)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)
NEAR = rfc3339(BEGIN + 30 * MINUTE)
stamps = st.just(NEAR) | st.datetimes().map(lambda at: f"{at.isoformat()}Z") | anything
topics = st.sampled_from(["dc/it_a/power", "dc/util/power", "dc/none/power", ""]) | anything
payloads = st.fixed_dictionaries({}, optional={"w": anything, "t": stamps}) | anything
fields: dict[str, st.SearchStrategy[object]] = {
    "payload": payloads | payloads.map(json.dumps),
    "payload_b64": st.sampled_from(["e30=", "/w=="]) | anything,
    "qos": anything,
    "retain": anything,
    "mid": anything,
    "dup": anything,
}
messages = st.fixed_dictionaries({"tst": stamps, "topic": topics}, optional=fields)
keys = st.sampled_from(["effective", "site", "at", "from", "to", "session", "readings"])
data = st.dictionaries(keys, anything | st.just(BEGIN) | st.just("small"), max_size=4)
kinds = st.sampled_from(["config", "session_lost", "tick", "entry", "end"]) | anything
events = st.fixed_dictionaries({"tst": stamps, "event": kinds}, optional={"data": data | anything})


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    path = tmp_path_factory.mktemp("bad") / "site.yaml"
    path.write_text(SITE)
    return load(path)


def good(minute: int) -> Json:
    """A message of a meter that no bad line names."""
    moment = BEGIN + minute * MINUTE
    payload = json.dumps({"w": 30.0, "t": rfc3339(moment)})
    return {"tst": rfc3339(moment + SECOND), "topic": "dc/it_b/power", "payload": payload, "qos": 1}


def between(bad: list[Json]) -> Iterator[Json]:
    yield good(0)
    for number, line in enumerate(bad, 1):
        yield line
        yield good(number)


def written(folder: str, lines: list[Json]) -> Path:
    path = Path(folder) / "log.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def energy(result: Result) -> float | None:
    return result.sites["small"].value("it_b")


@settings(max_examples=50)
@given(bad=st.lists(messages | events, min_size=1, max_size=8))
def test_any_value_in_any_field_does_no_harm(config: Config, bad: list[Json]) -> None:
    with TemporaryDirectory() as folder:
        lines = list(between(bad))
        log, counts = written(folder, lines), LogCounts()
        entries = list(read_log(log, counts=counts))
        assert counts.messages + counts.events + sum(counts.bad.values()) == len(lines)
        result = replay([log], config, Options(keep=Path(folder) / "kept"))
        assert result.messages == counts.messages
        alone = written(folder, [line for line in lines if line.get("topic") == "dc/it_b/power"])
        if not any(isinstance(entry, Event) and entry.kind == "end" for entry in entries):
            assert energy(result) == energy(replay([alone], config, Options()))
        for period in ("cell", "hour"):
            with suppress(GreendcError):  # there may be nothing yet
                explain(config, "it_b", None, period, None, Path(folder) / "kept")


# -- configurations in the log --------------------------------------------------------------------


def places(given: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in JSON data."""
    yield path
    for key, inner in given.items() if isinstance(given, dict) else ():
        yield from places(inner, (*path, key))
    for at, inner in enumerate(given) if isinstance(given, list) else ():
        yield from places(inner, (*path, at))


def changed(given: Any, path: tuple[str | int, ...], value: object) -> Any:
    if not path:
        return value
    out = copy.deepcopy(given)
    inner = out
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return out


@settings(max_examples=200)
@given(found=st.data())
def test_a_configuration_with_anything_in_any_place_is_one_or_is_refused(
    config: Config, found: st.DataObject
) -> None:
    effective = config.effective()
    path = found.draw(st.sampled_from(list(places(effective))))
    value = found.draw(anything | st.sampled_from(["9999999999d", "9999-12-31T23:59:59Z", "1s"]))
    effective = json.loads(json.dumps(changed(effective, path, value)))
    event = {"tst": NEAR, "event": "config", "data": {"effective": effective}}
    with TemporaryDirectory() as folder:
        counts = LogCounts()
        log = written(folder, [good(0), event, good(1)])
        taken = [entry.kind for entry in read_log(log, counts=counts) if isinstance(entry, Event)]
        assert len(taken) + counts.bad["bad_config"] + counts.bad["not_json"] == 1
        assert counts.messages == 2


def test_a_bad_configuration_is_a_problem_unless_another_is_given(
    config: Config, tmp_path: Path
) -> None:
    first = {"tst": NEAR, "event": "config", "data": {"effective": config.effective()}}
    bad = {"tst": NEAR, "event": "config", "data": {"effective": {"sites": 7}}}
    log = written(str(tmp_path), [first, good(0), bad, good(1)])
    result = replay([log], None, Options())
    assert result.rejected == {"bad_config": 1}
    assert "a configuration in the log cannot be read" in result.problems[0]
    assert replay([log], config, Options()).problems == []
    written(str(tmp_path), [bad, good(0)])
    with pytest.raises(GreendcError, match="begin with a configuration that this greendc reads"):
        replay([log], None, Options())
