"""Another configuration while greendc runs: all of it that is good takes effect, or nothing."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from greendc import faults
from greendc.config import Config, load
from greendc.daemon.data import Data, config_event
from greendc.daemon.differences import differences
from greendc.daemon.systemd import Notifier
from greendc.masking import masked
from greendc.ports import Event, GreendcError
from greendc.sources.mqtt import MqttSource

log = logging.getLogger(__name__)

# Held open by the running process: they change at the next start.
FIXED = ("data", "mqtt", "http", "sinks")

Listener = Callable[[Config], None]


@dataclass(slots=True)
class Reload:
    """Owned by the worker's thread; `listeners` hear of each configuration taken in."""

    data: Data
    source: MqttSource
    notifier: Notifier
    status: Callable[[], str]
    listeners: list[Listener] = field(default_factory=list)

    def on_signal(self) -> None:
        """Load the file anew; whatever is wrong with it is said in the log and changes nothing."""
        try:
            log.info("%s", self.reload())
        except GreendcError as error:
            log.error("reload: nothing was changed: %s", error)  # noqa: TRY400 - no traceback

    def reload(self) -> str:
        """Load the file anew; tells what has changed.

        Raises
        ------
        GreendcError
            If the file is not good, or changes figures that are closed; nothing has changed.
        """
        self.notifier.reloading()
        try:
            return self._taken(self._loaded())
        finally:
            self.notifier.ready(self.status())

    def _loaded(self) -> Config:
        file = self.data.config.file
        if file is None:
            raise GreendcError("this configuration was not loaded from a file")
        return load(file)

    def recompute(self, hash_: str, *, rules: bool = False) -> str:
        """Load the file anew, with closed figures computed anew by it; tells how many.

        With `rules` readings are judged anew by those of the file.

        Raises
        ------
        GreendcError
            If the file's figures are not those of the hash, or nothing is prepared for it;
            nothing has changed.
        """
        config = self._with_what_stays(self._loaded())
        if config.figures_hash() != hash_:
            raise GreendcError("the file has changed meanwhile: give greendc recompute again")
        self.data.worker.commit()
        before = self.data.store.last()
        self._use(config, self.data.recompute(config, rules=rules))
        faults.reached("recompute_committed")
        return recomputed(self.data.store.last() - before)

    def _with_what_stays(self, wanted: Config) -> Config:
        kept = {key: getattr(self.data.config.root, key) for key in FIXED}
        return Config(wanted.root.model_copy(update=kept), wanted.content, wanted.file)

    def _taken(self, wanted: Config) -> str:
        running, config = self.data.config, self._with_what_stays(wanted)
        changed = differences(running.effective(), config.effective())
        later = differences(config.effective(), wanted.effective())
        Config.from_effective(config.effective())  # as every later start will read it
        self.data.worker.commit()
        self.data.refuse_changes_of_the_past(config)
        if changed:
            self._use(config, config_event(config, time.time_ns()))
        return _told(changed, later)

    def _use(self, config: Config, entry: Event) -> None:
        data, decoder = self.data, self.data.worker.pipeline.decoder
        before = set(decoder.subscriptions())
        data.worker.take([entry])
        data.use(config)
        topics = data.worker.pipeline.decoder.subscriptions()
        if set(topics) != before:
            self.source.resubscribe(topics, sorted(before - set(topics)))
        for listener in self.listeners:
            listener(config)
        data.worker.commit()


def recomputed(number: int) -> str:
    """What is told of so many figures."""
    return f"recomputed: {number} figures, see greendc revisions"


def _told(changed: list[str], later: list[str]) -> str:
    lines = ["reload: nothing has changed"] if not changed else ["reload: in effect now:", *changed]
    if later:
        lines += ["at the next start only:", *later]
    return masked("\n  ".join(lines))
