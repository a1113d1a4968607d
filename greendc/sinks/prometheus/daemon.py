"""How the daemon itself does."""

from collections.abc import Mapping

from greendc import __version__, series
from greendc.core.facility import SECOND
from greendc.sinks.prometheus.families import Families
from greendc.snapshots import Current, Health

ALL = "readings"  # the tally of all accepted readings
LEFT_OUT = "quarantined"
WORDS = {LEFT_OUT: series.QUARANTINED, "register": series.REGISTER_EVENTS}


def daemon(out: Families, current: Current, health: Health) -> None:
    """Connection, journal, sinks and what was counted, with what alerts compare them with."""
    out.add(series.BUILD, (__version__,), 1.0)
    if current.limits is not None:
        out.add(series.SINK_LAG_LIMIT, (), current.limits.sink_lag_seconds)
        out.add(series.JOURNAL_LAG_LIMIT, (), current.limits.journal_lag_seconds)
        out.add(series.JOURNAL_FILL_LIMIT, (), current.limits.journal_fill)
    if health.at:  # otherwise nobody has looked yet
        _health(out, health)
        _tallies(out, health)


def _health(out: Families, health: Health) -> None:
    out.add(series.START_TIME, (), health.started / SECOND)
    out.add(series.INBOX, (), health.inbox)
    out.add(series.CONNECTED, (), health.connected)
    out.add(series.BULK_READ, (), health.bulk_read)
    out.add(series.JOURNAL_BYTES, (), health.journal_bytes)
    out.add(series.JOURNAL_LIMIT, (), health.journal_limit)
    out.add(series.JOURNAL_FULL, (), health.journal_full is not None)
    out.add(series.JOURNAL_LAG, (), health.journal_lag_seconds)
    for sink in health.sinks:
        out.add(series.SINK_LAG, (sink.name,), sink.lag_seconds)
        out.add(series.SINK_PENDING, (sink.name,), sink.pending)
        out.add(series.SINK_FAILING, (sink.name,), sink.error is not None)
    for job in health.jobs:
        if job.succeeded is not None:
            out.add(series.JOB_SUCCESS, (job.name,), job.succeeded / SECOND)
        if job.succeeded is not None or job.error is not None:  # otherwise it has not run yet
            out.add(series.JOB_FAILING, (job.name,), job.error is not None)
    if health.accounts is not None:
        out.add(series.AUDITED, (), health.accounts.at / SECOND)
        for account in health.accounts.accounts:
            out.add(series.BALANCED, (account.name, account.about), account.holds)
        for qos, count in enumerate(health.accounts.lost):
            out.add(series.LOST, (str(qos),), count)


def _tallies(out: Families, health: Health) -> None:
    for outcome, label in (("messages", "received"), ("redelivered", "redelivered")):
        out.add(series.MESSAGES, (label,), health.outcomes.get(outcome, 0))
    for outcome, count in health.outcomes.items():
        kind, _, reason = outcome.partition(":")
        if kind == "rejected":
            out.add(series.REJECTED, (reason,), count)
        elif outcome == "broker_dropped":
            out.add(series.DROPPED, (), count)
    for site, outcomes in health.site_outcomes.items():
        _readings(out, site, outcomes)
    for site, meters in health.refusing.items():
        for meter, one in meters.items():
            out.add(series.REFUSING, (site, meter, one.word), one.since / SECOND)


def _readings(out: Families, site: str, outcomes: Mapping[str, int]) -> None:
    """What became of a site's readings; those left out are one outcome, their reasons another."""
    left_out = 0
    for outcome, count in outcomes.items():
        kind, _, word = outcome.partition(":")
        if word:
            out.add(WORDS[kind], (site, word), count)
            left_out += count if kind == LEFT_OUT else 0
        else:
            out.add(series.SITE_READINGS, (site, "accepted" if outcome == ALL else outcome), count)
    if left_out:
        out.add(series.SITE_READINGS, (site, LEFT_OUT), left_out)
