"""How the daemon does, as text for a terminal."""

from collections.abc import Iterator, Mapping

from greendc import __version__
from greendc.calendars import rfc3339
from greendc.core.facility import SECOND
from greendc.judged import refusing_text
from greendc.snapshots import Accounts, Health, JobHealth, SinkHealth

MIB = 2**20


def as_text(health: Health) -> str:
    """A line for each part.

    >>> from greendc.snapshots import SinkHealth
    >>> print(as_text(Health(0, 90 * SECOND, "127.0.0.1:1883", False, "refused", 0, 3 * MIB,
    ...     MIB * 1024, None, 0.5, {"messages": 7, "rejected:unbound": 2, "redelivered": 0},
    ...     {"plant": {"readings": 5}}, ())))  # doctest: +ELLIPSIS
    greendc  ...; running since 1970-01-01T00:00:00Z, for 90 s
    broker   127.0.0.1:1883, not connected: refused
    journal  3.0 of 1024 MiB; 0 messages wait; the ledger is 0.5 s behind
    messages 7 (rejected:unbound 2)
    plant    5 readings
    """
    return "\n".join(f"{name:<8} {text}" for name, text in _lines(health))


def _lines(health: Health) -> Iterator[tuple[str, str]]:
    age = (health.at - health.started) // SECOND
    since = rfc3339(health.started // SECOND * SECOND)
    yield "greendc", f"{__version__}; running since {since}, for {age} s"
    yield "broker", f"{health.broker}, {_broker(health)}"
    size = f"{health.journal_bytes / MIB:.1f} of {health.journal_limit / MIB:.0f} MiB"
    lag = f"the ledger is {health.journal_lag_seconds:.1f} s behind"
    yield "journal", health.journal_full or f"{size}; {health.inbox} messages wait; {lag}"
    yield "messages", _counted("", health.outcomes, "messages")
    for site, outcomes in health.site_outcomes.items():
        yield site, _counted(" readings", outcomes, "readings")
    for sink in health.sinks:
        yield sink.name, _sink(sink)
    for job in health.jobs:
        yield job.name, _job(job)
    for site, meters in health.refusing.items():
        yield from ((site, refusing_text(*pair)) for pair in sorted(meters.items()))
    if health.accounts is not None:
        yield "accounts", _accounts(health.accounts)


def _broker(health: Health) -> str:
    if health.connected:
        return "connected"
    return f"not connected: {health.connection_error or 'no attempt yet'}"


def _counted(unit: str, outcomes: Mapping[str, int], whole: str) -> str:
    others = [f"{name} {n}" for name, n in sorted(outcomes.items()) if n and name != whole]
    return f"{outcomes.get(whole, 0)}{unit}" + (f" ({', '.join(others)})" if others else "")


def _job(job: JobHealth) -> str:
    last = "none succeeded yet"
    if job.succeeded is not None:
        last = f"last succeeded at {rfc3339(job.succeeded // SECOND * SECOND)}"
    return last + (f"; the last one failed: {job.error}" if job.error else "")


def _accounts(found: Accounts) -> str:
    failed = found.failed
    verdict = f"do not add up: {', '.join(failed)}" if failed else "add up"
    lost = "".join(f"; {n} messages of QoS {qos} lost" for qos, n in enumerate(found.lost) if n)
    return f"{verdict} (audited {rfc3339(found.at // SECOND * SECOND)}){lost}"


def _sink(sink: SinkHealth) -> str:
    state = "up to date" if not sink.pending else f"{sink.lag_seconds:.0f} s behind"
    return state + (f"; {sink.error}" if sink.error else "")
