"""Figures on a real broker: the newest ones, retained, and never a number that does not hold."""

import base64
import hashlib
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from greendc.config import models
from greendc.config.sinks import Discovery, MqttSink
from greendc.config.tls import Tls
from greendc.core.facility import HOUR
from greendc.ports import GreendcError
from greendc.sinks import Job, Runner, Surroundings, new_sink
from greendc.sinks.errors import PartlyRefused, Unavailable
from greendc.sinks.mqtt import Retained
from tests.servers.support import HOST, Mosquitto
from tests.sinks.ledgers import Rows, revised, row
from tests.sinks.listening import retained
from tests.sources.test_bulk_tls import Secured, certify

STATE = "greendc/$state/greendc-mqtt"
# Home Assistant 2024.3, components/sensor/const.py: classes with their units and state classes
CLASSES = {"energy": ("kWh", "total"), "weight": ("kg", "total")}
# and components/mqtt/discovery.py: the topic of an announcement
TOPIC = re.compile(r"homeassistant/sensor/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config")

Make = Callable[..., Retained]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Retained] = []

    def sink(port: int, **more: Any) -> Retained:
        config = MqttSink(**{"kind": "mqtt", "host": HOST, "port": port, **more})
        one = new_sink(config, Surroundings(tmp_path, models.Mqtt(), {"dc": "Data centre"}))
        assert isinstance(one, Retained)
        made.append(one)
        return one

    yield sink
    for one in made:
        one.close()


def told(broker: Mosquitto, *filters: str) -> dict[str, Any]:
    return {
        t: json.loads(p) for t, p in retained(broker.port, *(filters or ("greendc/#",))).items()
    }


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_figure_is_json_as_in_an_export(mosquitto: Mosquitto, make: Make, protocol: str) -> None:
    rows = [row(1, category=2, uncertainty=7.2e4)]
    make(mosquitto.port, protocol=protocol, prefix="site/greendc").write(rows, Rows(rows))
    assert told(mosquitto, "site/greendc/dc/#") == {
        "site/greendc/dc/e_dc/hour": {
            "site": "dc",
            "period": "hour",
            "start": "2025-03-01T01:00:00Z",
            "end": "2025-03-01T02:00:00Z",
            "quantity": "e_dc",
            "value": 1.0,
            "unit": "kWh",
            "category": 2,
            "coverage": 1.0,
            "estimated_share": 0.0,
            "distributed_share": 0.0,
            "shares": {"measured": 1.0, "distributed": 0.0, "estimated": 0.0, "missing": 0.0},
            "uncertainty": 0.02,
            "status": "ok",
            "doubt": "no_accuracy",
            "revision": 0,
        }
    }


@pytest.mark.parametrize("status", ["undefined", "invalid"])
def test_a_number_that_does_not_hold_any_more_goes_and_the_reason_comes(
    mosquitto: Mosquitto, make: Make, status: str
) -> None:
    before = row(1)
    ledger = Rows([before, revised(2, before, value=-1.0, status=status, reason="negative_total")])
    sink = make(mosquitto.port)
    sink.write(ledger.rows[:1], Rows(ledger.rows[:1]))
    sink.write(ledger.rows[1:], ledger)
    figure = told(mosquitto, "greendc/dc/#")["greendc/dc/e_dc/hour"]
    assert "value" not in figure
    assert (figure["status"], figure["reason"]) == (status, "negative_total")


def test_only_asked_periods_and_only_the_newest(mosquitto: Mosquitto, make: Make) -> None:
    ledger = Rows([row(n, period=p) for n, p in enumerate(["hour", "cell", "hour", "day"], 1)])
    make(mosquitto.port, periods=("hour", "day")).write(ledger.rows[2:3], ledger)
    found = told(mosquitto, "greendc/dc/#")
    assert {topic: figure["value"] for topic, figure in found.items()} == {
        "greendc/dc/e_dc/hour": 3.0,
        "greendc/dc/e_dc/day": 4.0,
    }


def test_catching_up_publishes_the_state_not_the_past(mosquitto: Mosquitto, make: Make) -> None:
    ledger = Rows([row(number) for number in range(1, 2001)])
    sink = make(mosquitto.port)
    for lo in range(0, 2000, 100):
        sink.write(ledger.rows[lo : lo + 100], ledger)
    assert told(mosquitto, "greendc/dc/#")["greendc/dc/e_dc/hour"]["value"] == 2000.0
    sent = int(retained(mosquitto.port, "$SYS/broker/publish/messages/received").popitem()[1])
    assert sent < 10


# -- there, or not ----------------------------------------------------------------------------


def state(broker: Mosquitto) -> bytes | None:
    return retained(broker.port, "greendc/$state/+", quiet=0.1).get(STATE)


def test_the_state_says_whether_greendc_is_there(mosquitto: Mosquitto, make: Make) -> None:
    sink, ledger = make(mosquitto.port), Rows([row(1)])
    sink.write(ledger.rows, ledger)
    assert state(mosquitto) == b"online"
    sink.close()
    assert state(mosquitto) == b"offline"


def test_the_broker_says_it_when_greendc_cannot(mosquitto: Mosquitto, make: Make) -> None:
    sink, ledger = make(mosquitto.port), Rows([row(1), row(2)])
    sink.write(ledger.rows[:1], ledger)
    session = sink._session
    assert session is not None
    sock: Any = session._client.socket()
    sock.shutdown(socket.SHUT_RDWR)  # as a kill would, without a farewell
    until(lambda: state(mosquitto) == b"offline")
    until(lambda: session.lost)
    sink.write(ledger.rows[1:], ledger)
    assert state(mosquitto) == b"online"


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_broker_that_has_forgotten_everything_is_told_again(tmp_path: Path, make: Make) -> None:
    broker = Mosquitto(tmp_path / "broker", {"persistence": "false"})
    with broker:
        ledger = Rows([row(1, quantity="e_it"), row(2), row(3)])
        sink = make(broker.port)
        sink.write(ledger.rows[:2], Rows(ledger.rows[:2]))
        broker.restart()
        session = sink._session
        until(lambda: session is not None and session.lost)
        sink.write(ledger.rows[2:], ledger)
        found = {t: f["value"] for t, f in told(broker, "greendc/dc/#").items()}
        assert found == {"greendc/dc/e_it/hour": 1.0, "greendc/dc/e_dc/hour": 3.0}


def test_the_state_stands_there_with_nothing_new_to_write(tmp_path: Path, make: Make) -> None:
    """From the start on, after a cut, and on a broker that comes back empty."""
    broker = Mosquitto(tmp_path / "broker", {"persistence": "false"})
    with broker:
        ledger = Rows([row(1)], cursor=1)
        sink = make(broker.port)
        one = Runner(Job("wall", "mqtt"), sink, lambda: ledger)
        one.start()
        try:
            for _ in range(2):
                until(lambda: state(broker) == b"online")
                assert told(broker, "greendc/dc/#")["greendc/dc/e_dc/hour"]["value"] == 1.0
                broker.restart()
            until(lambda: state(broker) == b"online")
            assert one.health(1).error is None
        finally:
            one.stop()
            one.join(10)


def test_a_broker_that_does_not_answer_is_an_os_error(make: Make) -> None:
    with socket.create_server((HOST, 0)) as silent:
        sink = make(silent.getsockname()[1], timeout="1s")
        with pytest.raises(Unavailable, match="no answer within 1 s"):
            sink.write([row(1)], Rows([row(1)]))


def test_a_broker_that_takes_few_at_a_time_gets_few(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Mosquitto(tmp_path / "broker", {"max_inflight_messages": "2"}) as broker:
        rows = [row(number, quantity=f"meter-{number}") for number in range(1, 101)]
        sink = make(broker.port)
        sink.write(rows[:1], Rows(rows[:1]))
        session = sink._session
        assert session is not None
        publish = session._client.publish
        waiting: list[int] = []

        def counted(*given: Any, **more: Any) -> Any:
            waiting.append(len(waiting) - len(session._done))
            return publish(*given, **more)

        monkeypatch.setattr(session._client, "publish", counted)
        sink.write(rows[1:], Rows(rows))
        assert len(waiting) == 99
        assert max(waiting) < 2
        assert len(told(broker, "greendc/dc/#")) == 100


# -- who may ----------------------------------------------------------------------------------


def guarded(folder: Path, password: str) -> Mosquitto:
    """A broker on which `display` may write energies only; others may read."""
    folder.mkdir()
    (folder / "acl").write_text(
        "topic read greendc/#\nuser display\n"
        "topic write greendc/+/e_dc/#\ntopic write greendc/$state/#\n"
    )
    salt = b"twelve bytes"
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    told = "$".join(base64.b64encode(part).decode() for part in (salt, digest))
    (folder / "users").write_text(f"display:$7$101${told}\n")  # as mosquitto_passwd writes it
    return Mosquitto(
        folder, {"acl_file": str(folder / "acl"), "password_file": str(folder / "users")}
    )


def test_what_the_broker_does_not_take_is_told_apart(tmp_path: Path, make: Make) -> None:
    (tmp_path / "secret").write_text("hush-hush\n")
    with guarded(tmp_path / "broker", "hush-hush") as broker:
        rows = [row(1), row(2, quantity="e_it"), row(3)]
        sink = make(broker.port, username="display", password_file=tmp_path / "secret")
        with pytest.raises(PartlyRefused) as error:
            sink.write(rows, Rows(rows))
        assert [(r.id, why) for r, why in error.value.refused] == [(2, "the broker answers 0x87")]
        assert set(told(broker, "greendc/dc/#")) == {"greendc/dc/e_dc/hour"}


def test_a_wrong_password_is_tried_again_not_skipped(tmp_path: Path, make: Make) -> None:
    (tmp_path / "secret").write_text("wrong-one\n")
    with guarded(tmp_path / "broker", "hush-hush") as broker:
        sink = make(broker.port, username="display", password_file=tmp_path / "secret")
        with pytest.raises(Unavailable, match="refused: ") as error:
            sink.write([row(1)], Rows([row(1)]))
        assert "wrong-one" not in str(error.value)


def test_tls_with_an_authority(tmp_path: Path, make: Make) -> None:
    with Secured(tmp_path / "broker") as broker:
        rows = [row(1)]
        make(broker.secure, tls=Tls(ca=broker.certificate)).write(rows, Rows(rows))
        assert set(told(broker, "greendc/dc/#")) == {"greendc/dc/e_dc/hour"}
        other = tmp_path / "other"
        other.mkdir()
        stranger = make(broker.secure, tls=Tls(ca=certify(other)[0]))
        with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
            stranger.write(rows, Rows(rows))


def test_a_file_that_is_no_certificate_is_told_at_once(tmp_path: Path, make: Make) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(GreendcError, match=r"tls: .*ca\.pem: cannot be used"):
        make(1, tls=Tls(ca=tmp_path / "ca.pem"))


def test_without_a_host_it_is_the_broker_of_the_readings(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    readings = models.Mqtt(host=HOST, port=mosquitto.port, client_id="hall")
    sink = new_sink(MqttSink(kind="mqtt", name="wall"), Surroundings(tmp_path, readings))
    sink.write([row(1)], Rows([row(1)]))
    assert set(retained(mosquitto.port, "greendc/#")) == {
        "greendc/dc/e_dc/hour",
        "greendc/$state/hall-wall",
    }
    sink.close()


# -- Home Assistant ---------------------------------------------------------------------------


def test_home_assistant_is_told_only_where_asked(mosquitto: Mosquitto, make: Make) -> None:
    rows = [row(1)]
    make(mosquitto.port).write(rows, Rows(rows))
    assert retained(mosquitto.port, "homeassistant/#") == {}


def test_what_home_assistant_is_told(mosquitto: Mosquitto, make: Make) -> None:
    rows = [
        row(1),
        row(2, quantity="ipue", unit="1"),
        row(3, quantity="co2e_location", unit="g"),
        row(4, quantity="cue_location", unit="kgCO2e/kWh"),
        row(5, quantity="LZR.IT"),
        row(6, quantity="LZR_IT"),
        row(7, period="cell", end=row(7).figure.start + HOUR // 60),
        row(8, quantity="erf", unit="1", value=None, status="undefined", reason="no_data"),
    ]
    make(mosquitto.port, discovery=Discovery()).write(rows, Rows(rows))
    found = told(mosquitto, "homeassistant/#")
    figures = told(mosquitto, "greendc/dc/#")
    assert {config["state_topic"] for config in found.values()} == set(figures) - {
        "greendc/dc/e_dc/cell"
    }
    assert len({config["unique_id"] for config in found.values()}) == len(found) == 7
    for topic, config in found.items():
        unit = figures[config["state_topic"]]["unit"]
        assert TOPIC.fullmatch(topic)
        assert config.get("unit_of_measurement", "1") == unit
        kind = config.get("device_class")
        if kind is None:
            assert config["state_class"] == "measurement"
        else:
            assert (unit, config["state_class"]) == CLASSES[kind]
            assert config["last_reset_value_template"] == "{{ value_json.start }}"
        assert config["availability_topic"] == STATE
        assert config["device"]["name"] == "Data centre"
    assert {c.get("device_class") for c in found.values()} == {"energy", "weight", None}


def test_each_figure_is_announced_once_on_a_connection(mosquitto: Mosquitto, make: Make) -> None:
    ledger = Rows([row(number) for number in range(1, 4)])
    sink = make(mosquitto.port, discovery=Discovery(prefix="ha"))
    sink.write(ledger.rows[:1], Rows(ledger.rows[:1]))
    assert set(retained(mosquitto.port, "ha/#")) == {"ha/sensor/greendc_dc/e_dc_hour/config"}
    assert sink._announcement(ledger.rows[1]) == []
