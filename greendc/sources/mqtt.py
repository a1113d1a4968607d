"""The broker's messages, from a supervised connection into the inbox.

One thread owns everything that paho does. It reads while the inbox has room, and
neither acknowledges nor discards anything by itself: what the worker has journalled
comes back through `MqttSource.acknowledge`.
"""

import logging
import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from greendc.columns import IntArray, numbers
from greendc.ports import Event, GreendcError, Reception
from greendc.sources.bell import Bell
from greendc.sources.bulk import PINNED, VERSION, supported
from greendc.sources.connection import FAULTS, Connection
from greendc.sources.inbox import Delivery, Inbox
from greendc.sources.settings import MqttSettings, TlsSettings, settings_of
from greendc.sources.state import SourceState
from greendc.sources.statistics import Statistics
from greendc.sources.trouble import explained

__all__ = [
    "Delivery",
    "Inbox",
    "MqttSettings",
    "MqttSource",
    "SourceState",
    "TlsSettings",
    "settings_of",
]

log = logging.getLogger(__name__)

STOP_WITHIN = 2.0  # s
READ_OUT_WITHIN = 0.2  # s, where reading is to end
FLUSH_WITHIN = 1.5  # s of them for acknowledgements and the DISCONNECT
LONGEST_WAIT = 1.0  # s between two looks at the clock


class MqttSource:
    """Keeps a session with the broker and puts what it delivers into `inbox`.

    Parameters
    ----------
    settings, subscriptions
        Where to connect and the topic filters; all are subscribed at QoS 1.
    inbox
        Holds at least `settings.receive_maximum` messages.
    session
        Number of the session that the journal ends with, 0 where there is none yet. A
        session that the broker no longer has becomes an event `session_lost` with that
        number, and the next number holds from there on.
    last_arrival
        Arrival of the last journalled message [ns UTC], from where a lost session's gap runs.
    removed
        Topic filters of earlier configurations, to be unsubscribed.
    clock
        The time of arrival [ns UTC].

    Raises
    ------
    ValueError
        Where the inbox holds less than the broker may send unacknowledged.
    GreendcError
        Where a file of the TLS settings is missing or no use.
    """

    def __init__(  # noqa: PLR0913 - two of six are for restarts, one for tests
        self,
        settings: MqttSettings,
        subscriptions: Sequence[str],
        inbox: Inbox,
        *,
        session: int = 0,
        last_arrival: int | None = None,
        removed: Sequence[str] = (),
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        if inbox.capacity < settings.receive_maximum:
            raise ValueError("the inbox must hold receive_maximum messages")
        settings.refuse_bad_files()  # now, not at each attempt to connect
        self._settings, self._inbox, self._clock = settings, inbox, clock
        self._filters, self._removed = tuple(subscriptions), tuple(removed)
        self._last_arrival = last_arrival
        self._acks: deque[tuple[int, IntArray]] = deque()
        self._calls: deque[Callable[[Connection], None]] = deque()
        self._state = SourceState(session=session, since=clock(), bulk_read=supported())
        self._stopping = self._pausing = False
        self._read_out = threading.Event()  # what had come when reading was to end
        self._stood_since, self._began = math.inf, 0
        self._statistics = Statistics(settings, inbox, clock)
        self._bell = Bell()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        inbox.on_room = self._bell.ring

    # -- for other threads -------------------------------------------------------------------

    @property
    def state(self) -> SourceState:
        """What the source is doing at this moment."""
        return self._state

    def start(self) -> None:
        """Begin to connect."""
        if not self._state.bulk_read:
            log.warning(
                "messages are read one by one: paho-mqtt %sx is known, %s given", PINNED, VERSION
            )
        self._thread.start()
        self._statistics.start()

    def acknowledge(self, connection: int, mids: Sequence[int]) -> None:
        """Have messages acknowledged, in this order, if `connection` still stands; 0 is no mid."""
        found = numbers(mids)
        self._acks.append((connection, found[found != 0]))
        self._bell.ring()

    def resubscribe(self, subscriptions: Sequence[str], removed: Sequence[str]) -> None:
        """Take other topic filters from now on, under the same session."""
        self._filters, self._removed = tuple(subscriptions), (*self._removed, *removed)
        self._calls.append(self._subscribe)
        self._bell.ring()

    def pause(self) -> None:
        """Read no further message; the connection stays, for acknowledgements.

        What has come by now is read before: at QoS 0 nobody would send it again.
        """
        self._pausing = True
        self._bell.ring()
        self._read_out.wait(READ_OUT_WITHIN)
        self._read_out.set()

    def stop(self) -> None:
        """Send the acknowledgements that wait, disconnect and end, within 2 s."""
        self._statistics.stop()
        self._stopping = True
        self._bell.ring()
        if self._thread.is_alive():
            self._thread.join(STOP_WITHIN)
        if not self._thread.is_alive():
            self._bell.close()

    # -- the network thread ------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._supervise()
        finally:
            self._show("stopped")

    def _supervise(self) -> None:
        delay = self._settings.retry_first
        while not self._stopping:
            self._stood_since = math.inf
            try:
                self._serve()
            except (*FAULTS, GreendcError) as error:  # the latter where files of TLS went bad
                why = explained(error, self._settings)
                self._show("waiting", last_error=why)
                log.warning("no connection to %s: %s", self._settings.address, why)
            if time.monotonic() - self._stood_since > delay:
                delay = self._settings.retry_first
            # Half to all of it, so that many daemons do not come back in one moment.
            self._sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            delay = min(2 * delay, self._settings.retry_limit)

    def _serve(self) -> None:
        """One connection, from its beginning to its end."""
        while not self._stopping and not self._inbox.room:
            self._bell.wait(LONGEST_WAIT)
        number = self._state.connection + 1
        self._show("connecting", connection=number)
        connection = Connection(self._settings, self._connected, self._clock)
        ending = "lost"
        try:
            connection.open()
            while not self._stopping:
                self._step(connection, number)
            ending = "stopped"
            if connection.established:
                self._acknowledge(connection, number)
                connection.leave(FLUSH_WITHIN)
        finally:
            connection.close()
            if connection.established:
                self._inbox.put(number, [], self._reception(connection, number, ending))

    def _step(self, connection: Connection, number: int) -> None:
        wanted = self._inbox.room > 0 and not self._read_out.is_set()
        reading = wanted or not connection.established
        if not reading:
            self._show("holding")
        elif connection.subscribed:
            self._show("connected", refused=connection.refused)
        heard, awake = connection.wait(self._bell.ear, reading=reading, timeout=self._patience())
        if awake:
            self._bell.heard()
        if heard:
            self._read(connection, number)
        if self._pausing and not self._read_out.is_set():
            self._read_what_has_come(connection, number)
        self._acknowledge(connection, number)
        while self._calls and connection.established:
            self._calls.popleft()(connection)
        connection.ask_again()
        connection.keep_alive(reading=reading)
        connection.write()

    def _read(self, connection: Connection, number: int) -> None:
        try:
            connection.read(self._inbox.room if connection.established else 1)
        finally:
            self._hand_over(connection, number)

    def _read_what_has_come(self, connection: Connection, number: int) -> None:
        deadline = time.monotonic() + READ_OUT_WITHIN
        while connection.unread and self._inbox.room and time.monotonic() < deadline:
            self._read(connection, number)
        self._read_out.set()

    def _patience(self) -> float:
        return min(LONGEST_WAIT, self._settings.ping_interval / 2)

    def _hand_over(self, connection: Connection, number: int) -> None:
        batch = connection.collected(self._state.session)
        if len(batch):
            self._last_arrival = batch.arrivals[-1]
            self._state = replace(self._state, messages=self._state.messages + len(batch))
            self._inbox.put(number, [batch], self._reception(connection, number))

    def _reception(
        self, connection: Connection, number: int, ending: str | None = None
    ) -> Reception:
        now, session = self._clock(), self._state.session
        return Reception(number, session, self._began, now, connection.messages, ending)

    def _acknowledge(self, connection: Connection, number: int) -> None:
        sent = outdated = 0
        while self._acks:
            where, mids = self._acks.popleft()
            if where == number:
                connection.acknowledge(mids)
                sent += len(mids)
            else:
                outdated += len(mids)  # the broker delivers them again
        if sent or outdated:
            self._state = replace(
                self._state,
                acknowledged=self._state.acknowledged + sent,
                outdated_acks=self._state.outdated_acks + outdated,
            )

    def _connected(self, connection: Connection, *, session_present: bool) -> None:
        self._stood_since, self._began = time.monotonic(), self._clock()
        if not session_present or not self._state.session:
            self._new_session()
        log.info("connected to %s, session %d", self._settings.address, self._state.session)
        self._subscribe(connection)

    def _new_session(self) -> None:
        state = self._state
        if state.session:
            now = self._clock()
            data = {"from": self._last_arrival, "to": now, "session": state.session}
            self._inbox.put(state.connection, [Event("session_lost", now, data)])
            log.warning("the broker has lost session %d", state.session)
            state = replace(state, sessions_lost=state.sessions_lost + 1)
        self._state = replace(state, session=state.session + 1)

    def _subscribe(self, connection: Connection) -> None:
        removed = [topic for topic in self._removed if topic not in self._filters]
        connection.subscribe(self._filters, removed)

    # -- waiting -----------------------------------------------------------------------------

    def _show(self, phase: str, **changes: object) -> None:
        state = self._state
        if state.phase == phase and all(getattr(state, k) == v for k, v in changes.items()):
            return
        since = state.since if state.phase == phase else self._clock()
        self._state = replace(state, phase=phase, since=since, **changes)  # type: ignore[arg-type]
        if phase != state.phase:
            self._inbox.wake()  # whoever takes messages also tells how the connection stands

    def _sleep(self, seconds: float) -> None:
        """Wait for so long, or until told to stop."""
        deadline = time.monotonic() + seconds
        while not self._stopping and (left := deadline - time.monotonic()) > 0:
            self._bell.wait(left)
