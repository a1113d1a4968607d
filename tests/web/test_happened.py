"""Events of the ledger as people read them: like ones are one, strange ones still show."""

from pathlib import Path

from greendc.core.facility import SECOND
from greendc.ports import Event
from greendc.queries import Ledger
from greendc.store import Store
from greendc.web.happened import TOLD, happened
from greendc.web.titles import EVENTS


def written(path: Path, *events: Event) -> Path:
    store = Store(path, durable=False)
    for event in events:
        store.note(event)
    store.commit()
    store.close()
    return path


def test_like_events_that_follow_each_other_are_one(tmp_path: Path) -> None:
    def aside(n: int, meter: str = "m") -> Event:
        data = {"site": "a", "meter": meter, "reason": "spike", "readings": n}
        return Event("quarantined", n * SECOND, {**data, "from": n * SECOND, "to": 9 * n * SECOND})

    path = written(
        tmp_path / "ledger.db",
        aside(3),
        aside(2),
        Event("late", SECOND, {"site": "b", "readings": 7}),
        aside(4),
        aside(4, "other"),
        Event("session_lost", 5 * SECOND, {"session": 1}),
    )
    with Ledger(path) as ledger:
        lost, other, same = happened(ledger, "a")
        assert [one["kind"] for one in happened(ledger, "b")][1] == "late"
    assert (lost["kind"], lost["from_ms"], lost["arrived_ms"]) == ("session_lost", None, 5000)
    assert lost["data"] == {"session": 1}
    assert (other["meter"], other["times"]) == ("other", 1)
    assert (same["times"], same["readings"], same["reason"]) == (3, 9, "spike")
    assert (same["from_ms"], same["to_ms"], same["data"]) == (2000, 36_000, {})


def test_the_newest_are_told_and_no_more(tmp_path: Path) -> None:
    events = [Event("strange", n * SECOND, {"meter": f"m{n}", "list": [n]}) for n in range(99)]
    with Ledger(written(tmp_path / "ledger.db", *events)) as ledger:
        found = happened(ledger, "a")
        assert len(ledger.events(3)) == 3
        assert ledger.events(3) == ledger.events()[-3:]
    assert [one["meter"] for one in found] == [f"m{n}" for n in range(98, 98 - TOLD, -1)]
    assert found[0]["data"] == {}


def test_events_that_the_pipeline_keeps_have_words() -> None:
    assert {"late", "clock_set_back", "session_lost", "revised"} <= set(EVENTS)
