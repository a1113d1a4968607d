"""TLS, certificates, passwords and rules of a real Mosquitto: what works, what is said if not."""

import json
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from greendc import exports, replay
from greendc.config import load, models
from greendc.config.sinks import MqttSink
from greendc.config.tls import Tls as ConfiguredTls
from greendc.ports import GreendcError
from greendc.sinks import Surroundings, new_sink
from greendc.sinks.errors import Unavailable
from greendc.sources.mqtt import Inbox, MqttSettings, MqttSource, TlsSettings
from tests.faults.plant import SITE, Plant, messages, write_log
from tests.servers.certificates import Authority, Pair, mosquitto_password
from tests.servers.support import PROJECT, SHIPPED, Mosquitto
from tests.sinks.ledgers import Rows, row
from tests.sources.listening import PATIENCE, Listener, eventually
from tests.sources.secure import PASSWORDS, published

TLS_CONFIG = PROJECT / "config" / "mosquitto" / "mosquitto-tls.conf"
ACL = PROJECT / "config" / "mosquitto" / "acl"
PROTOCOLS = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


@dataclass(frozen=True)
class Secured:
    """A broker with the shipped TLS configuration, and its authority."""

    broker: Mosquitto
    authority: Authority
    greendc: Pair
    meters: Pair

    def settings(self, **changes: Any) -> dict[str, Any]:
        tls = TlsSettings(self.authority.ca, self.greendc.cert, self.greendc.key)
        user = {"username": "greendc", "password": PASSWORDS["greendc"]}
        return {"tls": tls, "protocol": "5", **user, **changes}

    def listener(self, **changes: Any) -> Listener:
        return Listener(self.broker.port, ["dc/#"], **self.settings(**changes))

    def publish(self, user: str, *messages: tuple[str, str]) -> None:
        published(self.broker.port, self.authority.ca, self.meters, user, messages)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    own = authority.issue("broker", "127.0.0.1", "broker.example")
    passwords = folder / "passwords"
    passwords.write_text("\n".join(mosquitto_password(u, p) for u, p in PASSWORDS.items()) + "\n")
    acl = folder / "acl"
    shutil.copy(ACL, acl)
    for path in (passwords, acl):
        path.chmod(0o600)
    settings = {
        "cafile": str(authority.ca),
        "certfile": str(own.cert),
        "keyfile": str(own.key),
        "password_file": str(passwords),
        "acl_file": str(acl),
    }
    with Mosquitto(folder / "broker", settings, TLS_CONFIG) as broker:
        yield Secured(broker, authority, authority.issue("greendc"), authority.issue("meters"))


def durability(path: Path) -> list[str]:
    """What a broker configuration says of sessions, queues and logs."""
    lines = path.read_text().splitlines()
    return lines[lines.index("persistence true") :]


def test_the_two_broker_configurations_differ_only_in_who_may_come() -> None:
    assert durability(TLS_CONFIG) == durability(SHIPPED)


# -- what works -----------------------------------------------------------------------------------


@PROTOCOLS
def test_with_certificate_and_password_readings_arrive(secured: Secured, protocol: str) -> None:
    with secured.listener(protocol=protocol, client_id=f"works-{protocol}") as listener:
        listener.connected()
        secured.publish("meters", ("dc/1", "1"), ("dc/2", "2"))
        listener.until(2)
        listener.acknowledged(2)
    assert listener.payloads == [b"1", b"2"]


def test_the_rules_keep_greendc_from_forging_meters_and_others_from_its_figures(
    secured: Secured,
) -> None:
    with (
        secured.listener(client_id="rules") as raw,
        Listener(
            secured.broker.port,
            ["greendc/#", "dc/#"],
            **secured.settings(username="display", password=PASSWORDS["display"]),
            client_id="wall",
        ) as wall,
    ):
        raw.connected()
        wall.connected()
        secured.publish("greendc", ("dc/forged", "1"), ("greendc/dc1/ipue", "1.2"))
        secured.publish("meters", ("greendc/dc1/ipue", "9"), ("dc/true", "2"))
        raw.until(1)
        wall.until(1)
        raw.take()
        wall.take()
    assert [row[0] for row in raw.rows] == ["dc/true"]
    assert [row[:2] for row in wall.rows] == [("greendc/dc1/ipue", b"1.2")]


def test_figures_go_there_with_the_same_certificate_and_not_without(
    secured: Secured, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(PASSWORDS["greendc"])
    pair, at = secured.greendc, {"host": "127.0.0.1", "port": secured.broker.port}
    user = {"username": "greendc", "password_file": tmp_path / "password", "timeout": "5s"}
    around, rows = Surroundings(tmp_path, models.Mqtt()), [row(1)]
    for more in ({"cert": pair.cert, "key": pair.key}, {}):
        tls = ConfiguredTls(ca=secured.authority.ca, **more)
        sink = new_sink(MqttSink(kind="mqtt", tls=tls, **at, **user), around)  # type: ignore[arg-type]
        if more:
            sink.write(rows, Rows(rows))
        else:
            with pytest.raises(Unavailable):
                sink.write(rows, Rows(rows))
        sink.close()


def test_a_renewed_certificate_is_used_without_a_restart(secured: Secured, tmp_path: Path) -> None:
    old = Authority(tmp_path, "other").issue("greendc-old")
    pair = Pair(tmp_path / "own.crt", tmp_path / "own.key")

    def become(now: Pair) -> None:
        shutil.copy(now.key, pair.key)
        shutil.copy(now.cert, pair.cert)

    become(old)
    tls = TlsSettings(secured.authority.ca, pair.cert, pair.key)
    with secured.listener(tls=tls, client_id="renewed") as listener:
        eventually(lambda: listener.source.state.last_error is not None)
        pair.key.unlink()  # a renewal in two steps
        eventually(lambda: "mqtt.tls" in (listener.source.state.last_error or ""))
        become(secured.greendc)
        listener.connected()


def test_a_record_is_made_over_tls(
    secured: Secured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENDC_MQTT_PASSWORD", PASSWORDS["greendc"])
    monkeypatch.setenv("GREENDC_MQTT_USERNAME", "greendc")
    site = tmp_path / "site.yaml"
    own, port = secured.greendc, secured.broker.port
    site.write_text(
        f"mqtt: {{port: {port}, tls: {{ca: {secured.authority.ca}, cert: {own.cert}, "
        f"key: {own.key}}}}}\n"
        "sites: [{id: s, zone: UTC, rated_it_w: 1000, topics: [{topic: 'dc/{meter}', "
        "codec: number}], meters: [{id: m, point: it_in, unit: W, kind: instant}]}]\n"
    )
    stop, out = threading.Event(), tmp_path / "log.jsonl"
    thread = threading.Thread(target=lambda: exports.record(load(site), out, stop))
    thread.start()
    try:
        deadline = time.monotonic() + PATIENCE
        while not out.exists() or b"dc/m" not in out.read_bytes():
            assert time.monotonic() < deadline
            secured.publish("meters", ("dc/m", "5"))
            stop.wait(0.1)
            stop.set() if out.exists() and out.stat().st_size else None
    finally:
        stop.set()
        thread.join()
    assert json.loads(out.read_text().splitlines()[0])["payload"] == "5"


def test_a_whole_run_reads_and_publishes_over_tls(secured: Secured, tmp_path: Path) -> None:
    secret, pair = tmp_path / "broker.password", secured.greendc
    secret.write_text(PASSWORDS["greendc"] + "\n")
    text = SITE.replace("{kind: jsonl, path: figures.jsonl}", "{kind: mqtt}") + (
        f"mqtt: {{username: greendc, password_file: {secret}, "
        f"tls: {{ca: {secured.authority.ca}, cert: {pair.cert}, key: {pair.key}}}}}\n"
    )
    wall = Listener(
        secured.broker.port,
        ["greendc/#"],
        **secured.settings(username="display", password=PASSWORDS["display"]),
        client_id="lobby",
    )
    sent = messages(400)
    with wall, Plant(tmp_path, secured.broker, text) as plant:
        wall.connected()
        daemon = plant.daemon("--until-idle", "2")
        plant.wait_until_connected()
        secured.publish("meters", *sent)
        assert daemon.wait(60) == 0, plant.log
        shown: dict[str, dict[str, Any]] = {}
        while "value" not in shown.get("greendc/plant/ipue/hour", {}):
            wall.until(len(wall.rows) + 1)
            shown = {row[0]: json.loads(row[1]) for row in wall.rows if "$state" not in row[0]}
        live = plant.exported()
        assert PASSWORDS["greendc"] not in plant.log
    write_log(tmp_path / "log.jsonl", sent)
    replay.replay(
        [tmp_path / "log.jsonl"], load(plant.config), replay.Options(out=tmp_path / "replayed")
    )
    assert live == (tmp_path / "replayed").read_bytes()
    rows = [json.loads(line) for line in live.splitlines()]
    hours = [row for row in rows if (row["quantity"], row["period"]) == ("ipue", "hour")]
    assert shown["greendc/plant/ipue/hour"]["value"] == hours[-1]["value"]


# -- what does not, and what is said then ---------------------------------------------------------

Change = Callable[[Secured, Path], dict[str, Any]]


def _tls(secured: Secured, pair: Pair | None, ca: Path | None = None) -> dict[str, Any]:
    own = (pair.cert, pair.key) if pair is not None else (None, None)
    return {"tls": TlsSettings(ca or secured.authority.ca, *own)}


WRONG: dict[str, tuple[Change, str]] = {
    "authority": (
        lambda s, d: _tls(s, s.greendc, Authority(d, "stranger").ca),
        "certificate is by none of the authorities trusted here, those of mqtt.tls.ca",
    ),
    "no authority": (
        lambda s, _: {"tls": TlsSettings(None, s.greendc.cert, s.greendc.key)},
        "the system's: set mqtt.tls.ca",
    ),
    "host name": (lambda *_: {"host": "localhost"}, "is not for mqtt.host, localhost"),
    "no certificate": (lambda s, _: _tls(s, None), "the broker wants a certificate"),
    "expired certificate": (
        lambda s, _: _tls(s, s.authority.issue("late", valid=timedelta(days=-1))),
        "the broker finds the certificate expired",
    ),
    "foreign certificate": (
        lambda s, d: _tls(s, Authority(d, "foreign").issue("me")),
        "the broker does not trust the certificate",
    ),
    "password": (lambda *_: {"password": "Sesam-0pen"}, "see mqtt.username and its password"),
    "no user": (lambda *_: {"username": None}, "see mqtt.username and its password"),
    "no TLS": (lambda *_: {"tls": None}, "see mqtt.port, and whether mqtt.tls is what it wants"),
    "name of host": (lambda *_: {"host": "no-such-host.invalid"}, "see mqtt.host"),
}


@PROTOCOLS
@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_and_tried_again(
    secured: Secured, protocol: str, what: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    change, said = WRONG[what]
    listener = secured.listener(**{"protocol": protocol, **change(secured, tmp_path)})
    with caplog.at_level(logging.DEBUG), listener:
        eventually(lambda: listener.source.state.connection >= 3)
        told = listener.source.state.trouble or ""
    assert said in told
    assert f"no connection to {listener.source._settings.address}: {told}" in caplog.text
    for secret in (*PASSWORDS.values(), "Sesam-0pen"):
        assert secret not in caplog.text + told + repr(listener.source._settings)


def test_tls_towards_a_port_without_it(mosquitto: Mosquitto, secured: Secured) -> None:
    with Listener(mosquitto.port, **secured.settings()) as listener:
        eventually(lambda: "whether mqtt.tls" in (listener.source.state.trouble or ""))


@PROTOCOLS
def test_a_subscription_that_rules_forbid_is_told_and_asked_for_again(
    tmp_path: Path, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Mosquitto's acl_file never refuses a subscription; its plugin for dynamic security does."""
    rules = tmp_path / "rules.json"
    rules.write_text(
        json.dumps({"defaultACLAccess": {"subscribe": False, "publishClientReceive": True}})
    )
    (plugin,) = (PROJECT / ".servers").glob("**/mosquitto_dynamic_security.so")
    settings = {"plugin": str(plugin), "plugin_opt_config_file": str(rules)}
    with (
        Mosquitto(tmp_path / "broker", settings) as broker,
        Listener(broker.port, ["dc/#"], protocol=protocol) as listener,
    ):
        eventually(lambda: caplog.text.count("the broker refuses the subscription 'dc/#'") >= 3)
        assert listener.source.state.phase == "connected"
        assert "refuses to let this be read: 'dc/#'" in (listener.source.state.trouble or "")
        assert listener.source.state.connection == 1


def test_attempts_become_rarer_until_a_connection_has_stood(secured: Secured) -> None:
    delays: list[float] = []
    settings = MqttSettings(port=secured.broker.port, retry_first=1.0, retry_limit=8.0)
    source = MqttSource(settings, ["dc/#"], Inbox(capacity=2000))

    def sleep(seconds: float) -> None:
        delays.append(seconds)
        source._stopping = len(delays) == 6

    source._sleep = sleep  # type: ignore[method-assign]
    source.start()
    source._thread.join(PATIENCE)
    source.stop()
    for delay, most in zip(delays, [1, 2, 4, 8, 8, 8], strict=True):
        assert most / 2 <= delay <= most


# -- files ----------------------------------------------------------------------------------------


def test_files_that_are_no_use_are_named_at_the_start(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    one, two = authority.issue("one"), authority.issue("two")
    closed = authority.issue("closed", passphrase=b"open sesame")
    empty = tmp_path / "empty.pem"
    empty.touch()
    bad = {
        "mqtt.tls.ca: .*none.pem: No such file": TlsSettings(tmp_path / "none.pem"),
        "mqtt.tls.ca: .*empty.pem: no certificate": TlsSettings(empty),
        "mqtt.tls.cert: .*one.crt: with the key .*two.key no pair": TlsSettings(
            authority.ca, one.cert, two.key
        ),
        "mqtt.tls.key: is encrypted": TlsSettings(authority.ca, closed.cert, closed.key),
    }
    for said, tls in bad.items():
        with pytest.raises(GreendcError, match=said):
            Listener(1, tls=tls)
