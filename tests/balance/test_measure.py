"""What the check finds of mis-wirings at a ready-made site, so that it does not become less."""

import pytest

from tests.balance.measure import Sound, Trial, false_alarms, sound, trials

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
    assert false_alarms(site) == (0, 14)


def test_most_mistakes_are_found(made: list[Trial]) -> None:
    assert sum(t.found for t in made) / len(made) > 0.95


def test_what_is_found_is_named(made: list[Trial]) -> None:
    found = [t for t in made if t.found]
    assert sum(t.named for t in found) / len(found) > 0.9
    assert sum(t.listed for t in found) / len(found) > 0.98


def test_factors_and_signs_are_never_missed(made: list[Trial]) -> None:
    assert all(t.named for t in made if t.kind in {"factor", "sign"})
