"""The section `sinks`: kinds, names, what is refused, and secrets that are never told."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from greendc.config import Config, check_text
from greendc.config.sinks import InfluxSink, JsonlSink, MqttSink, Period, Sink
from greendc.ports import GreendcError
from greendc.store import PERIODS
from tests.config.kit import FEED, UPS, loaded, site
from tests.config.test_files import SAMPLE

SECRET = "hush-hush-hush"  # noqa: S105 - none
KINDS = {model.model_fields["kind"].annotation: model for model in get_args(get_args(Sink)[0])}


def with_sinks(folder: Path, *sinks: str, **more: str) -> Config:
    listed = "".join(f"  - {sink}\n" for sink in sinks)
    return loaded(folder, f"{site(FEED, UPS, **more)}sinks:\n{listed}")


def refused(folder: Path, *sinks: str, **more: str) -> str:
    with pytest.raises(GreendcError) as error:
        with_sinks(folder, *sinks, **more)
    return str(error.value)


# -- the sample -------------------------------------------------------------------------------


def shown() -> list[dict[str, Any]]:
    """The sinks of the sample, all their keys taken out of the comments."""
    text = SAMPLE.read_text("utf-8")
    block = text[text.index("# Where the ledger is copied") : text.index("#sinks: []")]
    lines = [line[1:] for line in block.splitlines() if line.startswith("#   ")]
    plain = "\n".join(re.sub(r"^( +)#([a-z_]+:)", r"\1\2", line) for line in lines)
    found: list[dict[str, Any]] = yaml.safe_load(plain)
    return found


def test_the_sample_shows_every_key_of_every_kind_at_its_default() -> None:
    kinds = {}
    for sink in shown():
        (model,) = (m for k, m in KINDS.items() if get_args(k) == (sink["kind"],))
        needed = {"kind": sink["kind"], **({"path": sink["path"]} if "path" in sink else {})}
        assert set(sink) == set(model.model_fields), sink["kind"]
        assert model.model_validate(sink) == model.model_validate(needed)
        kinds[sink["kind"]] = model
    assert len(kinds) == len(KINDS)


def test_periods_are_those_of_the_ledger() -> None:
    assert get_args(Period) == PERIODS


# -- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sink", "told"),
    [
        ("{kind: influxx}", "sinks[0].kind: 'influxx' is not"),
        ("{path: a.jsonl}", "sinks[0].kind: missing"),
        ("{kind: jsonl}", "sinks[0].path: missing"),
        ("{kind: influx, tokenfile: xyzzy-file}", 'unknown key; did you mean "token_file"?'),
        ("{kind: influx, url: 'ftp://h'}", "must be an address such as"),
        ("{kind: influx, url: 'http://h:x'}", "must be an address such as"),
        ("{kind: influx, store: victoria}", 'did you mean "victoriametrics"?'),
        ("{kind: influx, periods: [hours]}", "one of 9 known values; did you mean"),
        ("{kind: influx, name: 'Hall 2'}", "sinks[0].name"),
        ("{kind: mqtt, prefix: 'a/#'}", "must be levels of a topic"),
        ("{kind: mqtt, prefix: '/a'}", "must be levels of a topic"),
        ("{kind: mqtt, username: me}", "sinks[0].username: only with a host"),
        ("{kind: mqtt, client_id: greendc}", '"greendc" is in use for another session'),
        ("text", "sinks[0]: must be a mapping of keys to values"),
    ],
)
def test_mistakes_are_told_by_their_place(tmp_path: Path, sink: str, told: str) -> None:
    message = refused(tmp_path, sink)
    assert told in message
    assert "site.yaml:" in message


def test_two_sinks_of_a_kind_need_names(tmp_path: Path) -> None:
    one, other = "{kind: influx}", "{kind: influx, name: hall-2}"
    assert '"influx" is there twice' in refused(tmp_path, one, one)
    assert [sink.label for sink in with_sinks(tmp_path, one, other).sinks] == ["influx", "hall-2"]


@pytest.mark.parametrize(
    ("pattern", "more", "hit"),
    [
        ("greendc/{x}/{y}/{meter}", "", True),
        ("{a}/{b}/{c}/{meter}", "", True),
        ("greendc/{x}/{meter}", "", True),  # $state
        ("dc/{meter}", "", False),
        ("dc/{x}/{y}/{meter}", "", False),
        ("greendc/{x}/{y}/{meter}", ", prefix: hall/greendc", False),
        ("greendc/{x}/{y}/{meter}", ", prefix: hall/greendc, host: elsewhere", False),
        ("greendc/{x}/{y}/{meter}", ", host: elsewhere", True),  # brokers can be bridged
        ("homeassistant/{a}/{b}/{meter}/config", "", False),
        ("homeassistant/{a}/{b}/{meter}/config", ", discovery: {}", True),
    ],
)
def test_figures_must_not_come_back_as_readings(
    tmp_path: Path, pattern: str, more: str, hit: bool
) -> None:
    topics = f"topics: [{{topic: '{pattern}', codec: json, time_at: t}}]"
    sink = f"{{kind: mqtt{more}}}"
    if hit:
        told = refused(tmp_path, sink, topics=topics)
        assert "would come back as readings" in told
        assert "choose another prefix" in told
    else:
        with_sinks(tmp_path, sink, topics=topics)


# -- files and secrets ------------------------------------------------------------------------


def test_files_are_beside_the_configuration(tmp_path: Path) -> None:
    tls = "tls: {ca: ca.pem, cert: c.pem, key: k.pem}"
    config = with_sinks(
        tmp_path,
        f"{{kind: influx, token_file: t, {tls}}}",
        f"{{kind: influx1, password_file: p, {tls}}}",
        f"{{kind: mqtt, host: h, password_file: p, {tls}}}",
        "{kind: jsonl, path: a.jsonl}",
    )
    influx, influx1, mqtt, jsonl = config.sinks
    assert isinstance(influx, InfluxSink)
    assert isinstance(mqtt, MqttSink)
    assert isinstance(jsonl, JsonlSink)
    assert influx.token_file == tmp_path / "t"
    assert influx.tls is not None
    assert (influx.tls.ca, influx.tls.key_) == (tmp_path / "ca.pem", tmp_path / "k.pem")
    assert mqtt.password_file == tmp_path / "p"
    assert jsonl.path == Path("a.jsonl")
    assert Config.from_effective(config.effective()).sinks == config.sinks
    assert influx1 == config.sinks[1]


def test_secrets_come_from_environment_or_file_and_are_told_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t").write_text(f"{SECRET}\n")
    sinks = (
        "{kind: influx, token_file: t}",
        "{kind: influx1, name: old-1, password_file: t}",
        "{kind: mqtt, host: h, password_file: t}",
    )
    config = with_sinks(tmp_path, *sinks)
    influx, influx1, mqtt = config.sinks
    assert [influx.token(), influx1.password(), mqtt.password()] == [SECRET] * 3  # type: ignore[union-attr]
    for name in ("INFLUX_TOKEN", "OLD_1_PASSWORD", "MQTT_PASSWORD"):
        monkeypatch.setenv(f"GREENDC_SINK_{name}", f"{SECRET}-too")
    assert [influx.token(), influx1.password(), mqtt.password()] == [f"{SECRET}-too"] * 3  # type: ignore[union-attr]
    told = f"{config.body().decode()} {config.sinks!r} {check_text(config)}"
    assert SECRET not in told


def test_a_secret_in_the_address_or_the_file_is_refused_without_telling_it(tmp_path: Path) -> None:
    for sink in (
        f"{{kind: influx, url: 'http://me:{SECRET}@h'}}",
        f"{{kind: influx1, url: 'http://h?p={SECRET}'}}",
        f"{{kind: influx, token: {SECRET}}}",
        f"{{kind: mqtt, host: h, password: {SECRET}}}",
    ):
        assert SECRET not in refused(tmp_path, sink)


def test_a_secret_that_cannot_be_read_is_told_by_its_key(tmp_path: Path) -> None:
    (sink,) = with_sinks(tmp_path, "{kind: influx, token_file: gone}").sinks
    assert isinstance(sink, InfluxSink)
    with pytest.raises(GreendcError, match=r"sink influx: token_file: .*gone cannot be read"):
        sink.token()


@pytest.mark.parametrize(
    "text", ["sinks: [{kind: jsonl, path: a}, {kind: jsonl, path: b}]", "sinks: []"]
)
def test_a_journal_with_sinks_of_its_day_can_be_read(tmp_path: Path, text: str) -> None:
    effective = with_sinks(tmp_path, "{kind: jsonl, path: a}").effective()
    Config.from_effective({**effective, **yaml.safe_load(text)})
