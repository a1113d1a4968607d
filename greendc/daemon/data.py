"""A data folder: its lock, its two files, and the worker that owns them."""

import fcntl
import importlib.metadata
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from greendc import __version__
from greendc.config import Config
from greendc.config.changes import settled
from greendc.config.past import changed, told
from greendc.daemon.worker import Worker, living, resume
from greendc.files import JOURNAL, LEDGER, make_folder, opener
from greendc.journal import Journal, Redelivery
from greendc.pipeline import Pipeline
from greendc.ports import Event, GreendcError, JsonText
from greendc.recompute import JournalPast, Recomputer, Wish, clear, done_before, taken
from greendc.store import JOURNALLED, Store
from greendc.watch import Watch

CLOSED = "the configuration changes figures that are closed, or how readings were read:"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a data folder for this process; a second one is refused."""
    make_folder(folder)
    with open(folder / "lock", "a+", opener=opener) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            message = (
                f"{folder}: in use by another greendc (process {file.read().strip() or 'unknown'})"
            )
            raise GreendcError(message) from error
        clear(folder)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def config_event(config: Config, arrival: int) -> Event:
    """The journal entry that says by which configuration and which versions figures are made."""
    versions = {
        "greendc": __version__,
        "numpy": np.__version__,
        "tzdata": importlib.metadata.version("tzdata"),
    }
    data = {
        "effective": JsonText(config.body()),
        "hash": config.figures_hash(),
        "versions": versions,
    }
    return Event("config", arrival, data)


def _ledger(path: Path) -> Store:
    """The ledger, which says that there is a journal for it."""
    store = Store(path)
    if store.get(JOURNALLED) is None:
        store.begin()
        store.set(JOURNALLED, value=True)
        store.commit()
    return store


class Data:
    """A data folder opened for writing: journal, ledger and the worker on them."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        stack: ExitStack,
        watch: Watch | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        """Open both files and bring the ledger up to the end of the journal.

        `alive` is called again and again meanwhile.
        """
        alive()
        self.config = config
        self.watch = Watch() if watch is None else watch
        stack.enter_context(locked(folder))
        self.journal = Journal(folder / JOURNAL)
        self._use_limits()
        stack.callback(self.journal.close)
        self.store = _ledger(folder / LEDGER)
        stack.callback(self.store.close)
        # What decides no figure, such as a port, may have been another in the newest one's text.
        before, body = self.store.config() or (config.figures_hash(), b"")
        known = config if before == config.figures_hash() else Config.from_body(body)
        self.recomputer = Recomputer(JournalPast(self.journal.read), folder, alive)
        pipeline = Pipeline(known, self.store, watch=self.watch, recompute=self.recomputer)
        resume(self.journal, pipeline, alive)
        self._refuse_changes_of_the_past(pipeline.config, config)
        redelivery = Redelivery(config.mqtt.receive_maximum)
        tail = max(1, self.journal.last - 2 * redelivery.window)
        redelivery.refill(living(self.journal.read(tail), alive))
        self.worker = Worker(self.journal, pipeline, redelivery)
        self.worker.take([config_event(config, time.time_ns())])
        self.watch.show(now=True)
        # Of all configurations: the one before this may never have met the broker.
        others = (body for body in self.store.config_bodies() if body != config.body())
        ever = set[str]().union(*map(Config.subscribed, others))
        self.removed = sorted(ever - set(pipeline.decoder.subscriptions()))

    def _use_limits(self) -> None:
        self.journal.limit_bytes = int(self.config.journal.limit_gib * 2**30)
        self.journal.free_bytes = int(self.config.journal.free_gib * 2**30)

    def use(self, config: Config) -> None:
        """Go on with a configuration that has been journalled."""
        self.config = config
        self._use_limits()
        for one in (config, self.worker.pipeline.config):
            one.settle()

    def recompute(self, config: Config, *, rules: bool = False) -> Event:
        """The entry that has closed figures computed anew by a configuration, its rules too.

        What `greendc.recompute.Preparation` has made is used for it.

        Raises
        ------
        GreendcError
            If nothing is to be, or cannot be.
        """
        if self.journal.full():
            raise GreendcError("the journal is full: nothing can be taken in")
        known, state = self.worker.pipeline.config, self.store.get("state")
        bodies = self.store.config_bodies() if rules else ()
        wish = Wish.of(known, config, state, done_before(self.store), bodies)
        wish.beginning(self.store.path, self.recomputer.past)
        self.recomputer.prepared = taken(self.store.path.parent, wish)
        event = config_event(config, time.time_ns())
        return Event("recompute", event.arrival, {**event.data, "keys": wish.keys})

    def refuse_changes_of_the_past(self, config: Config) -> None:
        """Refuse what would change figures that are closed, as of the last commit.

        Raises
        ------
        GreendcError
            A line for each key, with the earliest time from which it may change.
        """
        self._refuse_changes_of_the_past(self.worker.pipeline.config, config)

    def _refuse_changes_of_the_past(self, known: Config, config: Config) -> None:
        state = self.store.get("state")
        if state is None or known is config:
            return
        found = changed(known, config, settled(state["sites"]))
        if found:
            hint = "greendc recompute has them computed anew, where that is what is meant"
            message = "\n".join([CLOSED, *map(told, found), hint])
            raise GreendcError(message)
