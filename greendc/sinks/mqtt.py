"""The newest figures as retained messages, for a building's systems or a display on a wall.

A broker holds a state, no history. At each connection the whole state is published from the
ledger; after that each row that is newer than what stands there. A connection that is lost is made
again at once, not with the next figure: the broker says meanwhile that greendc is gone.
"""

from collections.abc import Iterable, Sequence

from greendc.config.models import Mqtt
from greendc.config.sink_rules import client_id
from greendc.config.sinks import MqttSink
from greendc.core.facility import SECOND
from greendc.ports import LedgerReader, LedgerRow
from greendc.sinks.errors import PartlyRefused, Unavailable
from greendc.sinks.http import tls_context
from greendc.sinks.runner import Sink
from greendc.sinks.session import Broker, Session
from greendc.sinks.surroundings import Surroundings
from greendc.sinks.topics import Message, discovery, payload, state_topic, topic

Key = tuple[str, str, str]  # site, quantity, period


def mqtt(config: MqttSink, around: Surroundings) -> Sink:
    """The sink; without a host of its own it uses the broker that readings come from."""
    return Retained(config, broker(config, around.mqtt), around)


def broker(config: MqttSink, readings: Mqtt) -> Broker:
    """Where the figures go."""
    own = config.host is not None
    tls = config.tls if own else readings.tls
    usual = 1883 if tls is None else 8883
    return Broker(
        host=config.host or readings.host,
        port=(config.port or usual) if own else readings.port,
        protocol=config.protocol,
        client_id=client_id(readings, config),
        username=config.username if own else readings.username,
        password=config.password() if own else readings.password(),
        tls=None if tls is None else tls_context(tls),
        timeout=config.timeout / SECOND,
    )


class Retained:
    """Keeps one message for each site, quantity and period."""

    def __init__(self, config: MqttSink, at: Broker, around: Surroundings) -> None:
        """Connects when there is something to publish."""
        self._config, self._broker, self._around = config, at, around
        self._state = state_topic(config.prefix, at.client_id)
        self._session: Session | None = None
        self._shown: dict[Key, LedgerRow] = {}  # on this connection

    def write(self, rows: Sequence[LedgerRow], ledger: LedgerReader) -> None:
        """Publish what is newer than what stands there; returns when the broker has it."""
        refused = []
        try:
            if self._session is None or self._session.lost:
                self._connect()
                refused += self._publish(self._wanted(ledger.latest()))
            refused += self._publish(rows)
        except Unavailable:
            self.close()
            raise
        if refused:
            raise PartlyRefused(refused)

    def stand(self, ledger: LedgerReader) -> None:
        """Be connected, and have the newest figures stand there."""
        self.write((), ledger)

    def close(self) -> None:
        """Say that greendc leaves, and leave."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _connect(self) -> None:
        self.close()
        self._shown.clear()
        session = Session(self._broker, self._state)
        self._session = session
        session.open()

    def _wanted(self, rows: Iterable[LedgerRow]) -> list[LedgerRow]:
        periods = self._config.periods
        return [row for row in rows if periods is None or row.figure.period in periods]

    def _publish(self, rows: Iterable[LedgerRow]) -> list[tuple[LedgerRow, str]]:
        """Publish the newest of each key; returns what the broker refuses."""
        newest: dict[Key, LedgerRow] = {}
        for row in rows:
            key = (row.site, row.figure.quantity, row.figure.period)
            known = newest.get(key) or self._shown.get(key)
            if known is None or _newer(row, known):
                newest[key] = row
        if not newest or self._session is None:
            return []
        told = [message for row in newest.values() for message in self._announcement(row)]
        chosen = list(newest.values())
        self._session.publish(told)
        refused = self._session.publish(
            [(topic(self._config.prefix, row), payload(row)) for row in chosen]
        )
        self._shown |= newest
        return [(chosen[place], reason) for place, reason in refused.items()]

    def _announcement(self, row: LedgerRow) -> list[Message]:
        """For Home Assistant, once on a connection."""
        asked, figure = self._config.discovery, row.figure
        key = (row.site, figure.quantity, figure.period)
        if asked is None or figure.period not in asked.periods or key in self._shown:
            return []
        name = self._around.sites.get(row.site, row.site)
        here = topic(self._config.prefix, row)
        return [discovery(asked.prefix, row, here, self._state, name)]


def _newer(row: LedgerRow, known: LedgerRow) -> bool:
    """Whether a row takes the place of another: a later start, or a revision of the same."""
    return (row.figure.start, row.id) > (known.figure.start, known.id)
