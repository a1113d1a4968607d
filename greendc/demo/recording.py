"""The log that is shown, and how it is moved in time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from greendc.calendars import parse_rfc3339, rfc3339
from greendc.core.facility import DAY, HOUR, MINUTE
from greendc.ports import RawBatch
from greendc.simulate import ready
from greendc.simulate.publishing import batches
from greendc.simulate.site_file import write_site_file
from greendc.simulate.traffic import Traffic
from greendc.sources.recording import read_log

FOLDER = Path(__file__).parent
SITE = FOLDER / "zih-lzr.yaml"
LOG = FOLDER / "zih-lzr-2025-03.jsonl.gz"
STAMP = "TimeInstant"  # where this site's payloads hold their time

FORTNIGHT = 14 * DAY
STEP = 15 * MINUTE  # of a simulated site: some ten thousand messages, as many as the log's


@dataclass(frozen=True, slots=True)
class Recording:
    """Messages with the time that their values stand for, `start` to `end` [ns UTC].

    `site` is the site file that reads them.
    """

    batches: Sequence[RawBatch]
    start: int
    end: int
    site: Path = SITE

    def __len__(self) -> int:
        """Count the messages."""
        return sum(map(len, self.batches))


def recorded() -> Recording:
    """The shipped log: hourly values, each of the hour that begins at its stamp.

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


def moved(recording: Recording, end: int) -> Recording:
    """The whole log moved by one offset of whole hours, so that it ends in the hour before `end`.

    Each value still stands for a full hour; what was noon is noon no longer.

    >>> found = moved(recorded(), parse_rfc3339("2026-01-01T12:34:56Z"))
    >>> rfc3339(found.end), found.batches[0].payloads[0][-39:]
    ('2026-01-01T12:00:00Z', b'8,"TimeInstant":"2025-12-18T12:00:00Z"}')
    """
    offset = (end - recording.end) // HOUR * HOUR
    batches = [_moved(batch, offset) for batch in recording.batches]
    return Recording(batches, recording.start + offset, recording.end + offset)


def _moved(batch: RawBatch, offset: int) -> RawBatch:
    return replace(
        batch,
        arrivals=[arrival + offset for arrival in batch.arrivals],
        payloads=[_stamped(payload, offset) for payload in batch.payloads],
    )


def _stamped(payload: bytes, offset: int) -> bytes:
    found = orjson.loads(payload)
    return orjson.dumps({**found, STAMP: rfc3339(parse_rfc3339(found[STAMP]) + offset)})
