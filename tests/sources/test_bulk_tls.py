"""Messages in bulk over TLS, from a real Mosquitto."""

import datetime as dt
import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from greendc.sources.mqtt import TlsSettings
from tests.servers.support import HOST, Mosquitto, free_port
from tests.sources.listening import Listener
from tests.sources.wire import Publisher


def certify(folder: Path) -> tuple[Path, Path]:
    """A certificate of this host that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    now = dt.datetime.now(dt.UTC)
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(host, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "broker.crt", folder / "broker.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


class Secured(Mosquitto):
    """A broker with a second listener, of TLS."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder.mkdir()
        self.certificate, key = certify(folder)
        self.secure = free_port()
        tls = f"certfile {self.certificate}\nkeyfile {key}"
        self._settings["listener"] += f"\nlistener {self.secure} {HOST}\n{tls}"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with Secured(tmp_path_factory.mktemp("tls") / "broker") as broker:
        yield broker


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_records_of_tls_are_no_borders_of_messages(broker: Secured, protocol: str) -> None:
    name = f"tls-{protocol}"
    large = bytes(range(256)) * 5000
    sent = [b"%d" % number * (number % 50) for number in range(4000)] + [large, b"", b"end"]
    with Listener(
        broker.secure,
        [f"{name}/#"],
        protocol=protocol,
        client_id=name,
        tls=TlsSettings(ca=broker.certificate),
        host=HOST,
    ) as listener:
        listener.connected()
        with Publisher(broker.port) as publisher:
            publisher.send([(f"{name}/{row % 7}", payload) for row, payload in enumerate(sent)])
        listener.until(len(sent))
        listener.acknowledged(len(sent))
        assert listener.source.state.connection == 1
    assert listener.payloads == sent
