"""Errands: done by the owner in order, answered to the asker, refused at the end."""

import threading

import pytest

from greendc.daemon.errands import Errands
from greendc.ports import GreendcError
from greendc.sources.inbox import Inbox


def test_the_owner_does_what_another_thread_asks() -> None:
    inbox = Inbox()
    errands = Errands(inbox.wake)
    done: list[str] = []

    def ask() -> None:
        asked = [errands.ask(lambda: threading.current_thread().name) for _ in range(3)]
        done.extend(answer.result(10) for answer in asked)

    thread = threading.Thread(target=ask)
    thread.start()
    while thread.is_alive():
        inbox.take(0.1)
        errands.do()
    assert done == [threading.current_thread().name] * 3


def refuse() -> None:
    raise GreendcError("no such site")


def break_down() -> None:
    raise ZeroDivisionError


def test_a_refused_errand_harms_nobody_else() -> None:
    errands = Errands()
    refused, good = errands.ask(refuse), errands.ask(lambda: 1)
    errands.do()
    assert good.result(0) == 1
    with pytest.raises(GreendcError, match="no such site"):
        refused.result(0)


def test_an_errand_that_breaks_down_ends_the_owner_and_tells_the_asker() -> None:
    errands = Errands()
    broken = errands.ask(break_down)
    with pytest.raises(ZeroDivisionError):
        errands.do()
    with pytest.raises(ZeroDivisionError):
        broken.result(0)


def test_at_the_end_nobody_waits_for_ever() -> None:
    errands = Errands()
    before = errands.ask(lambda: 1)
    errands.stop()
    after = errands.ask(lambda: 2)
    for answer in (before, after):
        with pytest.raises(GreendcError, match="is stopping"):
            answer.result(0)
