"""The HTTP server of a daemon, as its configuration says."""

from greendc.config import Config
from greendc.files import LEDGER
from greendc.queries import Ledger
from greendc.sinks.prometheus import render
from greendc.snapshots import Board
from greendc.web.routes import Sources, application
from greendc.web.server import WebServer
from greendc.web.settings import WebSettings


def web_server(config: Config, board: Board, *, elsewhere: bool = False) -> WebServer | None:
    """Page and API of a board and the ledger in the data folder; None where they are off.

    `elsewhere` takes another port where the configured one is in use.

    Raises
    ------
    GreendcError
        If the token cannot be read or is none.
    """
    if not config.http.enabled:
        return None
    settings = WebSettings.of(config.http)
    sources = Sources(board, lambda: Ledger(config.data / LEDGER), render)
    return WebServer(application(sources, settings), settings, elsewhere=elsewhere)
