"""Parts: in order, in reverse, and none left running whatever fails."""

from dataclasses import dataclass

import pytest

from greendc.daemon.lifecycle import running


@dataclass
class Part:
    name: str
    told: list[str]
    fails: str = ""

    def start(self) -> None:
        self._tell("start")

    def stop(self) -> None:
        self._tell("stop")

    def _tell(self, what: str) -> None:
        self.told.append(f"{what} {self.name}")
        if what == self.fails:
            raise OSError(f"{self.name} cannot {what}")


@dataclass
class OnlyStarts:
    told: list[str]

    def start(self) -> None:
        self.told.append("start only")


def test_parts_stop_in_reverse() -> None:
    told: list[str] = []
    with running([Part("a", told), OnlyStarts(told), Part("b", told)]):
        told.append("run")
    assert told == ["start a", "start only", "start b", "run", "stop b", "stop a"]


def test_a_part_that_cannot_start_leaves_none_running() -> None:
    told: list[str] = []
    parts = [Part("a", told), Part("b", told), Part("c", told, fails="start"), Part("d", told)]
    with pytest.raises(OSError, match="c cannot start"), running(parts):
        told.append("run")
    assert told == ["start a", "start b", "start c", "stop b", "stop a"]


def test_a_part_that_cannot_stop_does_not_keep_the_others() -> None:
    told: list[str] = []
    parts = [Part("a", told), Part("b", told, fails="stop"), Part("c", told)]
    with pytest.raises(OSError, match="b cannot stop"), running(parts):
        pass
    assert told[3:] == ["stop c", "stop b", "stop a"]


def test_a_failure_of_the_run_stops_all() -> None:
    told: list[str] = []
    with pytest.raises(RuntimeError, match="boom"), running([Part("a", told), Part("b", told)]):
        raise RuntimeError("boom")
    assert told == ["start a", "start b", "stop b", "stop a"]
