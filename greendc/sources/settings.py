"""What a connection to a broker needs to know."""

import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greendc.config.models import Mqtt
from greendc.core.facility import SECOND
from greendc.ports import GreendcError

FOREVER = 0xFFFFFFFF  # MQTT 5, 3.1.2.11.2: a session that does not expire

VERDICT_WITHIN = 0.3  # s that a broker without session tickets delays a connection

PING_LIMIT = 10.0  # s; a broker that has gone silent is noticed within two of these


class _Context(ssl.SSLContext):
    """Shakes hands when it wraps, so that a socket is closed where that fails; paho forgets it."""

    def wrap_socket(self, sock: socket.socket, *args: Any, **options: Any) -> ssl.SSLSocket:
        """See `ssl.SSLContext.wrap_socket`; the socket's timeout is that of connecting."""
        wrapped = super().wrap_socket(sock, *args, **{**options, "do_handshake_on_connect": True})
        try:
            _hear_out(wrapped)
        except BaseException:
            wrapped.close()
            raise
        return wrapped


def _hear_out(sock: ssl.SSLSocket) -> None:
    """Let the broker say what it thinks of our certificate.

    In TLS 1.3 a client is through before the broker has looked. Its verdict comes next, or the
    tickets of a new session; with CONNECT sent first, the verdict would go under as it hangs up.
    """
    if sock.version() != "TLSv1.3" or not select.select([sock], [], [], VERDICT_WITHIN)[0]:
        return
    patience = sock.gettimeout()
    sock.settimeout(0)
    try:
        if not sock.recv(1):
            raise ConnectionResetError
    except ssl.SSLWantReadError:
        sock.settimeout(patience)


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Files in PEM form; without `ca` the system's authorities are trusted."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """A context that verifies the broker's certificate and name, by the files as they are now.

        Raises
        ------
        GreendcError
            Where a file is missing or no use: which, and why.
        """
        context = _Context(ssl.PROTOCOL_TLS_CLIENT)
        if self.ca is None:
            context.load_default_certs()
        else:
            with _blamed("mqtt.tls.ca", self.ca, "no certificate of an authority (PEM)"):
                context.load_verify_locations(self.ca)
        if self.cert is not None:
            with _blamed("mqtt.tls.cert", self.cert, f"with the key {self.key or 'in it'} no pair"):
                context.load_cert_chain(self.cert, self.key, password=_no_passphrase)
        return context


@contextmanager
def _blamed(key: str, path: Path, otherwise: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLError as error:
        raise GreendcError(f"{key}: {path}: {otherwise}") from error
    except OSError as error:
        raise GreendcError(f"{key}: {error.filename or path}: {error.strerror}") from error


def _no_passphrase() -> str:
    """Instead of a question on the terminal, which a daemon has not."""
    raise GreendcError(
        "mqtt.tls.key: is encrypted; give it without a passphrase, readable by greendc only"
    )


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """Where the broker is and how to speak with it; all times in s.

    `persistent` is False for an observer: no session is kept, and messages are
    acknowledged on receipt. `dropped_topic` is where the broker counts what it drops; "" is
    nowhere. `retry_first` and `retry_limit` bound the waiting between
    two attempts to connect.
    """

    host: str = "127.0.0.1"
    port: int = 1883
    protocol: str = "5"  # or "3.1.1"
    client_id: str = "greendc"
    keepalive: int = 60
    receive_maximum: int = 2000
    session_expiry: int = 7 * 86400
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TlsSettings | None = None
    persistent: bool = True
    dropped_topic: str = ""
    connect_timeout: float = 4.0
    retry_first: float = 1.0
    retry_limit: float = 25.0  # with an answer that does not come before it, half a minute

    @property
    def address(self) -> str:
        """Host and port, for people."""
        return f"{self.host}:{self.port}"

    def refuse_bad_files(self) -> None:
        """See to it that certificates and key are there, and good.

        Raises
        ------
        GreendcError
            As `TlsSettings.context`.
        """
        if self.tls is not None:
            self.tls.context()

    @property
    def ping_interval(self) -> float:
        """How often the broker is asked for a sign of life, twice a keep-alive at the least.

        >>> MqttSettings(keepalive=60).ping_interval
        10.0
        >>> MqttSettings(keepalive=3).ping_interval
        1.5
        """
        return min(PING_LIMIT, self.keepalive / 2) if self.keepalive else PING_LIMIT


def settings_of(config: Mqtt) -> MqttSettings:
    """The settings that a configuration's section `mqtt` asks for.

    Raises
    ------
    GreendcError
        Where the password's file cannot be read.
    """
    tls = config.tls
    return MqttSettings(
        host=config.host,
        port=config.port,
        protocol=config.protocol,
        client_id=config.client_id,
        keepalive=config.keepalive // SECOND,
        receive_maximum=config.receive_maximum,
        session_expiry=min(config.session_expiry // SECOND, FOREVER),
        username=config.username,
        password=config.password(),
        dropped_topic=config.dropped_topic,
        tls=None if tls is None else TlsSettings(tls.ca, tls.cert, tls.key_),
    )
