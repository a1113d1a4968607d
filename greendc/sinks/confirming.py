"""What a target has taken may be lost again if it is killed before its disk has it.

Such rows are passed for good only once they have stood there for some time, in which the target
was not started anew; otherwise they are sent again. A ledger's cursor never goes back.

Where a target did not answer it may still take what it was sent, after what it has been sent since:
one that stood still works off all that waits for it, in any order. So once it has answered for some
time all is sent again, behind whatever was late.
"""

import time
from collections import deque
from collections.abc import Callable
from itertools import takewhile
from typing import NamedTuple, Protocol, runtime_checkable

SETTLED = 10.0  # until nothing waits any more at a target that answers again [s]
ANEW = "the store was started anew"
LATE = "the store had not answered, and may have taken earlier figures after later ones"


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
class Forgetful(Protocol):
    """A sink whose target may lose what it took within the last `confirm_after` seconds."""

    @property
    def confirm_after(self) -> float:
        """How long rows must have stood there until its disk has them [s]."""
        ...

    def life(self) -> str | None:
        """What is another one once the target was started anew; None where it does not tell."""
        ...


class Confirming:
    """Rows that a target has taken, until they are passed for good."""

    def __init__(self, sink: object, clock: Callable[[], float] = time.monotonic) -> None:
        """Of a sink that is not `Forgetful` they are at once."""
        self._sink = sink if isinstance(sink, Forgetful) else None
        self._clock = clock
        self._taken: deque[tuple[float, Passed]] = deque()
        self._life: str | None = None
        self._late = False  # whether what it did not answer may still arrive

    def unanswered(self) -> None:
        """The target has not answered: it may have taken rows, or take them later."""
        self._late = True

    def sending(self) -> None:
        """Rows are about to be sent."""
        if self._sink is not None and not self._taken:
            self._life = self._sink.life()

    def sent(self, passed: Passed) -> None:
        """The target has taken them."""
        self._taken.append((self._clock(), passed))

    def passed(self) -> list[Passed] | str:
        """What is passed for good by now, or why the rest is to be sent again."""
        wait = 0.0 if self._sink is None else self._sink.confirm_after
        upto = self._clock() - (SETTLED if self._late else wait)
        due = list(takewhile(lambda taken: taken[0] <= upto, self._taken))
        if due and self._late:
            self._late = False
            return LATE
        if due and self._sink is not None and self._sink.life() != self._life:
            return ANEW
        return [self._taken.popleft()[1] for _ in due]

    def forget(self) -> list[Passed]:
        """Take what is not passed for good as not sent; returns it."""
        found = [passed for _, passed in self._taken]
        self._taken.clear()
        return found
