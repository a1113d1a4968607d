"""What is missing is worked out once for all who ask, and anew where it may be another."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from greendc.core.facility import HOUR, MINUTE
from greendc.ports import Event
from greendc.queries import Ledger
from greendc.web import kept
from greendc.web.gaps import gaps
from tests.web.kit import Scene, scene

SITE = "zih-lzr"


class Asked:
    """A scene, its kept answers, and how often one was worked out."""

    def __init__(self, playing: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        self.scene, self.number = playing, 0
        self.kept = kept.KeptGaps(playing.board, lambda: Ledger(playing.path))
        monkeypatch.setattr(kept, "gaps", self._gaps)

    def _gaps(self, *arguments: object) -> dict[str, object]:
        self.number += 1
        time.sleep(0.05)  # so that others ask meanwhile
        return gaps(*arguments)  # type: ignore[arg-type]

    def ask(self, span: str = "24h", now: int = 0) -> int:
        """How often it has been worked out after one more question; the answer is that of now."""
        body = self.kept.body(SITE, span, now)
        with Ledger(self.scene.path) as ledger:
            assert json.loads(body) == gaps(ledger, self.scene.board, SITE, span, now)
        return self.number


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    with scene(tmp_path, hours=30) as playing:
        yield Asked(playing, monkeypatch)


def test_it_is_kept_until_figures_are_written(asked: Asked) -> None:
    assert [asked.ask(), asked.ask()] == [1, 1]
    asked.scene.play(1)
    assert [asked.ask(), asked.ask()] == [2, 2]


def test_each_span_has_its_own(asked: Asked) -> None:
    assert [asked.ask(), asked.ask("12mo"), asked.ask(), asked.ask("12mo")] == [1, 2, 2, 2]
    asked.scene.play(1)  # an hour, and no day, is closed; the strips of 12 months step by 30 h
    assert asked.kept.body(SITE, "12mo", 0)
    assert asked.number == 2


def test_what_happens_is_told_at_once(asked: Asked) -> None:
    asked.ask()
    asked.scene.store.begin()
    asked.scene.store.note(Event("session_lost", 5, {"from": 1, "to": 2}))
    asked.scene.store.commit()
    assert [asked.ask(), asked.ask()] == [2, 2]


def test_a_meter_that_falls_silent_is_told_at_once(asked: Asked) -> None:
    asked.scene.board.wall_clock = True
    now = asked.scene.board.current.site_time[SITE]
    asked.ask(now=now)
    step = 5 * MINUTE
    border = now // step * step
    for later, number in ((border + step, 2), (border + step + MINUTE, 2)):
        asked.kept.body(SITE, "24h", later)
        assert asked.number == number
    assert asked.ask(now=now + 4 * HOUR) == 3


def test_who_asks_meanwhile_waits_for_the_answer(asked: Asked) -> None:
    asked.kept.body(SITE, "7d", 0)
    asked.number = 0
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(asked.kept.body(SITE, "24h", 0)))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked.number == 1
    assert len(set(found)) == 1


def test_another_layout_of_sums_is_another_answer(asked: Asked) -> None:
    asked.ask()
    asked.scene.pipeline.use(asked.scene.config)
    asked.scene.show()
    assert asked.ask() == 2
