"""What every request passes before the application: size, method, host, access."""

import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from greendc.web.access import Access

LONGEST_BODY = 4096  # bytes; only the login has one
LONGEST_HEADERS = 16 * 1024  # bytes of names and values
LONGEST_TARGET = 2048  # bytes of path and query
STREAMS = frozenset({"/api/v1/events"})
POSTS = frozenset({"/login", "/logout"})
OPEN = frozenset({"/healthz", "/readyz", "/login"})

NO_STORE = {"cache-control": "no-store"}
ASK_AGAIN = {"cache-control": "no-cache"}  # files of two versions must not meet in a browser


@dataclass(frozen=True, slots=True)
class Guard:
    """ASGI middleware; `names` are those a request may call us by, None for any."""

    app: ASGIApp
    access: Access
    names: frozenset[str] | None
    clock: Callable[[], float] = time.time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what must not go further; let the rest pass."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = self._refusal(scope)
        aged = _with_age(scope["path"], send)
        if refused is not None:
            await refused(scope, receive, aged)
            return
        if scope["method"] == "HEAD":  # the server leaves the body out
            scope = {**scope, "method": "GET"}
        await self.app(scope, receive, aged)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, path, method = Headers(scope=scope), scope["path"], scope["method"]
        if method not in _methods(path):
            allow = {"allow": ", ".join(_methods(path))}
            return refusal(405, "greendc is looked at, not written to", allow)
        large = _too_large(scope, headers)
        if large is not None:
            return large
        if self.names is not None and _host(headers) not in self.names:
            return refusal(421, "another host's name; see http.hosts in the configuration")
        if method == "POST" and not _same_origin(headers):
            return refusal(403, "a form of another site")
        return None if self._may_pass(path, headers) else _login_first(path)

    def _may_pass(self, path: str, headers: Headers) -> bool:
        if path in OPEN or path.startswith("/static/"):
            return True
        given = headers.get("authorization"), headers.get("cookie")
        return self.access.allowed(*given, self.clock())


def _methods(path: str) -> tuple[str, ...]:
    if path in STREAMS:
        return ("GET",)  # a stream without its body would never end
    return ("GET", "HEAD", "POST") if path in POSTS else ("GET", "HEAD")


def _too_large(scope: Scope, headers: Headers) -> Response | None:
    if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_TARGET:
        return refusal(414, "this address is longer than any of greendc's")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > LONGEST_HEADERS:
        return refusal(431, f"headers may have {LONGEST_HEADERS} bytes")
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdecimal() or int(length) > LONGEST_BODY:
        return refusal(413, f"a request may have {LONGEST_BODY} bytes and says how many")
    return None


def refusal(status: int, why: str, headers: dict[str, str] | None = None) -> Response:
    """An answer that says in a sentence why there is no other."""
    return JSONResponse({"error": why}, status, headers)


def _login_first(path: str) -> Response:
    if path == "/":
        return RedirectResponse("/login", 303)
    return refusal(401, "a token is needed", {"www-authenticate": 'Bearer realm="greendc"'})


def _host(headers: Headers) -> str:
    """Name in the Host header, without its port."""
    try:
        return (urlsplit(f"//{headers.get('host', '')}").hostname or "").lower()
    except ValueError:
        return ""


def _same_origin(headers: Headers) -> bool:
    """Whether a form was sent from a page of ours; programs send no Origin."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _with_age(path: str, send: Send) -> Send:
    """Say of an answer how long it may be kept."""
    added = ASK_AGAIN if path.startswith("/static/") else NO_STORE
    raw = [(name.encode(), value.encode()) for name, value in added.items()]

    async def inner(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *raw]
        await send(message)

    return inner
