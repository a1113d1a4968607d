"""A second ledger, made of the journal by amended configurations."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from greendc.config import Config
from greendc.pipeline import Pipeline
from greendc.recompute.amending import Past
from greendc.store import Store

COMMIT_ROWS = 200_000


class Scratch:
    """A ledger file of its own, which takes in a journal as far as it is asked to.

    One that was closed after `advance` goes on from there.
    """

    def __init__(self, file: Path, past: Past, pause: Callable[[], None] = lambda: None) -> None:
        """Make or open the file; `pause` is called between pieces of work."""
        self.past, self._pause = past, pause
        self.store = Store(file, durable=False)
        held = self.store.config()
        known = (
            Config.from_effective(past.begin()[1]) if held is None else Config.from_body(held[1])
        )
        self.pipeline = Pipeline(known, self.store)
        self.pipeline.meanwhile = pause
        low, done = self.pipeline.start_at()
        if done:
            self.pipeline.resume(past.read(low, done + 1), done)

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
            self.pipeline.handle(number, entry)
            if self.pipeline.written > COMMIT_ROWS:
                self.pipeline.commit()
            self._pause()
