"""What people and the calendar ask of greendc, done on an open data folder."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from greendc.config import Config
from greendc.core.facility import SECOND
from greendc.daemon.backup import back_up, backup_name, drop_oldest
from greendc.daemon.data import Data
from greendc.daemon.errands import Errands
from greendc.daemon.requests import (
    Backup,
    Close,
    Recompute,
    Reload,
    Request,
    Retain,
    Rotate,
    Status,
)
from greendc.daemon.status import as_text
from greendc.ports import Event, GreendcError
from greendc.snapshots import Health

log = logging.getLogger(__name__)


def refuse_unknown(site: str, config: Config) -> None:
    """Refuse a site that a configuration does not have.

    Raises
    ------
    GreendcError
        It lists those that there are.
    """
    known = [found.id for found in config.plan().sites]
    if site not in known:
        raise GreendcError(f"{site}: no such site; the configuration has {', '.join(known)}")


def close_input(data: Data, site: str, at: int) -> str:
    """Declare the end of a site's input up to a time; on the thread that owns the data.

    Raises
    ------
    GreendcError
        If there is no such site, or no room to journal it.
    """
    refuse_unknown(site, data.worker.pipeline.config)
    if data.journal.full():
        raise GreendcError("the journal is full: nothing can be taken in")
    data.worker.take([Event("end", time.time_ns(), {"site": site, "at": at})])
    data.worker.commit()
    return f"{site}: input closed; periods up to there are in the ledger"


def let_go(data: Data, now: int, journal: int | None, quarantine: int | None) -> str:
    """Drop what is older than so many seconds at a time; on the thread that owns the data.

    What open cells are rebuilt from stays, and so do readings within twice the horizon.
    """
    if journal is not None:
        data.worker.prune(data.journal.number_at(now - journal * SECOND))
    gone = data.journal.forget(now - quarantine * SECOND) if quarantine is not None else 0
    data.worker.commit()
    return f"journal begins at entry {data.journal.first}; {gone} rejected messages gone"


class Recomputing(Protocol):
    """What has closed figures computed anew, and tells how many."""

    def __call__(self, hash_: str, *, rules: bool) -> str:
        """By the file whose figures have this hash; with `rules` by its rules as well."""
        ...


class Commands:
    """Of a running daemon: what changes or reads its state is an errand of the worker's."""

    def __init__(
        self,
        data: Data,
        errands: Errands,
        health: Callable[[], Health],
        reload: Callable[[], str],
        recompute: Recomputing,
    ) -> None:
        """`health` tells how the daemon does at that moment; the worker's thread calls all three.

        `recompute` is given the hash of the configuration's figures, and whether its rules count.
        """
        self._data, self._errands, self._health = data, errands, health
        self._reload, self._recompute = reload, recompute
        self._stopping = False
        self._copying = ThreadPoolExecutor(1, "backup")

    def submit(self, request: Request) -> "Future[str]":
        """Have it done; the future holds what to tell, or a GreendcError."""
        match request:
            case Rotate(folder, keep):
                return self._copying.submit(self._rotate, Path(folder), keep)
            case Backup(folder):
                return self._copying.submit(self._back_up, Path(folder))
        return self._errands.ask(self._work(request))

    def _work(self, request: Request) -> Callable[[], str]:
        """What the worker's thread does."""
        match request:
            case Close(site, at):
                return lambda: close_input(self._data, site, at)
            case Status():
                return lambda: as_text(self._health())
            case Retain(journal, quarantine):
                return lambda: let_go(self._data, time.time_ns(), journal, quarantine)
            case Reload():
                return self._reload
            case Recompute(hash_, rules):
                return lambda: self._recompute(hash_, rules=rules)
        raise GreendcError(f"{request}: not known")

    def stop(self) -> None:
        """Give up a backup that is under way."""
        self._stopping = True
        self._copying.shutdown(wait=False, cancel_futures=True)

    def _back_up(self, target: Path) -> str:
        """On a thread of its own: it only reads, and the worker keeps the journal as it is."""
        worker, config = self._data.worker, self._data.config
        self._errands.ask(worker.hold).result()
        try:
            return back_up(config, config.data, target, self._go_on)
        finally:
            self._errands.ask(worker.release)

    def _rotate(self, folder: Path, keep: int) -> str:
        told = self._back_up(folder / backup_name(time.time()))
        gone = drop_oldest(folder, keep)
        return f"{told}; gone: {', '.join(gone)}" if gone else told

    def _go_on(self) -> None:
        if self._stopping:
            raise GreendcError("greendc is stopping")
