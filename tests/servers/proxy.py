"""A proxy in front of a store that writes down what it was asked, in order."""

import gzip
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import urllib3

from tests.servers.support import HOST, free_port

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Request:
    """What came; `body` unpacked."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


class Proxy:
    """Forwards to an address what `instead` does not answer; may be told to before it forwards.

    `after` answers in place of what has come back.
    """

    def __init__(self, target: str = "", port: int | None = None) -> None:
        self.target, self.port = target, port or free_port()
        self.requests: list[Request] = []
        self.before: Callable[[Request], None] = lambda _request: None
        self.instead: Callable[[Request], Answer | None] = lambda _request: None
        self.after: Callable[[Request, Answer], Answer] = lambda _request, answer: answer
        self._pool = urllib3.PoolManager(retries=False)
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def handle(self, request: Request, raw: bytes) -> Answer:
        self.requests.append(request)
        self.before(request)
        own = self.instead(request)
        if own is not None:
            return own
        got = self._pool.request(
            request.method, self.target + request.path, body=raw, headers=request.headers
        )
        return self.after(request, (got.status, {}, got.data))

    def writes(self) -> list[list[str]]:
        """Lines of each write that came."""
        return [r.body.splitlines() for r in self.requests if "/write" in r.path]

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer((HOST, self.port), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._pool.clear()


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            packed = self.headers.get("Content-Encoding") == "gzip"
            body = (gzip.decompress(raw) if packed else raw).decode()
            headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
            status, more, answer = proxy.handle(
                Request(self.command, self.path, headers, body), raw
            )
            try:
                self._answer(status, more, answer)
            except OSError:
                self.close_connection = True  # who asked has been killed

        do_GET = do_POST  # noqa: N815 - both names are the standard library's

        def _answer(self, status: int, more: dict[str, str], answer: bytes) -> None:
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            if status != 204:
                self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    return Handler
