"""What would change, found beside a daemon that may be working, in a ledger of its own."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from greendc.config import Config
from greendc.files import make_folder, opener
from greendc.journal import read_journal
from greendc.ports import Entry, GreendcError, RawBatch
from greendc.queries import Ledger
from greendc.recompute.amending import Amended
from greendc.recompute.applying import LEDGER, cells_of, closed, done_before
from greendc.recompute.behind import begun_at
from greendc.recompute.differing import Difference, Portion, differences, portion, portions
from greendc.recompute.journal import JournalPast
from greendc.recompute.scratch import Scratch
from greendc.recompute.wish import FOLDER, PREPARED, Wish

NEAR = 1_000  # entries that the scratch ledger may be behind before it is compared


class Preparation:
    """A scratch ledger in a data folder, brought up to the ledger's last commit."""

    def __init__(
        self, wanted: Config, folder: Path, stack: ExitStack, *, rules: bool = False
    ) -> None:
        """Look at the ledger; `differences` does the work.

        With `rules` readings are judged anew by the rules of today.

        Raises
        ------
        GreendcError
            If it cannot be recomputed, or somebody is about to.
        """
        self.journal = folder / "journal.db"
        self.ledger = stack.enter_context(Ledger(folder / LEDGER))
        _, body = self.ledger.config_of(self.ledger.get("config"))
        state = self.ledger.get("state")
        if state is None:
            raise GreendcError(f"{folder}: nothing is closed yet: greendc reload takes it in")
        self.known = Config.from_body(body)
        self.rules = rules
        bodies = self.ledger.config_bodies() if rules else ()
        self.wish = Wish.of(self.known, wanted, state, done_before(self.ledger), bodies)
        past = JournalPast(self._read)
        self.beginning = self.wish.beginning(folder / LEDGER, past)
        self.file = _own(folder / FOLDER, stack) / LEDGER
        self.past = Amended(past, self.wish.amendments())

    def _read(self, start: int, stop: int | None) -> Iterator[tuple[int, Entry]]:
        for number, entry in read_journal(self.journal, start):
            if stop is not None and number >= stop:
                return
            if stop is not None and isinstance(entry, RawBatch):
                yield number, entry.between(0, min(stop - number, len(entry)))
            else:
                yield number, entry

    def differences(self, pause: Callable[[], None] = lambda: None) -> Iterator[Difference]:
        """What would change, as of the ledger's last commit; keeps where for the daemon."""
        with Scratch(self.file, self.past, pause, self.beginning) as scratch:
            begun = begun_at(scratch.store)
            while self._behind(scratch) > NEAR:
                scratch.advance(scratch.pipeline.done_to + self._behind(scratch) + 1)
            with self.ledger.still():
                state = self.ledger.get("state")
                scratch.advance(state["done_to"] + 1)
                scratch.pipeline.commit()
                origins = {site: kept["origin"] for site, kept in state["sites"].items()}
                origins = begun.from_there(origins)
                spans = cells_of((origins, self.ledger), (origins, scratch.store))
                where: dict[Portion, None] = {}
                upto = closed(scratch.pipeline)
                compared = portions(spans), upto, begun.until
                for one in differences(self.ledger, scratch.store, *compared, pause):
                    where[portion(one.site, one.after)] = None
                    yield one
                told = [self.wish.token, list(where), scratch.store.last(), self.ledger.last()]
            scratch.store.begin()
            scratch.store.set(PREPARED, told)
            scratch.store.commit()

    def catch_up(self) -> None:
        """Take in what has come meanwhile, so that the daemon need not."""
        with Scratch(self.file, self.past) as scratch:
            scratch.advance(scratch.pipeline.done_to + self._behind(scratch) + 1)
            scratch.pipeline.commit()

    def _behind(self, scratch: Scratch) -> int:
        done_to: int = self.ledger.get("state")["done_to"]
        return done_to - scratch.pipeline.done_to


def _own(folder: Path, stack: ExitStack) -> Path:
    """A folder for one at a time, empty, and gone afterwards."""
    make_folder(folder)
    lock = opener(str(folder / "lock"), os.O_RDWR | os.O_CREAT)
    stack.callback(os.close, lock)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise GreendcError(f"{folder}: somebody is about to recompute") from error
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    for old in folder.glob(f"{LEDGER}*"):
        old.unlink()
    return folder
