"""The log that is shown: the shipped one, a given one, or a simulated site's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from greendc.config import Config, load
from greendc.config.problems import Problem, fail
from greendc.config.tree import parse
from greendc.core.facility import DAY, HOUR, MINUTE
from greendc.ports import GreendcError, RawBatch
from greendc.simulate import ready
from greendc.simulate.publishing import batches
from greendc.simulate.site_file import write_site_file
from greendc.simulate.traffic import Traffic
from greendc.sources.recording import LogCounts, open_entries, read_log

FOLDER = Path(__file__).parent
SITE = FOLDER / "zih-lzr.yaml"
LOG = FOLDER / "zih-lzr-2025-03.jsonl.gz"
FORTNIGHT = 14 * DAY
STEP = 15 * MINUTE  # of a simulated site: some ten thousand messages, as many as the log's


@dataclass(frozen=True, slots=True)
class Recording:
    """Messages with the time that their values stand for, `start` to `end` [ns UTC].

    `site` is the site file that reads them; `notes` tell what of the log is left out.
    """

    batches: Sequence[RawBatch]
    start: int
    end: int
    site: Path = SITE
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Count the messages."""
        return sum(map(len, self.batches))


def recorded() -> Recording:
    """The shipped log: hourly values, each of the hour that begins at its stamp.

    >>> from greendc.calendars import rfc3339
    >>> found = recorded()
    >>> len(found), rfc3339(found.start), rfc3339(found.end)
    (12432, '2025-03-01T00:00:00Z', '2025-03-15T00:00:00Z')
    """
    batches = [entry for entry in read_log(LOG) if isinstance(entry, RawBatch)]
    stamps = [stamp for batch in batches for stamp in batch.arrivals]
    return Recording(batches, min(stamps), max(stamps) + HOUR)


def simulated(name: str, end: int, folder: Path) -> Recording:
    """A ready-made site's fortnight that ends with the full hour before `end`.

    Its site file is written into the folder.

    Raises
    ------
    GreendcError
        If there is no such site, or the file cannot be written.
    """
    scenario = ready.scenario(name)
    start = end // HOUR * HOUR - FORTNIGHT
    scenario = scenario.model_copy(update={"start": start, "span": FORTNIGHT, "step": STEP})
    traffic = Traffic(scenario, scenario.start, scenario.end)
    site = folder / f"{name}.yaml"
    write_site_file(site, scenario, traffic.sites)
    # what is on its way as the fortnight ends would lie in the future
    found = [
        batch.rows([r for r, t in enumerate(batch.arrivals) if t <= scenario.end])
        for batch in batches(traffic)
    ]
    return Recording(found, scenario.start, scenario.end, site)


def given(logs: Sequence[Path], site: Path) -> Recording:
    """Recorded logs or journals, one after the other, with the site file that reads them.

    Raises
    ------
    GreendcError
        If a file cannot be read, if there is no message, or if a meter's time is that of
        arrival: a day that is played in five minutes would be five minutes long.
    """
    _refuse_arrivals(load(site), site)
    counts = LogCounts()
    batches: list[RawBatch] = []
    for log in logs:
        if not log.is_file():
            raise GreendcError(f"{log}: {'not a regular file' if log.exists() else 'no such file'}")
        found = [e for e in open_entries(log, counts=counts) if isinstance(e, RawBatch)]
        if not found:
            raise GreendcError("\n".join([f"{log}: holds no message", *counts.hints]))
        batches += found
    start = min(min(batch.arrivals) for batch in batches)
    end = max(max(batch.arrivals) for batch in batches)
    return Recording(batches, start, end, site, tuple(_notes(counts)))


def _refuse_arrivals(config: Config, path: Path) -> None:
    plan = config.plan()
    fields = [field for route in plan.routes for field in route.fields]
    timeless = {plan.meters[field.meter] for field in fields if field.time_rule != "payload"}
    text = "takes the time of arrival, which is not that of a log: it needs time_at, time: payload"
    bad = [
        Problem(("sites", i, "meters", j), f"{meter.id} {text}")
        for i, site in enumerate(config.sites)
        for j, meter in enumerate(site.meters)
        if (site.id, meter.id) in timeless
    ]
    if bad:  # all for one reason, so that one tells it
        fail(bad[:1], parse(path.read_text(encoding="utf-8"), str(path)), str(path))


def _notes(counts: LogCounts) -> list[str]:
    bad = ", ".join(f"{number} {reason}" for reason, number in counts.bad.items())
    found = [f"lines that are no messages: {bad}", *counts.hints] if bad else []
    if counts.events:
        found.append(f"{counts.events} events of the log are left out: meters cannot say them")
    return found
