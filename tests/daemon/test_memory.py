"""No collections at a start, but after it; a hint to the allocator that fails nowhere."""

import ctypes
import gc
from collections.abc import Iterator

import pytest

from greendc.daemon.memory import give_back, starting


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_a_start_makes_is_not_looked_through() -> None:
    before = gc.get_freeze_count()
    with starting():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > before


def test_a_start_that_fails_leaves_collections_on() -> None:
    with pytest.raises(OSError, match="no"), starting():
        raise OSError("no")
    assert gc.isenabled()


def test_an_allocator_without_the_hint_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    give_back()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    give_back()
