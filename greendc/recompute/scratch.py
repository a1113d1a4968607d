"""A second ledger, made of the journal by amended configurations."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from greendc.config import Config
from greendc.pipeline import Pipeline
from greendc.ports import GreendcError
from greendc.recompute.amending import Amended, first_kept
from greendc.store import Store

COMMIT_ROWS = 200_000


MEANWHILE = "the journal has let go of entries meanwhile: give greendc recompute again"


class Beginning(Protocol):
    """Something else to begin with than the first entry."""

    def begin(self, store: Store, past: Amended, pause: Callable[[], None]) -> None:
        """Give an empty ledger a state, what that rests on, and its configuration."""
        ...


class Scratch:
    """A ledger file of its own, which takes in a journal as far as it is asked to.

    One that was closed after `advance` goes on from there.
    """

    def __init__(
        self,
        file: Path,
        past: Amended,
        pause: Callable[[], None] = lambda: None,
        beginning: Beginning | None = None,
    ) -> None:
        """Make or open the file; `pause` is called between pieces of work.

        Raises
        ------
        GreendcError
            If the journal has let go of what is needed.
        """
        self.past, self._pause = past, pause
        self.store = Store(file, durable=False)
        if beginning is not None and self.store.config() is None:
            beginning.begin(self.store, past, pause)
        held = self.store.config()
        known = (
            Config.from_effective(past.begin()[1]) if held is None else Config.from_body(held[1])
        )
        self.pipeline = Pipeline(known, self.store)
        self.pipeline.meanwhile = pause
        low, done = self.pipeline.start_at()
        if done:
            self.pipeline.resume(past.read(low, done + 1), done)
            if first_kept(past) > low:
                raise GreendcError(MEANWHILE)

    def __enter__(self) -> Self:
        """Use as a context."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file; what came since the last commit is lost."""
        self.store.close()

    def advance(self, stop: int) -> None:
        """Take in the entries before `stop`."""
        for number, entry in self.past.read(self.pipeline.done_to + 1, stop):
            if number > self.pipeline.done_to + 1:
                raise GreendcError(MEANWHILE)
            self.pipeline.handle(number, entry)
            if self.pipeline.written > COMMIT_ROWS or self.pipeline.checkpoint_due:
                self.pipeline.commit()
            self._pause()
