"""The newest snapshots as Prometheus sees them, rendered when it asks."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from greendc.sinks.prometheus.daemon import daemon
from greendc.sinks.prometheus.families import Families
from greendc.sinks.prometheus.figures import amounts, figures, provisional, undefined
from greendc.sinks.prometheus.meters import meters, sites
from greendc.snapshots import Board

__all__ = ["render"]


def render(board: Board, now: int, accept: str | None) -> tuple[bytes, str]:
    """The exposition, and the content type that was agreed on.

    Parameters
    ----------
    board
        What the worker shows.
    now
        The wall clock. [ns]
    accept
        The header Accept of whoever asks; None without one.
    """
    registry = CollectorRegistry()
    registry.register(_Scrape(board, now))
    encoder, content_type = choose_encoder(accept or "")
    return encoder(registry), content_type


class _Scrape(Collector):
    """One look at the board: each snapshot is taken once."""

    def __init__(self, board: Board, now: int) -> None:
        self.current, self.closed, self.health = board.current, board.closed, board.health
        self.times = board.site_times(now)

    def describe(self) -> Iterable[Metric]:
        """Nothing is promised: what is unknown is absent."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """All families that have a sample now."""
        out = Families()
        meters(out, self.current, self.times)
        sites(out, self.current, self.times)
        amounts(out, self.current, self.closed)
        figures(out, self.current, self.closed)
        provisional(out, self.closed)
        undefined(out, self.closed)
        daemon(out, self.current, self.health)
        return out.metrics()
