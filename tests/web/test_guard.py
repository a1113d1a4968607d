"""Who may look, from where and with what; nothing can be written, and nothing is large."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from greendc.web import WebServer, WebSettings
from greendc.web.access import VALID_SECONDS, Access
from tests.web.kit import TOKEN, Scene, scene, served

PRIVATE = ("/", "/api/v1/state", "/api/v1/meters", "/api/v1/history", "/api/v1/events", "/metrics")


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("scene"), hours=3) as one:
        yield one


@pytest.fixture(scope="module")
def plain(playing: Scene) -> Iterator[WebServer]:
    with served(playing) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(playing: Scene) -> Iterator[WebServer]:
    with served(playing, token=TOKEN) as server:
        yield server


def logged_in(guarded: WebServer, token: str = TOKEN) -> httpx.Response:
    return httpx.post(f"{guarded.url}/login", data={"token": token})


# -- token ----------------------------------------------------------------------------------------


def test_without_the_token_nothing_is_shown(guarded: WebServer) -> None:
    for path in PRIVATE:
        answer = httpx.get(guarded.url + path)
        assert (answer.status_code, answer.headers.get("location")) == (
            (303, "/login") if path == "/" else (401, None)
        )
        wrong = httpx.get(guarded.url + path, headers={"authorization": f"Bearer {TOKEN}x"})
        assert wrong.status_code == answer.status_code


def test_health_is_open(guarded: WebServer) -> None:
    assert httpx.get(f"{guarded.url}/healthz").json() == {"status": "alive"}
    assert httpx.get(f"{guarded.url}/readyz").json() == {"status": "ready", "why": []}


def test_a_program_shows_the_token(guarded: WebServer) -> None:
    for scheme in ("Bearer", "bearer"):
        headers = {"authorization": f"{scheme} {TOKEN}"}
        assert httpx.get(f"{guarded.url}/api/v1/state", headers=headers).status_code == 200


def test_a_person_logs_in_and_out(guarded: WebServer) -> None:
    assert httpx.get(f"{guarded.url}/login").status_code == 200
    answer = logged_in(guarded)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    with httpx.Client(base_url=guarded.url, cookies=answer.cookies) as client:
        assert client.get("/api/v1/state").status_code == 200
        assert client.post("/logout").status_code == 303
        assert client.get("/api/v1/state").status_code == 401


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], f"{TOKEN} more"])
def test_a_wrong_token_gives_no_cookie(guarded: WebServer, token: str) -> None:
    answer = logged_in(guarded, token)
    assert answer.headers["location"] == "/login#wrong"
    assert "set-cookie" not in answer.headers


def test_a_cookie_cannot_be_made_or_kept_for_ever() -> None:
    access, now = Access(TOKEN), 1_000_000.0
    cookie = access.issue(now)
    until, _, signature = cookie.partition(".")
    assert access.allowed(None, f"greendc={cookie}", now + VALID_SECONDS - 1)
    assert not access.allowed(None, f"greendc={cookie}", now + VALID_SECONDS)
    for made in (f"{int(until) + 1}.{signature}", f"{until}.", until, f"x.{signature}", ""):
        assert not access.allowed(None, f"greendc={made}", now)
    assert not Access(TOKEN[::-1]).allowed(None, f"greendc={cookie}", now)


def test_a_form_of_another_site_is_refused(guarded: WebServer) -> None:
    answer = httpx.post(
        f"{guarded.url}/login", data={"token": TOKEN}, headers={"origin": "https://example.org"}
    )
    assert answer.status_code == 403


# -- requests -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_is_written(plain: WebServer, method: str) -> None:
    answer = httpx.request(method, f"{plain.url}/api/v1/state")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_head_is_get_without_a_body(plain: WebServer) -> None:
    for path in ("/", "/api/v1/state", "/healthz"):
        answer = httpx.head(plain.url + path)
        assert (answer.status_code, answer.content) == (200, b"")
    assert httpx.head(f"{plain.url}/api/v1/events").status_code == 405


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1"])
def test_another_hosts_name_is_refused_on_the_loopback(plain: WebServer, host: str) -> None:
    answer = httpx.get(f"{plain.url}/api/v1/state", headers={"host": host})
    assert answer.status_code == 421
    for own in ("localhost", f"LOCALHOST:{plain.port}", "127.0.0.1", f"[::1]:{plain.port}"):
        answer = httpx.get(f"{plain.url}/api/v1/state", headers={"host": own})
        assert answer.status_code == 200


def test_a_proxys_name_is_allowed_where_it_is_configured(playing: Scene) -> None:
    with served(playing, hosts=("dc.example.org",)) as server:
        headers = {"host": "dc.example.org"}
        assert httpx.get(f"{server.url}/healthz", headers=headers).status_code == 200


def test_what_is_too_long_is_refused(plain: WebServer) -> None:
    assert httpx.get(f"{plain.url}/?{'x' * 3000}").status_code == 414
    assert httpx.post(f"{plain.url}/login", content=b"x" * 5000).status_code == 413
    endless = (b"x" * 1000 for _ in range(10))
    assert httpx.post(f"{plain.url}/login", content=endless).status_code == 413
    assert httpx.get(plain.url, headers={"x-long": "x" * 17_000}).status_code == 431


def test_a_head_without_end_is_cut_off(plain: WebServer) -> None:
    with socket.create_connection(("127.0.0.1", plain.port), 20) as wire:
        wire.sendall(b"GET / HTTP/1.1\r\n")
        with contextlib.suppress(OSError):  # closed while we write
            for _ in range(1000):
                wire.sendall(b"x-more: " + b"x" * 992)
                time.sleep(0.001)
        with contextlib.suppress(ConnectionError):
            assert b" 400 " in wire.recv(1000)


def test_a_broken_request_harms_nobody(plain: WebServer) -> None:
    for raw in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", plain.port), 5) as wire:
            wire.sendall(raw)
            wire.shutdown(socket.SHUT_WR)
            wire.recv(1000)
    assert httpx.get(f"{plain.url}/healthz").status_code == 200


def test_who_does_not_come_to_the_point_is_let_go(playing: Scene) -> None:
    form = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\ntok"
    with served(playing, patience=0.3) as server:
        for text, answer in ((b"", b""), (b"GET / HTTP/1.1\r\n", b""), (form, b"HTTP/1.1 408 ")):
            with socket.create_connection(("127.0.0.1", server.port), 20) as wire:
                wire.sendall(text)
                # empty when the server closes; a hang would run into the timeout
                assert wire.recv(4096)[:13] == answer
        assert httpx.get(f"{server.url}/healthz").status_code == 200


# -- headers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/login", "/api/v1/state", "/static/page.css", "/nothing"])
def test_answers_are_safe_to_show(plain: WebServer, path: str) -> None:
    headers = httpx.get(plain.url + path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "server" not in headers
    kept = "no-cache" if path.startswith("/static/") else "no-store"
    assert headers["cache-control"] == kept


SAFE = ("content-security-policy", "x-content-type-options", "x-frame-options")


def test_what_is_no_http_is_refused_safely(plain: WebServer) -> None:
    with socket.create_connection(("127.0.0.1", plain.port), 5) as wire:
        wire.sendall(b"GET / HTTP/9\r\n\r\n")
        answer = b"".join(iter(lambda: wire.recv(4096), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert body == b"Invalid HTTP request received."
    assert all(f"\r\n{name}: ".encode() in head for name in SAFE)


class Broken(Starlette):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/silent":
            return  # uvicorn answers where the application does not
        await super().__call__(scope, receive, send)


def test_failures_are_answered_safely() -> None:
    def fails(_request: Request) -> None:
        raise RuntimeError

    app = Broken(routes=[Route("/fails", fails)])
    app.state.closing = asyncio.Event()
    server = WebServer(app, WebSettings(port=0))
    server.start()
    try:
        for path in ("/silent", "/fails"):
            answer = httpx.get(server.url + path)
            assert (answer.status_code, answer.text) == (500, "Internal Server Error")
            assert set(SAFE) <= set(answer.headers)
    finally:
        server.stop()


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/static/../routes.py"])
def test_there_is_nothing_else(plain: WebServer, path: str) -> None:
    assert httpx.get(plain.url + path).status_code == 404
