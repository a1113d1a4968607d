"""Readings that rules had left out come back where they are judged anew."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from greendc.config import Config
from greendc.core.facility import HOUR
from greendc.ports import Entry, GreendcError
from tests import runs
from tests.recompute.kit import BEGIN, METERS, Played, log, meters, replayed, site
from tests.runs import Reading

STRICT = {"it_a": ", range: [0, 1003]", "it_b": ", spike: 50", "pump": ", frozen_after: 40min"}


def ruled(folder: Path, rules: Mapping[str, str], more: tuple[str, ...] = METERS) -> Config:
    """The usual site, with rules for some meters."""
    listed = []
    for meter in more:
        name = meter.split(",")[0].removeprefix("{id: ")
        listed.append(f"{meter[:-1]}{rules.get(name, '')}}}")
    return site(folder, tuple(listed))


def odd(lo: float, hi: float) -> list[Reading]:
    """The usual log, with a true value that looks like a spike, and a pump that is steady."""
    spike = BEGIN + 3 * HOUR
    return [
        (m, t, 900.0 if (m, t) == ("it_b", spike) else 300.0 if m == "pump" else v)
        for m, t, v in log(lo, hi)
    ]


@pytest.mark.parametrize("reloaded", [False, True])
def test_what_was_left_out_comes_back(reloaded: bool, tmp_path: Path) -> None:
    """Whether a reload has said so for what comes, or nothing yet."""
    run = Played(tmp_path / "ledger", ruled(tmp_path / "a", STRICT))
    run.take(runs.batch(odd(0, 8)))
    lenient = ruled(tmp_path / "b", {})
    if reloaded:
        run.take(runs.config_event(lenient))
    run.take(runs.batch(odd(8, 9)))
    with pytest.raises(GreendcError, match="unless --rules asks for those of today"):
        run.recompute(lenient)
    run.recompute(lenient, rules=True)
    run.take(runs.end())
    path = run.close()
    fresh: list[Entry] = [runs.batch(odd(0, 8)), runs.batch(odd(8, 9)), runs.end()]
    always = runs.played(tmp_path / "fresh", lenient, fresh)
    assert runs.newest(path) == runs.newest(always)
    assert runs.judged(path) == runs.judged(always)
    strictly = runs.played(tmp_path / "strict", ruled(tmp_path / "c", STRICT), fresh)
    assert runs.newest(path) != runs.newest(strictly)
    assert runs.revisions(replayed(tmp_path / "again", run)) == runs.revisions(path)


def test_nothing_else_is_judged_anew(tmp_path: Path) -> None:
    """A factor is recomputed by the rules of their time; a meter that came later is not added."""
    run = Played(tmp_path / "ledger", ruled(tmp_path / "a", STRICT, METERS[:3]))
    run.take(runs.batch(odd(0, 5)))
    run.take(runs.config_event(ruled(tmp_path / "b", {"heat": ", rating_w: 5e3"})))
    run.take(runs.batch(odd(5, 8)))
    run.commit()
    before = {key: figure for key, figure in runs.newest(run.path).items() if key[1] == "it_b"}
    run.recompute(ruled(tmp_path / "c", {}, meters(0, "multiplier", 1, 10)))
    run.commit()
    after = runs.newest(run.path)
    assert before
    assert {key: after[key] for key in before} == before
    run.recompute(ruled(tmp_path / "d", {}, meters(0, "multiplier", 1, 10)), rules=True)
    run.take(runs.end())
    found = runs.newest(run.close(), "hour")
    assert min(start for _, name, start in found if name == "heat") >= BEGIN + 4 * HOUR
    assert found["hour", "it_b", BEGIN + 3 * HOUR].valid == HOUR
