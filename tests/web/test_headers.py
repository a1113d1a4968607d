"""What every answer carries so that a browser keeps it to itself, and who gets none."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from greendc.web import WebServer
from greendc.web.server import MOST_CONNECTIONS
from tests.web.kit import TOKEN, Scene, scene, served
from tests.web.test_server import write_pair

# OWASP's cheat sheet "HTTP Headers", 2024, for pages that nobody embeds or shares
SAFE = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("scene"), hours=1) as one:
        yield one


@pytest.fixture
def guarded(playing: Scene) -> Iterator[WebServer]:
    with served(playing, token=TOKEN) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "status"),
    [("/login", 200), ("/", 303), ("/metrics", 401), ("/healthz", 200), ("/nothing", 401)],
)
def test_every_answer_carries_all_of_them(guarded: WebServer, path: str, status: int) -> None:
    answer = httpx.get(guarded.url + path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in SAFE} == SAFE


def test_words_need_the_token_too(guarded: WebServer) -> None:
    assert httpx.get(f"{guarded.url}/api/v1/words").status_code == 401


def test_over_tls_the_cookie_stays_on_tls(playing: Scene, tmp_path: Path) -> None:
    cert, key = write_pair(tmp_path)
    trusted = ssl.create_default_context(cafile=cert)
    with served(playing, host="localhost", cert=cert, key=key, token=TOKEN) as server:
        answer = httpx.post(f"{server.url}/login", data={"token": TOKEN}, verify=trusted)
    parts = answer.headers["set-cookie"].lower().split("; ")
    assert {"secure", "httponly", "samesite=strict"} <= set(parts)


def test_connections_are_bounded(guarded: WebServer) -> None:
    with ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS):
            stack.enter_context(socket.create_connection(("127.0.0.1", guarded.port), 5))
        assert httpx.get(f"{guarded.url}/healthz").status_code == 503
