"""Requests to a store, and what its answers mean."""

import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InvalidHeader,
    NewConnectionError,
)

from greendc.config.tls import Tls
from greendc.files import why
from greendc.ports import GreendcError
from greendc.sinks.errors import Refused, Unanswered, Unavailable

# What the rows hold is at fault. 401, 403 and 404 speak of greendc's own configuration, for
# which no figure shall be left out.
TOO_LONG = 413
REFUSED = frozenset({400, TOO_LONG, 422})
# Of web servers, VictoriaMetrics and its proxy, and of what speaks TLS.
STRAY = re.compile(
    r"^\s*<|unsupported path requested|missing route for|HTTP request (was sent )?to (an )?HTTPS"
)
LONGEST = 4 * 1024 * 1024  # bytes of an answer
LOOKED_AT = 1000  # of an answer
TOLD = 300  # characters of an answer that are repeated


class _Context(ssl.SSLContext):
    """Shakes hands when it wraps, so that a socket is closed where that fails; paho forgets it."""

    def wrap_socket(self, sock: socket.socket, *args: Any, **options: Any) -> ssl.SSLSocket:
        """See `ssl.SSLContext.wrap_socket`."""
        return super().wrap_socket(sock, *args, **{**options, "do_handshake_on_connect": True})


def tls_context(tls: Tls | None) -> ssl.SSLContext:
    """A context that verifies the server's certificate and name.

    Raises
    ------
    GreendcError
        Where a file is no certificate or key.
    """
    paths: list[Path] = [] if tls is None else [p for p in (tls.ca, tls.cert, tls.key_) if p]
    try:
        context = _Context(ssl.PROTOCOL_TLS_CLIENT)
        if tls is None or tls.ca is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(tls.ca)
        if tls is not None and tls.cert is not None:
            context.load_cert_chain(tls.cert, tls.key_)
    except OSError as error:  # ssl.SSLError is one
        names = ", ".join(str(path) for path in paths)
        raise GreendcError(f"tls: {names}: cannot be used: {why(error)}") from error
    return context


def outcome(
    status: int, answer: bytes | str | None, headers: Mapping[str, str] | None
) -> Refused | Unavailable | None:
    """What an answer means for the rows that were sent; None for success.

    A web page comes from somebody else than a store, whatever its status, but for 413. 5xx comes
    from a gateway that has passed rows on, too, or from a store that gave up waiting for itself:
    they may be taken later.
    """
    head = (answer or b"")[:LOOKED_AT]
    text = head.decode(errors="replace") if isinstance(head, bytes) else head
    told = f"HTTP {status}: {' '.join(text.split())[:TOLD]}".rstrip(": ")
    stray = status != TOO_LONG and STRAY.search(text) is not None
    if 200 <= status < 300 and not stray:
        return None
    if status in REFUSED and not stray:
        return Refused(told)
    return (Unanswered if status >= 500 else Unavailable)(told, retry_after(headers))


def retry_after(headers: Mapping[str, str] | None) -> float | None:
    """What the header Retry-After asks for [s].

    >>> retry_after({"Retry-After": "120"})
    120.0
    """
    asked = (headers or {}).get("Retry-After")
    if asked is None:
        return None
    try:
        return float(urllib3.Retry().parse_retry_after(asked))
    except InvalidHeader:
        return None


@dataclass(frozen=True, slots=True)
class Login:
    """Who greendc is to a store: a user with a password, a token alone, or nobody."""

    user: str | None = None
    secret: str | None = field(default=None, repr=False)

    def headers(self) -> dict[str, str]:
        """What each request carries.

        >>> Login("me", "pass").headers()
        {'authorization': 'Basic bWU6cGFzcw=='}
        """
        if self.user is not None:
            return dict(urllib3.make_headers(basic_auth=f"{self.user}:{self.secret or ''}"))
        return {} if self.secret is None else {"authorization": f"Token {self.secret}"}


def no_answer(url: str, error: HTTPError) -> Unavailable:
    """What to raise where a request got none: whether it can have arrived is in the type."""
    nothing_sent = isinstance(error, (NewConnectionError, ConnectTimeoutError))
    kind = Unavailable if nothing_sent else Unanswered
    return kind(f"{url}: {type(error).__name__}: {error}")


class _Answer(HTTPResponse):
    """What a store answers, up to `LONGEST`: one that never ends takes no more memory."""

    def read(self, amt: int | None = None) -> bytes:
        found = super().read(LONGEST + 1 if amt is None else amt)
        if amt is None and len(found) > LONGEST:
            raise HTTPException(f"an answer of more than {LONGEST} bytes")
        return found


class _Plain(HTTPConnection):
    response_class = _Answer


class _Secure(HTTPSConnection):
    response_class = _Answer


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


def bounded(pool: urllib3.PoolManager) -> urllib3.PoolManager:
    """The same connections, over which no answer is longer than `LONGEST`."""
    pool.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
    return pool


class Http:
    """A store's address, with what each request carries; never follows redirects or retries."""

    def __init__(self, url: str, tls: Tls | None, timeout: float, login: Login) -> None:
        """Connects at the first request. `timeout` [s]."""
        self.url = url
        pool = urllib3.PoolManager(
            headers=login.headers(),
            timeout=urllib3.Timeout(timeout),
            retries=False,
            ssl_context=tls_context(tls) if url.startswith("https:") else None,
        )
        self._pool = bounded(pool)

    def get(self, path: str) -> str:
        """What stands at a path.

        Raises
        ------
        Unavailable
            Where nothing stands there.
        """
        return self._request("GET", path)

    def post(
        self, path: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> str:
        """Send content.

        Raises
        ------
        Refused, Unavailable
            By what the store answers.
        """
        return self._request("POST", path, content, headers)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _request(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        every = {**self._pool.headers, **(headers or {})}
        try:
            got = self._pool.request(
                method, f"{self.url}{path}", body=content, headers=every, redirect=False
            )
        except HTTPError as error:
            raise no_answer(self.url, error) from error
        wrong = outcome(got.status, got.data, got.headers)
        if wrong is not None:
            raise wrong
        return got.data.decode(errors="replace")
