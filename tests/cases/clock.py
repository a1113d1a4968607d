"""Clocks in place of the computer's: one that daemons go by, and one that nobody waits for."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from greendc.replay import replaying
from greendc.sources.mqtt import MqttSource
from greendc.sources.pacing import paced


class Clock:
    """Goes on by itself from where it is set, for all daemons that were started while it shows."""

    def __init__(self, now: int) -> None:
        self._ahead = multiprocessing.Value("q", now - time.monotonic_ns())

    def set(self, now: int) -> None:
        """Set it, as a time server would. [ns]"""
        self._ahead.value = now - time.monotonic_ns()

    def read(self) -> int:
        """Nanoseconds since 1970."""
        return int(self._ahead.value) + time.monotonic_ns()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Have what is forked meanwhile go by it."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "time_ns", self.read)
            patch.setitem(MqttSource.__init__.__kwdefaults__ or {}, "clock", self.read)
            yield


class Pace:
    """The clock of a replay that is slowed down to a speed: it goes on where that would wait."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def read(self) -> float:
        """Seconds since it began."""
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.seconds += seconds

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Have replays go by it."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(replaying, "paced", partial(paced, clock=self.read, sleep=self.wait))
            yield
