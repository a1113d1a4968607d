"""The newest snapshots as Prometheus sees them, rendered when it asks."""

from greendc.sinks.prometheus.balances import balances
from greendc.sinks.prometheus.daemon import daemon
from greendc.sinks.prometheus.exposition import exposition
from greendc.sinks.prometheus.families import Families
from greendc.sinks.prometheus.figures import amounts, figures, provisional, undefined
from greendc.sinks.prometheus.meters import left_out, meters, sites
from greendc.snapshots import Board

__all__ = ["gathered", "render"]


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
    return exposition(gathered(board, now), accept or "")


def gathered(board: Board, now: int) -> Families:
    """All samples of a board at a time [ns]; each snapshot is taken once."""
    current, closed, health = board.current, board.closed, board.health
    times = board.site_times(now)
    out = Families()
    meters(out, current, times)
    left_out(out, current, closed)
    sites(out, current, times)
    amounts(out, current, closed)
    figures(out, current, closed)
    provisional(out, closed)
    undefined(out, closed)
    balances(out, closed)
    daemon(out, current, health)
    return out
