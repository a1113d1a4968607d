"""How greendc answers over HTTP."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from greendc.config.http import Http


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Where to listen and who may look.

    `port` 0 takes any that is free. `hosts` are names under which it is reached besides its own
    address. With a `token` nothing is shown without it. `most_readers` bounds open event streams;
    a request that is not whole after `patience` is given up. [s]
    """

    host: str = "127.0.0.1"
    port: int = 8080
    hosts: tuple[str, ...] = ()
    cert: Path | None = None
    key: Path | None = None
    token: str | None = field(default=None, repr=False)
    most_readers: int = 64
    patience: float = 10.0

    @classmethod
    def of(cls, http: Http) -> "WebSettings":
        """What a configuration says, the token read from its place.

        Raises
        ------
        GreendcError
            If the token cannot be read or is none.
        """
        cert = None if http.tls is None else http.tls.cert
        key = None if http.tls is None else http.tls.key_
        return cls(http.host, http.port, http.hosts, cert, key, http.token())

    @property
    def scheme(self) -> str:
        """The scheme of its address."""
        return "http" if self.cert is None else "https"

    def names(self) -> frozenset[str] | None:
        """Names a request may call it by; None where any will do.

        On the loopback a page of anybody's can have its own name point here (DNS rebinding) and
        read what this machine's user may read; so names that are not ours are refused there.

        >>> sorted(WebSettings().names())
        ['127.0.0.1', '::1', 'localhost']
        >>> WebSettings(host="192.0.2.7").names() is None
        True
        """
        try:
            mine = ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            mine = self.host == "localhost"
        own = {"localhost", "127.0.0.1", "::1", self.host}
        return frozenset({name.lower() for name in (*own, *self.hosts)}) if mine else None
