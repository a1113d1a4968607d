"""What a connection to a broker needs to know."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from greendc.config.models import Mqtt
from greendc.core.facility import SECOND

FOREVER = 0xFFFFFFFF  # MQTT 5, 3.1.2.11.2: a session that does not expire

PING_LIMIT = 10.0  # s; a broker that has gone silent is noticed within two of these


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Files in PEM form; without `ca` the system's authorities are trusted."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """A context that verifies the broker's certificate and name."""
        context = ssl.create_default_context(cafile=self.ca)
        if self.cert is not None:
            context.load_cert_chain(self.cert, self.key)
        return context


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """Where the broker is and how to speak with it; all times in s.

    `persistent` is False for an observer: no session is kept, and messages are
    acknowledged on receipt. `retry_first` and `retry_limit` bound the waiting between
    two attempts to connect.
    """

    host: str = "127.0.0.1"
    port: int = 1883
    protocol: str = "5"  # or "3.1.1"
    client_id: str = "greendc"
    keepalive: int = 60
    receive_maximum: int = 1000
    session_expiry: int = 7 * 86400
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TlsSettings | None = None
    persistent: bool = True
    connect_timeout: float = 4.0
    retry_first: float = 1.0
    retry_limit: float = 30.0

    @property
    def address(self) -> str:
        """Host and port, for people."""
        return f"{self.host}:{self.port}"

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
        tls=None if tls is None else TlsSettings(tls.ca, tls.cert, tls.key_),
    )
