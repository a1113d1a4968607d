"""The publisher of the demonstration: plays the meters of a recorded log."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from greendc.core.facility import DAY, SECOND
from greendc.demo.recording import Recording
from greendc.ports import Event, GreendcError, RawBatch
from greendc.sources.broker import HOST
from greendc.sources.inbox import Inbox
from greendc.sources.mqtt import MqttSource
from greendc.sources.pacing import paced
from greendc.sources.publishing import Publisher
from greendc.sources.settings import MqttSettings

HEAD = DAY  # of the log is published at once at most, so that there is something to see
HEADS = 14  # in a log that is shorter than so many days
AHEAD = 1000  # messages between publisher and daemon; the broker gives up slow readers
LOOK_EVERY = 0.02  # s
CLIENT = "greendc-demo-meters"


@dataclass(slots=True)
class Daemon:
    """What of the daemon the publisher must see."""

    source: MqttSource
    inbox: Inbox


class Feed:
    """Publishes a log at `speed` times its own pace, then declares the end of the input.

    `sent` counts messages; `ended` is set when the daemon has taken the last of them and
    the end; `failed` is called where the broker does not take them, which `error` explains.
    """

    def __init__(
        self,
        recording: Recording,
        speed: float,
        port: int,
        daemon: Daemon,
        failed: Callable[[], None],
    ) -> None:
        self.sent = 0
        self.ended = False
        self.error: GreendcError | None = None
        self._recording, self._speed, self._port = recording, speed, port
        self._daemon, self._failed = daemon, failed
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin as soon as the daemon listens."""
        self._thread.start()

    def stop(self) -> None:
        """Publish no further."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(5.0)

    def _run(self) -> None:
        try:
            self._wait_until(lambda: self._daemon.source.state.phase == "connected")
            with Publisher(MqttSettings(HOST, self._port, client_id=CLIENT)) as publisher:
                self._publish(publisher)
            self._wait_until(self._taken)
            self._end()
        except GreendcError as error:
            if not self._stopping.is_set():
                self.error = error
                self._failed()

    def _publish(self, publisher: Publisher) -> None:
        batches, first = self._recording.batches, head(self._recording)
        for piece in paced(batches, self._speed, sleep=self._stopping.wait, head=first):
            if self._stopping.is_set():
                return
            if isinstance(piece, RawBatch):
                publisher.publish(piece)
                self.sent += len(piece)
                self._wait_until(lambda: self.sent - self._daemon.source.state.messages < AHEAD)

    def _taken(self) -> bool:
        """Whether the daemon has journalled and acknowledged all that was sent."""
        state = self._daemon.source.state
        settled = state.acknowledged + state.outdated_acks
        return state.messages >= self.sent and settled >= state.messages

    def _end(self) -> None:
        if not self._stopping.is_set():
            self._daemon.inbox.put(0, [Event("end", time.time_ns())])
            self._wait_until(lambda: not self._daemon.inbox.waiting)
            self.ended = True

    def _wait_until(self, met: Callable[[], bool]) -> None:
        while not met() and not self._stopping.wait(LOOK_EVERY):
            pass


def head(recording: Recording) -> int:
    """How much of a log is published at once [ns]."""
    return min(HEAD, (recording.end - recording.start) // HEADS)


def speed_for(recording: Recording, minutes: float) -> float:
    """How much faster than real time a log runs that takes so many minutes after its head."""
    rest = recording.end - recording.start - head(recording)
    return max(1.0, rest / SECOND / (60 * minutes))
