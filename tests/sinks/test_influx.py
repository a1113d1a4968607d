"""Stores over HTTP: what answers mean, what is sent, and how a store must be run."""

import json
import logging
import socket
import time
from collections.abc import Iterator, Sequence
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from greendc.cli import main
from greendc.config.models import Mqtt
from greendc.config.sinks import Influx1Sink, InfluxSink
from greendc.config.tls import Tls
from greendc.core.facility import HOUR
from greendc.ports import GreendcError
from greendc.sinks import Job, Runner, Sink, Surroundings, new_sink, runner
from greendc.sinks.errors import PartlyRefused, Refused, Unanswered, Unavailable
from greendc.sinks.http import LONGEST, retry_after
from greendc.sinks.line_protocol import body
from tests.config.kit import FEED, UPS, site
from tests.servers.proxy import Answer, Proxy, Request
from tests.servers.stores import Influx1, VictoriaMetrics
from tests.servers.support import HOST, PATIENCE, free_port
from tests.sinks.ledgers import Rows, revised, row
from tests.sources.test_bulk_tls import certify

SECRET = "hush-hush-hush"  # noqa: S105 - none
AROUND = Surroundings(Path(), Mqtt())
ABSENT = dict.fromkeys(("value", "estimated", "distributed"))
UNKNOWN = {**ABSENT, "status": "undefined", "reason": "no_data"}

Kinds = pytest.mark.parametrize("kind", [InfluxSink, Influx1Sink])


def sink_at(url: str, kind: Any = InfluxSink, **more: Any) -> Sink:
    name = "influx" if kind is InfluxSink else "influx1"
    return new_sink(kind(kind=name, url=url, **more), AROUND)


@pytest.fixture
def store() -> Iterator[Proxy]:
    """Answers like a store that takes everything."""
    with Proxy() as proxy:
        proxy.instead = lambda _request: (204, {}, b"")
        yield proxy


# -- answers ----------------------------------------------------------------------------------


@Kinds
@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_the_rows_hold_is_refused(store: Proxy, kind: Any, status: int) -> None:
    store.instead = lambda _request: (status, {}, b'{"error": "field type\n conflict"}')
    with pytest.raises(Refused, match=rf"HTTP {status}: .*field type conflict"):
        sink_at(store.url, kind).write([row(1)], Rows([]))


@Kinds
@pytest.mark.parametrize("status", [301, 401, 403, 404, 408, 429, 500, 503])
def test_everything_else_is_tried_again(store: Proxy, kind: Any, status: int) -> None:
    store.instead = lambda _request: (status, {"Retry-After": "17"}, b"not now")
    with pytest.raises(Unavailable, match=rf"HTTP {status}: not now") as error:
        sink_at(store.url, kind).write([row(1)], Rows([]))
    assert error.value.retry_after == 17.0
    assert len(store.requests) == 1  # the client tries nothing on its own


@Kinds
@pytest.mark.parametrize("status", [200, 201, 400, 422])
@pytest.mark.parametrize(
    "content",
    [
        b"\n<!doctype html><title>Log in</title>",
        b"Client sent an HTTP request to an HTTPS server.",
        b"<center>The plain HTTP request was sent to HTTPS port</center>",
        b'missing route for "/write"',
    ],
)
def test_an_answer_of_somebody_else_is_no_fault_of_the_rows_nor_has_it_taken_them(
    store: Proxy, kind: Any, status: int, content: bytes
) -> None:
    store.instead = lambda _request: (status, {}, content)
    with pytest.raises(Unavailable, match=rf"HTTP {status}: ") as error:
        sink_at(store.url, kind).write([row(1)], Rows([]))
    assert not isinstance(error.value, Unanswered)


@Kinds
def test_a_proxy_that_finds_a_batch_too_long_says_so_on_a_page(store: Proxy, kind: Any) -> None:
    store.instead = lambda _request: (413, {}, b"<h1>413 Request Entity Too Large</h1>")
    with pytest.raises(Refused, match="HTTP 413: "):
        sink_at(store.url, kind).write([row(1)], Rows([]))


@pytest.mark.parametrize("content", [b"fine", b"[]", b"{}", b'{"results": 5}'])
def test_a_question_to_influxdb_1_that_somebody_else_answers(store: Proxy, content: bytes) -> None:
    store.instead = lambda _request: (200, {}, content)
    with pytest.raises(Unavailable, match="no answer of an InfluxDB"):
        sink_at(store.url, Influx1Sink).holds(row(1))  # type: ignore[attr-defined]


@Kinds
def test_nobody_there_is_told_with_the_address(kind: Any) -> None:
    url = f"http://{HOST}:{free_port()}"
    with pytest.raises(Unavailable, match=f"{url}: "):
        sink_at(url, kind).write([row(1)], Rows([]))


@Kinds
@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_without_end_is_read_up_to_a_limit(store: Proxy, kind: Any, status: int) -> None:
    answers = [(200, bytes(LONGEST)), (status, bytes(LONGEST + 1))]

    def answer(_request: Request) -> Answer:
        code, content = answers.pop(0)
        return code, {}, content

    store.instead = answer
    sink = sink_at(store.url, kind)
    sink.write([row(1)], Rows([]))
    with pytest.raises(Unavailable, match=f"an answer of more than {LONGEST} bytes"):
        sink.write([row(1)], Rows([]))
    assert len(store.requests) == 2


@Kinds
def test_what_may_have_arrived_is_told_from_what_cannot(store: Proxy, kind: Any) -> None:
    with socket.create_server((HOST, 0)) as silent:
        late = sink_at(f"http://{HOST}:{silent.getsockname()[1]}", kind, timeout="1s")
        with pytest.raises(Unanswered, match="timed out"):
            late.write([row(1)], Rows([]))
    gone = sink_at(f"http://{HOST}:{free_port()}", kind)
    store.instead = lambda _request: (429, {}, b"")
    for sink in (gone, sink_at(store.url, kind)):
        with pytest.raises(Unavailable) as error:
            sink.write([row(1)], Rows([]))
        assert not isinstance(error.value, Unanswered)
    store.instead = lambda _request: (504, {}, b"")  # of a proxy, which has passed the rows on
    with pytest.raises(Unanswered):
        sink_at(store.url, kind).write([row(1)], Rows([]))


def test_retry_after_can_be_a_date_or_nonsense() -> None:
    asked = retry_after({"Retry-After": formatdate(4e9, usegmt=True)})
    assert asked is not None
    assert asked > 3600.0
    assert retry_after({"Retry-After": "soon"}) is None
    assert retry_after({}) is retry_after(None) is None


# -- what is sent -----------------------------------------------------------------------------


def test_influxdb_2_gets_its_api(store: Proxy, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    rows = [row(1), row(2)]
    options = {"org": "acme", "bucket": "dc", "token_file": tmp_path / "token"}
    sink_at(store.url, **options).write(rows, Rows(rows))
    (request,) = store.requests
    assert request.path == "/api/v2/write?org=acme&bucket=dc&precision=ns"
    assert request.headers["Authorization"] == f"Token {SECRET}"
    assert request.headers["Content-Encoding"] == "gzip"
    assert request.body.encode() == body(rows).rstrip(b"\n") or request.body.encode() == body(rows)
    sink_at(store.url, gzip=False, username="me", **options).write(rows, Rows(rows))
    plain = store.requests[1]
    assert plain.headers.get("Content-Encoding", "identity") == "identity"
    assert plain.headers["Authorization"] == "Basic bWU6aHVzaC1odXNoLWh1c2g="


def test_influxdb_1_gets_its_own(store: Proxy, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(SECRET)
    options = {"database": "dc", "retention_policy": "years", "username": "me"}
    sink_at(store.url, Influx1Sink, password_file=tmp_path / "password", **options).write(
        [row(1)], Rows([])
    )
    (request,) = store.requests
    assert request.path == "/write?db=dc&rp=years&precision=ns"
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["authorization"] == "Basic bWU6aHVzaC1odXNoLWh1c2g="
    assert headers["content-encoding"] == "gzip"
    assert request.body.encode() == body([row(1)])


def test_a_deletion_that_influxdb_1_refuses_in_its_answer_is_tried_again(store: Proxy) -> None:
    """It says so in the body of a 200."""
    answer = b'{"results": [{"statement_id": 0, "error": "shard is disabled"}]}'
    store.instead = lambda request: (200, {}, answer if "/query" in request.path else b"")
    before = row(1, uncertainty=7.2e4)
    ledger = Rows([before, revised(2, before, uncertainty=None)])
    with pytest.raises(Unavailable, match="cannot delete a point: shard is disabled"):
        sink_at(store.url, Influx1Sink, database="dc").write(ledger.rows[1:], ledger)
    assert store.writes() == []


def test_influxdb_2_is_told_to_delete_what_a_revision_does_not_have(store: Proxy) -> None:
    """No server of InfluxDB 2 can be had here: what is asked of it is what its manual says."""
    before = row(1, 'a "b"', quantity="ipue", unit="1", category=2)
    ledger = Rows([before, revised(2, before, **UNKNOWN)])
    sink_at(store.url, org="acme", bucket="dc").write(ledger.rows[1:], ledger)
    deletion, write = store.requests
    assert deletion.path == "/api/v2/delete?org=acme&bucket=dc"
    assert json.loads(deletion.body) == {
        "start": "2025-03-01T01:00:00Z",
        "stop": "2025-03-01T01:00:01Z",
        "predicate": '_measurement="greendc_kpi" AND category="2" AND kpi="ipue" AND '
        'period="2025-03" AND res="hour" AND site="a \\"b\\""',
    }
    assert "value=" not in write.body


def test_what_a_revision_still_has_is_overwritten_without_deleting(store: Proxy) -> None:
    before = row(1)
    ledger = Rows([before, revised(2, before, value=9.0)])
    sink_at(store.url).write(ledger.rows[1:], ledger)
    assert [request.path.partition("?")[0] for request in store.requests] == ["/api/v2/write"]


def test_fields_of_any_earlier_revision_are_deleted_since_a_crash_may_have_left_any(
    store: Proxy,
) -> None:
    first = row(1)
    second = revised(2, first, **UNKNOWN)
    third = revised(3, second, reason="silent")
    ledger = Rows([first, second, third])
    sink_at(store.url).write([third], ledger)
    assert "/api/v2/delete" in store.requests[0].path


def test_influxdb_3_which_cannot_delete_is_not_asked_to(store: Proxy) -> None:
    before = row(1)
    ledger = Rows([before, revised(2, before, **UNKNOWN)])
    sink_at(store.url, store="influxdb3").write(ledger.rows, ledger)
    (request,) = store.requests
    assert request.body.count("\n") <= 1
    assert "status=5.0" in request.body


# -- a real InfluxDB 1 ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def influx1(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx1]:
    with Influx1(tmp_path_factory.mktemp("influx1")) as server:
        server.create()
        (server.folder / "password").write_text(server.password)
        yield server


def influx1_sink(server: Influx1, **more: Any) -> Sink:
    options = {"username": server.user, "password_file": server.folder / "password", **more}
    return sink_at(server.url, Influx1Sink, **options)


def test_points_that_a_real_store_refuses_are_left_out_and_the_others_stand_there(
    influx1: Influx1, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runner, "POLL_SECONDS", 0.01)
    client = influx1.client()
    # a field that is text in the store can take no number
    client.write_points(
        ['greendc_energy,site=odd joules="text" 1740790800000000000'], protocol="line"
    )
    ledger = Rows(
        [
            row(n, "odd", **({"unit": "1", "quantity": "ipue"} if n % 3 else {}))
            for n in range(1, 11)
        ]
    )
    one = Runner(Job("old", "influx1"), influx1_sink(influx1), lambda: ledger)
    one.start()
    one.finish()
    one.join(20.0)
    health = one.health(10)
    assert (health.sent, health.refused, health.pending) == (7, 3, 0)
    assert caplog.text.count("field type conflict") == 3
    found = list(client.query("SELECT * FROM greendc_kpi WHERE site = 'odd'").get_points())
    assert [point["value"] for point in found] == [3.6e6 * n for n in (1, 2, 4, 5, 7, 8, 10)]
    client.close()


def test_points_that_a_real_store_would_not_keep_are_left_out_at_once(
    influx1: Influx1, caplog: pytest.LogCaptureFixture
) -> None:
    """A store with a retention policy, and a ledger that goes back far behind it."""
    client = influx1.client()
    client.create_retention_policy("short", "2h", 1, shard_duration="1h")
    hour = time.time_ns() // HOUR * HOUR
    ledger = Rows(row(n, "brief", start=hour - (200 - n) * HOUR) for n in range(1, 201))
    with Proxy(influx1.url) as between:
        at = Influx1(influx1.folder)
        at.port = between.port
        sink = influx1_sink(at, retention_policy="short")
        one = Runner(Job("old", "influx1"), sink, lambda: ledger)
        one.start()
        one.finish()
        one.join(20.0)
        assert len(between.writes()) == 1
    kept = client.query("SELECT rev FROM short.greendc_energy WHERE site = 'brief'", epoch="ns")
    stood = [point["time"] for point in kept.get_points()]
    assert stood == [r.figure.start for r in ledger.rows[-len(stood) :]]
    assert 2 <= len(stood) <= 4
    health = one.health(200)
    assert (health.sent, health.refused) == (len(stood), 200 - len(stood))
    assert "(brief e_dc hour, start" in caplog.text
    assert "points beyond retention policy dropped" in caplog.text
    client.close()


class Hasty(Influx1):
    """Waits for its own writing no longer than a microsecond."""

    def command(self) -> Sequence[str | Path]:
        command = super().command()
        with (self.folder / "conf").open("a") as file:
            file.write('[coordinator]\nwrite-timeout = "1us"\n')
        return command


def test_what_a_real_store_fails_to_write_in_time_it_writes_later(tmp_path: Path) -> None:
    with Hasty(tmp_path) as server:
        server.create()
        (tmp_path / "password").write_text(server.password)
        with pytest.raises(Unanswered, match=r'HTTP 500: .*"timeout"'):
            influx1_sink(server).write([row(n) for n in range(1, 201)], Rows([]))
        deadline, client = time.monotonic() + PATIENCE, server.client()
        while not list(client.query("SELECT rev FROM greendc_energy").get_points()):
            assert time.monotonic() < deadline
        client.close()


def test_a_point_whose_tags_change_moves(influx1: Influx1) -> None:
    before = row(1, "moved", quantity="ipue", unit="1", category=1)
    ledger = Rows([before, revised(2, before, category=2)])
    sink = influx1_sink(influx1)
    sink.write(ledger.rows[:1], Rows(ledger.rows[:1]))
    sink.write(ledger.rows[1:], ledger)
    client = influx1.client()
    (point,) = client.query("SELECT * FROM greendc_kpi WHERE site = 'moved'").get_points()
    assert (point["category"], point["rev"]) == ("2", 1.0)
    client.close()


@pytest.mark.parametrize(
    ("more", "told"),
    [({"database": "none"}, "database not found"), ({"username": "nobody"}, "HTTP 401")],
)
def test_a_wrong_way_in_is_no_fault_of_the_rows(
    influx1: Influx1, more: dict[str, str], told: str
) -> None:
    with pytest.raises(Unavailable, match=told) as error:
        influx1_sink(influx1, **more).write([row(1)], Rows([]))
    assert influx1.password not in str(error.value)


# -- a real VictoriaMetrics -------------------------------------------------------------------


@Kinds
def test_a_path_that_victoriametrics_does_not_know_is_no_fault_of_the_rows(
    tmp_path: Path, kind: Any
) -> None:
    with (
        VictoriaMetrics(tmp_path / "store") as server,
        pytest.raises(Unavailable, match=r"HTTP 400: .*unsupported path"),
    ):
        sink_at(f"{server.url}/metrics-store", kind).write([row(1)], Rows([]))


def test_a_month_that_is_written_anew_is_whole_whatever_part_of_it_is_refused(
    tmp_path: Path,
) -> None:
    """Behind a proxy that takes no long batches, and one figure never."""
    bad = f" {row(250).figure.start}"

    def refused(request: Request) -> Answer | None:
        if len(request.body) > 10_000:
            return 413, {}, b"<h1>413 Request Entity Too Large</h1>"
        return (422, {}, b"no") if bad in request.body else None

    first = [row(number) for number in range(1, 301)]
    ledger = Rows([*first, revised(301, first[6], value=9.0)], cursor=300)
    with VictoriaMetrics(tmp_path / "store") as server, Proxy(server.url) as between:
        between.instead = refused
        sink = sink_at(between.url, store="victoriametrics", batch=200, gzip=False)
        with pytest.raises(PartlyRefused) as error:
            sink.write(ledger.rows[300:], ledger)
        assert error.value.refused == [(first[249], "HTTP 422: no")]
        found = [value for _, _, value in server.exported("greendc_energy_joules")]
        wanted = {number: 3.6e6 * number for number in range(1, 301) if number != 250}
        assert sorted(found) == sorted((wanted | {7: 9.0}).values())
        assert "/internal/resetRollupResultCache" in [one.path for one in between.requests]


def test_victoriametrics_with_tls_and_a_password(tmp_path: Path) -> None:
    certificate, key = certify(tmp_path)
    (tmp_path / "token").write_text(SECRET)
    flags = (
        "-tls",
        f"-tlsCertFile={certificate}",
        f"-tlsKeyFile={key}",
        "-httpAuth.username=me",
        f"-httpAuth.password={SECRET}",
        "-dedup.minScrapeInterval=1ms",
        "-retentionPeriod=100y",
    )
    server = VictoriaMetrics(tmp_path / "store", flags)
    server.trust(certificate, "me", SECRET)
    before = row(1)
    ledger = Rows([before, revised(2, before, value=9.0)])
    options = {"store": "victoriametrics", "username": "me", "token_file": tmp_path / "token"}
    with server:
        sink = sink_at(server.url, tls=Tls(ca=certificate), **options)
        for lo in (0, 1):
            sink.write(ledger.rows[lo : lo + 1], ledger)
        (value,) = [v for _, _, v in server.exported("greendc_energy_joules")]
        assert value == 9.0
        sink.close()
        stranger = sink_at(server.url, **options)
        with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
            stranger.write(ledger.rows, ledger)
        (tmp_path / "token").write_text("wrong-one")
        nobody = sink_at(server.url, tls=Tls(ca=certificate), **options)
        with pytest.raises(Unavailable, match="HTTP 401") as error:
            nobody.write(ledger.rows, ledger)
        assert "wrong-one" not in str(error.value)


def test_how_victoriametrics_is_run_is_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:  # M10
    path = tmp_path / "site.yaml"

    def checked(url: str, store: str = "victoriametrics") -> str:
        sinks = f"sinks: [{{kind: influx, name: hall, url: '{url}', store: {store}}}]\n"
        path.write_text(site(FEED, UPS) + sinks)
        assert main(["check", str(path)]) == 0
        return capsys.readouterr().err

    url = f"http://{HOST}:{free_port()}"
    assert checked(url, "influxdb") == ""
    assert f"warning: sink hall: {url}: cannot be asked how it is run" in checked(url)
    with VictoriaMetrics(tmp_path / "good") as good:
        assert checked(good.url) == ""
        assert "is a VictoriaMetrics: set store: victoriametrics" in checked(good.url, "influxdb")
    with VictoriaMetrics(tmp_path / "bad", ()) as bad:
        told = checked(bad.url)
        assert "runs without -dedup.minScrapeInterval=1ms" in told
        assert "older than -retentionPeriod=1;" in told
        with caplog.at_level(logging.WARNING):
            sink = sink_at(bad.url, store="victoriametrics")
            sink.write([row(1)], Rows([]))
            sink.write([row(2)], Rows([]))
    assert caplog.text.count("runs without -dedup") == 1


def test_how_influxdb_1_is_run_is_checked(
    influx1: Influx1, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, secret = tmp_path / "site.yaml", influx1.folder / "password"
    client = influx1.client()
    client.create_retention_policy("year", "366d", 1)
    client.create_retention_policy("years", "1000d", 1)

    def checked(url: str, more: str = "") -> str:
        login = f"username: {influx1.user}, password_file: '{secret}'"
        sinks = f"sinks: [{{kind: influx1, url: '{url}', {login}{more}}}]\n"
        path.write_text(site(FEED, UPS) + sinks)
        assert main(["check", str(path)]) == 0
        return capsys.readouterr().err

    assert checked(influx1.url) == ""
    assert checked(influx1.url, ", retention_policy: years") == ""
    told = checked(influx1.url, ", retention_policy: year")
    assert "sink influx1: " in told
    assert "takes no figures that are older than 8784h, by its retention policy year;" in told
    client.alter_retention_policy("year", "greendc", default=True)
    assert "by its retention policy year;" in checked(influx1.url)
    client.alter_retention_policy("autogen", "greendc", default=True)
    client.close()
    assert checked(f"http://{HOST}:{free_port()}") == ""
    with VictoriaMetrics(tmp_path / "other") as other:
        told = checked(other.url)
    assert "is a VictoriaMetrics: set kind: influx and store: victoriametrics" in told


# -- at the start -----------------------------------------------------------------------------


def test_a_secret_or_certificate_that_cannot_be_read_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(GreendcError, match=r"token_file: .*gone cannot be read"):
        sink_at("http://h", token_file=tmp_path / "gone")
    with pytest.raises(GreendcError, match=r"tls: .*gone\.pem: cannot be used"):
        sink_at("https://h", tls=Tls(ca=tmp_path / "gone.pem"))
    with pytest.raises(GreendcError, match=r"tls: .*gone\.pem: cannot be used"):
        sink_at("https://h", Influx1Sink, tls=Tls(ca=tmp_path / "gone.pem"))
