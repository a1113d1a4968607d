"""The HTTP application: which address answers with what."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from greendc.core.words import OF_USED
from greendc.lines import WORDS
from greendc.outcomes import JUDGEMENTS, REFUSALS
from greendc.ports import GreendcError
from greendc.queries import Ledger
from greendc.snapshots import Board
from greendc.web import meters
from greendc.web.access import VALID_SECONDS, Access
from greendc.web.events import Looks, Readers, stream
from greendc.web.guard import Guard, refusal
from greendc.web.health import obstacles, pulse
from greendc.web.history import SPANS, history
from greendc.web.kept import KeptGaps
from greendc.web.settings import WebSettings
from greendc.web.state import site_tag, state
from greendc.web.titles import EVENTS, TITLES

STATIC = Path(__file__).parent / "static"
AFTER_WRONG_TOKEN = 0.5  # s, so that trying takes long
Metrics = Callable[[Board, int, str | None], tuple[bytes, str]]


@dataclass(frozen=True, slots=True)
class Sources:
    """What the application shows: the board, the ledger, and the board as Prometheus has it.

    `ledger` opens a reader of its own for each request; GreendcError where there is none yet.
    `metrics` renders a board at a wall-clock time [ns] for an Accept header: body and its type.
    """

    board: Board
    ledger: Callable[[], Ledger]
    metrics: Metrics | None = None
    clock: Callable[[], int] = time.time_ns


class _Json(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


def application(sources: Sources, settings: WebSettings) -> Starlette:
    """Page, API, events, health and metrics; its `state.closing` ends event streams."""
    access, closing = Access(settings.token, f"greendc_{settings.port}"), asyncio.Event()
    app = Starlette(
        routes=[
            Mount("/static", StaticFiles(directory=STATIC), name="static"),
            *_pages(access, settings),
            *_api(sources),
            *_feeds(sources, Readers(settings.most_readers), closing),
            *_health(sources),
        ],
        middleware=[Middleware(Guard, access=access, names=settings.names())],
        exception_handlers={GreendcError: _told, HTTPException: _refused},
    )
    app.router.redirect_slashes = False
    app.state.closing = closing
    return app


async def _told(_request: Request, error: Exception) -> Response:
    return refusal(503, str(error))


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise TypeError(error)
    return refusal(error.status_code, error.detail, dict(error.headers or {}))


# -- page -----------------------------------------------------------------------------------------


def _pages(access: Access, settings: WebSettings) -> Iterator[BaseRoute]:
    secure, patience = settings.cert is not None, settings.patience

    def page(_request: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    def login_form(_request: Request) -> Response:
        return FileResponse(STATIC / "login.html")

    async def login(request: Request) -> Response:
        try:
            body = await asyncio.wait_for(request.body(), patience)
        except TimeoutError:
            return refusal(408, "the form does not end")
        form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        if not access.good(form.get("token", [""])[0].strip()):
            await asyncio.sleep(AFTER_WRONG_TOKEN)
            return RedirectResponse("/login#wrong", 303)
        answer = RedirectResponse("/", 303)
        value = access.issue(time.time())
        answer.set_cookie(
            access.cookie, value, VALID_SECONDS, secure=secure, httponly=True, samesite="strict"
        )
        return answer

    def logout(_request: Request) -> Response:
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(access.cookie, secure=secure, httponly=True, samesite="strict")
        return answer

    yield Route("/", page)
    yield Route("/login", login_form)
    yield Route("/login", login, methods=["POST"])
    yield Route("/logout", logout, methods=["POST"])


# -- API ------------------------------------------------------------------------------------------


def _api(sources: Sources) -> Iterator[BaseRoute]:
    board, kept = sources.board, KeptGaps(sources.board, sources.ledger)

    def site_state(request: Request) -> Response:
        return _Json(state(board, _site(board, request), sources.clock()))

    def words(_request: Request) -> Response:
        titles = {name: asdict(title) for name, title in TITLES.items()}
        readings = {
            word: {"meaning": meaning, "left_out": word not in OF_USED}
            for word, meaning in (REFUSALS | JUDGEMENTS).items()
        }
        told = {"titles": titles, "reasons": WORDS, "events": EVENTS, "readings": readings}
        return _Json(told)

    def site_meters(request: Request) -> Response:
        return _Json(meters.table(board, _site(board, request), sources.clock()))

    def site_history(request: Request) -> Response:
        site, span = _site(board, request), _span(request)
        with sources.ledger() as ledger:
            return _Json(history(ledger, board, site, span, sources.clock()))

    def site_gaps(request: Request) -> Response:
        body = kept.body(_site(board, request), _span(request), sources.clock())
        return Response(body, media_type=_Json.media_type)

    yield Route("/api/v1/state", site_state)
    yield Route("/api/v1/words", words)
    yield Route("/api/v1/meters", site_meters)
    yield Route("/api/v1/history", site_history)
    yield Route("/api/v1/gaps", site_gaps)


def _feeds(sources: Sources, readers: Readers, closing: asyncio.Event) -> Iterator[BaseRoute]:
    board, looks = sources.board, Looks(sources.board)

    def metrics(request: Request) -> Response:
        if sources.metrics is None:
            raise HTTPException(404, "no metrics are rendered here")
        body, kind = sources.metrics(board, sources.clock(), request.headers.get("accept"))
        return Response(body, headers={"content-type": kind})

    async def events(request: Request) -> Response:
        site = _site(board, request)
        if readers.full:
            raise HTTPException(503, f"{readers.most} readers already", {"retry-after": "10"})
        body = stream(looks, site, closing, readers, sources.clock)
        return StreamingResponse(body, media_type="text/event-stream")

    yield Route("/metrics", metrics)
    yield Route("/api/v1/events", events)


def _site(board: Board, request: Request) -> str:
    """The id of the site that a request asks for, of the first one where it names none."""
    site = request.query_params.get("site")
    tag = site_tag(board.current, site)
    if tag is not None:
        return tag.site
    if site is None:
        raise HTTPException(503, "starting: there are no sites yet", {"retry-after": "1"})
    known = ", ".join(tag.site for tag in board.current.sites)
    raise HTTPException(404, f"no such site; there is {known}")


def _span(request: Request) -> str:
    """The span that a request asks for."""
    span = request.query_params.get("span", "24h")
    if span not in SPANS:
        raise HTTPException(404, f"no such span; there are {', '.join(SPANS)}")
    return span


# -- health ---------------------------------------------------------------------------------------


def _health(sources: Sources) -> Iterator[BaseRoute]:
    async def alive(_request: Request) -> Response:
        dead = pulse(sources.board, sources.clock())
        return _Json({"status": "dead", "why": dead}, 503) if dead else _Json({"status": "alive"})

    async def ready(_request: Request) -> Response:
        why = list(obstacles(sources.board, sources.clock()))
        status = "not ready" if why else "ready"
        return _Json({"status": status, "why": why}, 503 if why else 200)

    yield Route("/healthz", alive)
    yield Route("/readyz", ready)
