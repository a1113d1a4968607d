"""What a target has taken may be lost again if it is killed before its disk has it.

Such rows are passed for good only once they have stood there for some time, in which the target
was not started anew; otherwise they are sent again. A ledger's cursor never goes back.

Where a target did not answer it may still take what it was sent, after what it has been sent since:
one that stood still works off all that waits for it, in any order. So once it has answered for some
time all is sent again, behind whatever was late. A run that begins behind the ledger does not know
whether the one before had every answer: what nobody has passed may have been sent.
"""

from collections import deque
from collections.abc import Callable
from itertools import takewhile
from typing import NamedTuple, Protocol, runtime_checkable

ANEW = "the store was started anew"
LATE = "the store had not answered, and may have taken earlier figures after later ones"
BEHIND = "what an earlier run sent without an answer may have been taken after later figures"


class Passed(NamedTuple):
    """Up to which row a sink has come, and what became of the rows since it was asked last.

    `left_out` are of periods that it does not want, `refused` the target does not take.

    >>> Passed(4, written=3, left_out=1) + Passed(6, refused=2)
    Passed(position=6, written=3, left_out=1, refused=2)
    """

    position: int
    written: int = 0
    left_out: int = 0
    refused: int = 0

    def __add__(self, later: "Passed") -> "Passed":  # type: ignore[override]
        """What became of the rows of both."""
        mine, its = self[1:], later[1:]
        return Passed(later.position, *(a + b for a, b in zip(mine, its, strict=True)))

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of rows by what became of them."""
        return {name: n for name, n in self._asdict().items() if name != "position"}


@runtime_checkable
class Settling(Protocol):
    """A sink whose target may take what it did not answer after what it has been sent since."""

    @property
    def confirm_after(self) -> float:
        """How long rows in doubt must have stood there [s]."""
        ...


@runtime_checkable
class Forgetful(Settling, Protocol):
    """A sink whose target may lose what it took within the last `confirm_after` seconds, too."""

    def life(self) -> str | None:
        """What is another one once the target was started anew; None where it does not tell."""
        ...


class Confirming:
    """Rows that a target has taken, until they are passed for good."""

    def __init__(self, sink: object, clock: Callable[[], float]) -> None:
        """Of a sink that is not `Settling` they are at once."""
        self._settling = sink if isinstance(sink, Settling) else None
        self._forgetful = sink if isinstance(sink, Forgetful) else None
        self._clock = clock
        self._taken: deque[tuple[float, Passed]] = deque()
        self._life: str | None = None
        self._doubt: str | None = None  # why something may still arrive that was sent before

    def behind(self) -> None:
        """A run begins with rows that an earlier one may have sent."""
        self._doubt = self._doubt or BEHIND

    def unanswered(self) -> None:
        """The target has not answered: it may have taken rows, or take them later."""
        self._doubt = LATE

    def sending(self) -> None:
        """Rows are about to be sent."""
        if self._forgetful is not None and not self._taken:
            self._life = self._forgetful.life()

    def sent(self, passed: Passed) -> None:
        """The target has taken them, or none of them is for it."""
        self._taken.append((self._clock(), passed))

    def passed(self) -> list[Passed] | str:
        """What is passed for good by now, or why the rest is to be sent again."""
        if self._settling is None:
            return self.forget()
        unsent = list(takewhile(lambda taken: not _is_sent(taken[1]), self._taken))
        if unsent:
            return self._pop(len(unsent))
        doubtful = self._doubt is not None or self._forgetful is not None
        upto = self._clock() - (self._settling.confirm_after if doubtful else 0.0)
        due = list(takewhile(lambda taken: taken[0] <= upto, self._taken))
        if due and self._doubt is not None:
            found, self._doubt = self._doubt, None
            return found
        if due and self._forgetful is not None and self._forgetful.life() != self._life:
            return ANEW
        return self._pop(len(due))

    def _pop(self, count: int) -> list[Passed]:
        return [self._taken.popleft()[1] for _ in range(count)]

    def forget(self) -> list[Passed]:
        """Take what is not passed for good as not sent; returns it."""
        found = [passed for _, passed in self._taken]
        self._taken.clear()
        return found


def _is_sent(passed: Passed) -> bool:
    return passed.written + passed.refused > 0
