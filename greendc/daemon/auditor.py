"""Whether the accounts add up, asked at the start and every day while the daemon works.

At the start only what the files have counted is read, every day all that they hold.
"""

import logging
import threading
from collections.abc import Callable

from greendc.audit import Audit
from greendc.daemon.data import Data
from greendc.daemon.errands import Errands
from greendc.ports import Event, GreendcError
from greendc.snapshots import Account, Accounts

log = logging.getLogger(__name__)

EVERY = 86_400.0  # s
STOP_WITHIN = 0.5  # s that a stop waits for an audit under way, which only reads


class Auditor:
    """Audits on a thread of its own; what it finds is an errand of the worker's.

    `found` is the newest verdict, None before there is one.
    """

    def __init__(
        self, data: Data, errands: Errands, audit: Callable[[bool], Audit], every: float = EVERY
    ) -> None:
        self.found: Accounts | None = None
        self._data, self._errands, self._audit, self._every = data, errands, audit, every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="auditor", daemon=True)

    def start(self) -> None:
        """Audit now, and again after each day."""
        self._thread.start()

    def stop(self) -> None:
        """Audit no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_WITHIN)

    def _run(self) -> None:
        whole = False
        while not self._stopping.is_set():
            try:
                found = self._audit(whole)
            except GreendcError as error:
                log.error("the accounts cannot be audited: %s", error)  # noqa: TRY400 - no traceback
            else:
                self._errands.ask(lambda found=found: self._take(found))  # type: ignore[misc]
            whole = not self._stopping.wait(self._every)

    def _take(self, found: Audit) -> None:
        """Show a verdict, and keep a bad one: on the thread that owns the data."""
        accounts = tuple(Account(one.name, one.about, one.holds) for one in found.equations)
        self.found = Accounts(found.at, accounts, found.lost)
        if not found.failed:
            log.info("the accounts add up: %d equations hold; seal %s", len(accounts), found.seal)
            return
        log.error("the accounts do not add up: %s (see greendc audit)", ", ".join(found.failed))
        self._data.store.begin()
        self._data.store.note(Event("audit", found.at, {"failed": found.failed}))
        self._data.worker.commit()
