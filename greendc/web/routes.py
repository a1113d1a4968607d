"""The HTTP application: which address answers with what."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs

import orjson
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import FileResponse, RedirectResponse, StreamingResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import Response
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
from greendc.web.gaps import gaps
from greendc.web.guard import Guard, refusal
from greendc.web.health import obstacles, pulse
from greendc.web.history import SPANS, history
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


def application(sources: Sources, settings: WebSettings) -> FastAPI:
    """Page, API, events, health and metrics."""
    app = FastAPI(
        title="greendc", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    access = Access(settings.token, f"greendc_{settings.port}")
    app.state.closing = asyncio.Event()
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _add_pages(app, access, settings)
    _add_api(app, sources)
    _add_feeds(app, sources, Readers(settings.most_readers))
    _add_health(app, sources)
    app.add_exception_handler(GreendcError, _told)
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_middleware(Guard, access=access, names=settings.names())
    return app


async def _told(_request: Request, error: Exception) -> Response:
    return refusal(503, str(error))


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, StarletteHTTPException):
        raise TypeError(error)
    return refusal(error.status_code, error.detail, dict(error.headers or {}))


# -- page -----------------------------------------------------------------------------------------


def _add_pages(app: FastAPI, access: Access, settings: WebSettings) -> None:
    secure, patience = settings.cert is not None, settings.patience

    @app.get("/")
    def page() -> Response:
        return FileResponse(STATIC / "index.html")

    @app.get("/login")
    def login_form() -> Response:
        return FileResponse(STATIC / "login.html")

    @app.post("/login")
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

    @app.post("/logout")
    def logout() -> Response:
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(access.cookie, secure=secure, httponly=True, samesite="strict")
        return answer


# -- API ------------------------------------------------------------------------------------------


def _add_api(app: FastAPI, sources: Sources) -> None:
    board = sources.board
    Site = Annotated[str, Depends(_asked_of(board))]  # noqa: N806 - a type, of this board

    @app.get("/api/v1/state")
    def site_state(site: Site) -> Response:
        return _Json(state(board, site, sources.clock()))

    @app.get("/api/v1/words")
    def words() -> Response:
        titles = {name: asdict(title) for name, title in TITLES.items()}
        readings = {
            word: {"meaning": meaning, "left_out": word not in OF_USED}
            for word, meaning in (REFUSALS | JUDGEMENTS).items()
        }
        told = {"titles": titles, "reasons": WORDS, "events": EVENTS, "readings": readings}
        return _Json(told)

    @app.get("/api/v1/meters")
    def site_meters(site: Site) -> Response:
        return _Json(meters.table(board, site, sources.clock()))

    @app.get("/api/v1/history")
    def site_history(site: Site, span: str = "24h") -> Response:
        if span not in SPANS:
            raise HTTPException(404, f"no such span; there are {', '.join(SPANS)}")
        with sources.ledger() as ledger:
            return _Json(history(ledger, board, site, span, sources.clock()))

    @app.get("/api/v1/gaps")
    def site_gaps(site: Site, span: str = "24h") -> Response:
        if span not in SPANS:
            raise HTTPException(404, f"no such span; there are {', '.join(SPANS)}")
        with sources.ledger() as ledger:
            return _Json(gaps(ledger, board, site, span, sources.clock()))


def _add_feeds(app: FastAPI, sources: Sources, readers: Readers) -> None:
    board, looks = sources.board, Looks(sources.board)
    Site = Annotated[str, Depends(_asked_of(board))]  # noqa: N806 - a type, of this board

    @app.get("/metrics")
    def metrics(request: Request) -> Response:
        if sources.metrics is None:
            raise HTTPException(404, "no metrics are rendered here")
        body, kind = sources.metrics(board, sources.clock(), request.headers.get("accept"))
        return Response(body, headers={"content-type": kind})

    @app.get("/api/v1/events")
    async def events(site: Site) -> Response:
        if readers.full:
            raise HTTPException(503, f"{readers.most} readers already", {"retry-after": "10"})
        body = stream(looks, site, app.state.closing, readers, sources.clock)
        return StreamingResponse(body, media_type="text/event-stream")


def _asked_of(board: Board) -> Callable[[str | None], str]:
    """The id of the site that a request asks for, of the first one where it names none."""

    def asked(site: Annotated[str | None, Query(max_length=200)] = None) -> str:
        tag = site_tag(board.current, site)
        if tag is not None:
            return tag.site
        if site is None:
            raise HTTPException(503, "starting: there are no sites yet", {"retry-after": "1"})
        raise HTTPException(404, "no such site")

    return asked


# -- health ---------------------------------------------------------------------------------------


def _add_health(app: FastAPI, sources: Sources) -> None:
    @app.get("/healthz")
    async def alive() -> Response:
        dead = pulse(sources.board, sources.clock())
        return _Json({"status": "dead", "why": dead}, 503) if dead else _Json({"status": "alive"})

    @app.get("/readyz")
    async def ready() -> Response:
        why = list(obstacles(sources.board, sources.clock()))
        status = "not ready" if why else "ready"
        return _Json({"status": status, "why": why}, 503 if why else 200)
