"""The HTTP server: uvicorn in a thread of its own, started and stopped with the daemon."""

import contextlib
import errno
import logging
import socket
import ssl
import threading

import uvicorn
from starlette.applications import Starlette

from greendc.ports import GreendcError
from greendc.web.patience import protocol
from greendc.web.settings import WebSettings

log = logging.getLogger(__name__)

LONGEST_HEAD = 32 * 1024  # bytes of a request before its end is seen
MOST_CONNECTIONS = 256
STOP_SECONDS = 1
TRIES = 20  # ports after the one that is in use
START_SECONDS = 10.0

# Of every answer, also of those that uvicorn gives by itself.
SAFE = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with none at all a form would not say where it is from
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class _Uvicorn(uvicorn.Server):
    """Tells open event streams to end before it waits for them."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        if isinstance(app, Starlette):
            app.state.closing.set()
        await super().shutdown(sockets)


class WebServer:
    """An application behind a bound port.

    `elsewhere` takes another port where the one asked for is in use. The port is bound by
    `start`, which returns when requests are answered; `url` says where.

    Raises
    ------
    GreendcError
        From `start`: the address cannot be used, or the certificate cannot.
    """

    def __init__(
        self, application: Starlette, settings: WebSettings, *, elsewhere: bool = False
    ) -> None:
        """Prepare; nothing is bound yet."""
        self._application, self._settings, self._elsewhere = application, settings, elsewhere
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._port = settings.port

    @property
    def port(self) -> int:
        """The port that is listened on, once started."""
        return self._port

    @property
    def url(self) -> str:
        """Address for people: of a page on this machine where all addresses are listened on."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._settings.host, self._settings.host)  # noqa: S104 - told, not bound
        shown = f"[{host}]" if ":" in host else host
        return f"{self._settings.scheme}://{shown}:{self._port}"

    def start(self) -> None:
        """Bind, serve, and return when requests are answered."""
        context = self._context()
        bound = self._bind()
        self._port = bound.getsockname()[1]
        server = _Uvicorn(self._config())
        server.config.load()
        server.config.ssl = context
        self._server = server
        self._thread = threading.Thread(
            target=server.run, args=([bound],), name="http", daemon=True
        )
        self._thread.start()
        self._wait_until_started(server, bound)
        log.info("page at %s", self.url)

    def stop(self) -> None:
        """End within about a second, open event streams included."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(5.0)
        self._server = self._thread = None

    def _config(self) -> uvicorn.Config:
        return uvicorn.Config(
            self._application,
            http=protocol(self._settings.patience),
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            headers=list(SAFE.items()),
            proxy_headers=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=STOP_SECONDS,
            h11_max_incomplete_event_size=LONGEST_HEAD,
        )

    def _wait_until_started(self, server: uvicorn.Server, bound: socket.socket) -> None:
        done = threading.Event()
        for _ in range(int(START_SECONDS / 0.01)):
            if server.started:
                return
            if self._thread is None or not self._thread.is_alive() or done.wait(0.01):
                break
        bound.close()
        raise GreendcError(f"{self.url}: the HTTP server did not start")

    # -- address -------------------------------------------------------------------------------

    def _bind(self) -> socket.socket:
        """The first port that is free, of those that may be taken."""
        first = self._settings.port
        further = [*range(first + 1, min(first + TRIES, 65535) + 1), 0] if self._elsewhere else []
        for port in (first, *further):
            with contextlib.suppress(_InUse):
                return self._bound(port)
        raise GreendcError(
            f"{self._settings.host}:{first}: in use by another program, or another greendc; "
            "give http.port or GREENDC_HTTP_PORT a free port"
        )

    def _bound(self, port: int) -> socket.socket:
        host = self._settings.host
        try:
            family, kind, proto, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            bound = socket.socket(family, kind, proto)
        except OSError as error:
            raise _unusable(host, port, error) from error
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            bound.listen(128)
        except OSError as error:
            bound.close()
            if error.errno == errno.EADDRINUSE:
                raise _InUse from error
            raise _unusable(host, port, error) from error
        return bound

    def _context(self) -> ssl.SSLContext | None:
        if self._settings.cert is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            # an encrypted key must not ask for its passphrase on the terminal
            context.load_cert_chain(self._settings.cert, self._settings.key, password="")
        except (OSError, ValueError) as error:
            where = f"{self._settings.cert}, {self._settings.key}"
            raise GreendcError(f"http.tls: {where}: no certificate and its key: {error}") from error
        return context


class _InUse(Exception):  # noqa: N818 - not an error before all ports were tried
    """The port belongs to another program."""


def _unusable(host: str, port: int, error: OSError) -> GreendcError:
    return GreendcError(
        f"{host}:{port}: cannot listen there: {error.strerror}; see http.host and http.port"
    )
