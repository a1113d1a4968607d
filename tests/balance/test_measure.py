"""What the check finds of mis-wirings at a ready-made site, so that it does not become less."""

from pathlib import Path

import pytest

from tests.balance.measure import (
    BEGIN,
    END,
    README,
    Sound,
    Trial,
    by_points,
    false_alarms,
    sound,
    table,
    trials,
    write,
)

LARGE = 0.05  # of its node: smaller meters are within what classes and losses allow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    (found,) = sound("edge-room", 14, tmp_path_factory.mktemp("edge-room"))
    return found


@pytest.fixture(scope="module")
def made(site: Sound) -> list[Trial]:
    usual = [t for t in trials(site, 0) if t.kind != "other factor" and t.share >= LARGE]
    assert len(usual) > 80
    return usual


def test_sound_hours_have_no_finding(site: Sound) -> None:
    assert false_alarms(site) == false_alarms(by_points(site)) == (0, 14)


def test_most_mistakes_are_found(made: list[Trial]) -> None:
    assert sum(t.found for t in made) / len(made) > 0.95


def test_what_is_found_is_named(made: list[Trial]) -> None:
    found = [t for t in made if t.found]
    assert sum(t.named for t in found) / len(found) > 0.9
    assert sum(t.listed for t in found) / len(found) > 0.98


def test_factors_and_signs_are_never_missed(made: list[Trial]) -> None:
    assert all(t.named for t in made if t.kind.startswith(("factor", "sign")))


def test_the_table_has_its_place(tmp_path: Path, made: list[Trial]) -> None:
    page = tmp_path / "README.md"
    page.write_text(README.read_text(encoding="utf-8"), encoding="utf-8")
    write(table(made, made), page)
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    assert page.read_text(encoding="utf-8").startswith(before + BEGIN + "\n| mistake")
    assert page.read_text(encoding="utf-8").endswith(END + rest.partition(END)[2])
