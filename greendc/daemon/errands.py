"""What other threads want done by the one that owns the state, between two of its rounds."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from greendc.ports import GreendcError

T = TypeVar("T")


class Errands:
    """Any thread asks; the owner does, one after the other, and each asker gets its answer.

    `wake` ends the owner's waiting for messages.

    >>> errands = Errands()
    >>> answer = errands.ask(lambda: 6 * 7)
    >>> errands.do()
    >>> answer.result()
    42
    """

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._wake = wake
        self._waiting: deque[tuple[Callable[[], object], Future[object]]] = deque()
        self._ended = False

    def ask(self, work: Callable[[], T]) -> "Future[T]":
        """Have `work` done; the future holds what it returns or the GreendcError it raises."""
        answer: Future[object] = Future()
        self._waiting.append((work, answer))
        if self._ended:
            self.stop()
        self._wake()
        return answer  # type: ignore[return-value]

    def do(self) -> None:
        """Do all that waits; called by the owner only.

        Raises
        ------
        Exception
            What an errand raises beside GreendcError: the state cannot be trusted any more.
        """
        while self._waiting:
            work, answer = self._waiting.popleft()
            try:
                result = work()
            except GreendcError as error:
                answer.set_exception(error)
            except BaseException as error:
                answer.set_exception(error)
                raise
            else:
                answer.set_result(result)

    def stop(self) -> None:
        """Do nothing any more; whoever waits is told."""
        self._ended = True
        while self._waiting:
            self._waiting.popleft()[1].set_exception(GreendcError("greendc is stopping"))
