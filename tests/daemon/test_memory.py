"""No collections at a start, but after it; a hint to the allocator that fails nowhere."""

import ctypes
import gc
import subprocess
import sys
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


PIECES = """
import resource
from greendc.daemon.memory import give_back
give_back()
pages = []
for size in (2**20, 2**20, 8 * 2**20):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        b"x" * size  # each is freed at once
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    pages.append(faults * resource.getpagesize() // size)
print(*pages[1:])
"""


def test_a_batch_gets_the_memory_of_the_one_before_and_large_pieces_are_given_back() -> None:
    command = [sys.executable, "-c", PIECES]
    said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    again, anew = map(int, said.split())  # how often a piece came from the kernel
    assert again == 0
    assert anew >= 40
