"""The server binds before it is announced, says why it cannot, and ends at once."""

import datetime as dt
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from greendc.app import Daemon
from greendc.cli import main
from greendc.config import load
from greendc.core.facility import SECOND
from greendc.ports import GreendcError
from greendc.queries import Ledger
from greendc.web import Sources, WebServer, WebSettings, application
from tests.faults import plant
from tests.web.kit import Scene, scene, served


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("scene"), hours=3) as one:
        yield one


def server_of(one: Scene, settings: WebSettings, *, elsewhere: bool = False) -> WebServer:
    sources = Sources(one.board, lambda: Ledger(one.path))
    return WebServer(application(sources, settings), settings, elsewhere=elsewhere)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port: int = other.getsockname()[1]
        yield port


def test_a_port_in_use_is_told_with_what_to_do(playing: Scene, taken: int) -> None:
    server = server_of(playing, WebSettings(port=taken))
    with pytest.raises(GreendcError, match=rf"127\.0\.0\.1:{taken}: in use.*GREENDC_HTTP_PORT"):
        server.start()
    server.stop()


def test_elsewhere_takes_another_port(playing: Scene, taken: int) -> None:
    server = server_of(playing, WebSettings(port=taken), elsewhere=True)
    server.start()
    try:
        assert server.port != taken
        assert httpx.get(f"{server.url}/healthz").status_code == 200
    finally:
        server.stop()


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_ours_is_told(playing: Scene, host: str) -> None:
    with pytest.raises(GreendcError, match=rf"{host}:0: cannot listen there: .*http\.host"):
        server_of(playing, WebSettings(host=host, port=0)).start()


def test_stopping_frees_the_port_and_the_thread(playing: Scene) -> None:
    with served(playing) as server:
        port = server.port
    assert not [t for t in threading.enumerate() if t.name == "http"]
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


# -- TLS ------------------------------------------------------------------------------------------


def write_pair(folder: Path, passphrase: bytes | None = None) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    made = made.public_key(key.public_key()).serial_number(x509.random_serial_number())
    made = made.not_valid_before(begin).not_valid_after(begin + dt.timedelta(days=2))
    cert = made.add_extension(names, critical=False).sign(key, hashes.SHA256())
    how: serialization.KeySerializationEncryption = (
        serialization.NoEncryption()
        if passphrase is None
        else serialization.BestAvailableEncryption(passphrase)
    )
    pem, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(cert.public_bytes(pem))
    paths[1].write_bytes(key.private_bytes(pem, kind, how))
    return paths


def test_over_tls(playing: Scene, tmp_path: Path) -> None:
    cert, key = write_pair(tmp_path)
    trusted = ssl.create_default_context(cafile=cert)
    with served(playing, host="localhost", cert=cert, key=key) as server:
        assert server.url.startswith("https://localhost:")
        answer = httpx.get(f"{server.url}/healthz", verify=trusted)
        assert answer.json() == {"status": "alive"}


def test_a_certificate_that_is_none_is_told_and_no_passphrase_is_asked_for(
    playing: Scene, tmp_path: Path
) -> None:
    cert, key = write_pair(tmp_path, b"secret")
    for pair in ((cert, key), (key, key), (tmp_path / "none.pem", key)):
        settings = WebSettings(port=0, cert=pair[0], key=pair[1])
        with pytest.raises(GreendcError, match=r"http\.tls: .*no certificate and its key"):
            server_of(playing, settings).start()


# -- health ---------------------------------------------------------------------------------------


def test_readiness_says_what_is_in_the_way(tmp_path: Path) -> None:
    with scene(tmp_path, hours=1) as one, served(one) as server:

        def ready() -> tuple[int, list[str]]:
            answer = httpx.get(f"{server.url}/readyz")
            why: list[str] = answer.json()["why"]
            return answer.status_code, why

        assert ready() == (200, [])
        one.feel(connected=False)
        assert ready() == (503, ["the broker is not connected"])
        one.feel(journal_full="no room")
        assert ready() == (503, ["the journal is full"])
        one.feel(at=0)
        assert ready() == (503, ["starting: the journal is being read again"])
        assert httpx.get(f"{server.url}/healthz").status_code == 200


def test_a_worker_that_does_not_move_is_dead(tmp_path: Path) -> None:
    with scene(tmp_path, hours=1) as one, served(one) as server:
        one.feel(at=one.board.health.at - 60 * SECOND)
        answer = httpx.get(f"{server.url}/healthz")
        assert answer.status_code == 503
        assert re.search(r"has not moved for 6\d s", answer.json()["why"])
        assert httpx.get(f"{server.url}/readyz").status_code == 503


# -- with the daemon ------------------------------------------------------------------------------


def test_run_with_the_port_in_use_ends_with_what_to_do(
    tmp_path: Path, taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plant.yaml"
    path.write_text(plant.SITE.replace("http: {enabled: false}", f"http: {{port: {taken}}}"))
    assert main(["run", "-c", str(path)]) == 2
    assert f"127.0.0.1:{taken}: in use" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_a_daemon_answers_while_it_runs(tmp_path: Path) -> None:
    path = tmp_path / "plant.yaml"
    path.write_text(plant.SITE.replace("http: {enabled: false}", "http: {port: 0}"))
    with ExitStack() as stack:
        daemon = Daemon(load(path), until_idle=None, stack=stack)
        assert daemon.web is not None
        url = daemon.web.url
        assert httpx.get(f"{url}/healthz").status_code == 200
        state = httpx.get(f"{url}/api/v1/state").json()
        assert state["site"]["id"] == "plant"
        assert httpx.get(f"{url}/api/v1/history").status_code == 200
        daemon.stop()
        daemon.run()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz")
