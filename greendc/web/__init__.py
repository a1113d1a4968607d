"""Page, JSON API, events, health and metrics over HTTP: a view of the board and the ledger."""

from greendc.web.routes import Sources, application
from greendc.web.server import WebServer
from greendc.web.serving import web_server
from greendc.web.settings import WebSettings

__all__ = ["Sources", "WebServer", "WebSettings", "application", "web_server"]
