"""What a step of a site's state machine gives, and why it opened closed cells again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from greendc.core.cells import Block
from greendc.core.final_days import Spread
from greendc.core.readings import Merged, Readings
from greendc.core.reopening import Dirty, Span
from greendc.core.words import SILENT, Word, WordArray

SITE_WIDE = -1  # in place of a meter
FILLED = "filled"  # kind of a cause


@dataclass(frozen=True, slots=True)
class Cause:
    """Why closed cells were opened again, for one meter or (-1) the site as a whole.

    `kind` is `late` (readings behind the watermark), `returned` (readings in time, but after
    cells had been closed without them: a silence, or an end of input), `refused` (readings that
    came late and are left out), `silence` (time of the site that had no cells has some) or `filled`
    (the day has become final, and what it lacks is filled in as on days before).
    `readings` lie in [`first`, `last`] [ns]; `corrected` of them gave a time that was known
    another value. `span` is what of the closed time they change.
    """

    kind: str
    meter: int
    readings: int
    corrected: int
    first: int
    last: int
    span: Span


@dataclass(frozen=True, slots=True)
class Judged:
    """Readings with words of which people are told: `sign` is -1 where they no longer stand."""

    rows: Readings
    word: WordArray
    sign: int


@dataclass(slots=True)
class Settled:
    """What a step gave: ledger rows, readings no longer held, counts by outcome.

    The outcomes of readings: `used` (what closed cells rest on, no longer held),
    `quarantined:WORD` (left out, no longer held), `duplicate`, `conflict` (another value of the
    same meter and time stands), `late_beyond_horizon`, `not_energy`. What is held beside them is
    still open. Beside the outcomes `register:WORD` counts which of those used were dips, resets …
    `spread` are the gaps in the rows that have the shape of final days. Where it is `passing`
    nobody goes on from the book that gave it, so that this holds no readings meanwhile.
    """

    blocks: list[Block] = field(default_factory=list)
    archived: list[Readings] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    reopened: list[Span] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    spread: list[Spread] = field(default_factory=list)
    final: bool = False
    passing: bool = False

    def take(self, blocks: Iterable[Block]) -> None:
        """Take ledger rows as they are worked out."""
        self.blocks += blocks

    def count(self, outcome: str, number: int) -> None:
        """Add to a count."""
        if number:
            self.counts[outcome] = self.counts.get(outcome, 0) + number

    def judge(self, rows: Readings, word: WordArray, sign: int = 1) -> None:
        """Count readings by their words, or take back that they were counted (`sign` -1)."""
        for number, count in zip(*np.unique(word, return_counts=True), strict=True):
            one, change = Word(number), sign * int(count)
            self.count("used" if one.used else f"quarantined:{one.label}", change)
            if one.used and one not in SILENT:
                self.count(f"register:{one.label}", change)
        loud = ~np.isin(word, SILENT)
        if loud.any():
            self.judged.append(Judged(rows.where(loud), word[loud], sign))

    def tell(self, result: Merged) -> int:
        """Count what was repeated; returns how many readings stand."""
        self.count("duplicate", result.duplicates)
        self.count("conflict", result.conflicts)
        return len(result.readings)


def causes(
    opened: Iterable[Dirty],
    fresh: Readings,
    stood: Sequence[Readings],
    mark: int,
    left: Readings,
) -> list[Cause]:
    """Why spans of closed cells are opened, meter by meter.

    Parameters
    ----------
    opened
        Meters and what of their closed time has changed.
    fresh
        The readings that became known.
    stood
        The readings that were known of their times before.
    mark
        The watermark before they became known. [ns]
    left
        Refused readings that became known.

    Examples
    --------
    A reading of second 5 comes when the watermark stands at second 60:

    >>> import numpy as np
    >>> one = Readings(np.array([7]), np.array([0]), np.array([5]), np.array([2.0]))
    >>> (cause,) = causes([(0, (0, 10))], one, [], mark=60, left=Readings.none())
    >>> cause.kind, cause.readings, cause.first, cause.span
    ('late', 1, 5, (0, 10))
    """
    spans: dict[int, list[Span]] = {}
    for meter, span in opened:
        spans.setdefault(meter, []).append(span)
    return [
        _refused(meter, found, left)
        if (left.meter == meter).any() and not (fresh.meter == meter).any()
        else _cause(meter, found, fresh, stood, mark)
        for meter, found in sorted(spans.items())
    ]


def _refused(meter: int, spans: list[Span], left: Readings) -> Cause:
    span = min(lo for lo, _ in spans), max(hi for _, hi in spans)
    time = left.time[left.meter == meter]
    return Cause("refused", meter, len(time), 0, int(time.min()), int(time.max()), span)


def _cause(
    meter: int, spans: list[Span], fresh: Readings, stood: Sequence[Readings], mark: int
) -> Cause:
    span = min(lo for lo, _ in spans), max(hi for _, hi in spans)
    mine = fresh.where(fresh.meter == meter)
    late = mine.where(mine.time < mark)
    kind = "silence" if meter == SITE_WIDE else "late" if len(late) else "returned"
    told = late if len(late) else mine
    if meter == SITE_WIDE or not len(told):
        return Cause(kind, meter, 0, 0, *span, span)
    before: dict[int, float] = {}
    for part in stood:
        own = part.meter == meter
        before.update(zip(part.time[own].tolist(), part.value[own].tolist(), strict=True))
    pairs = zip(told.time.tolist(), told.value.tolist(), strict=True)
    corrected = sum(before.get(time, value) != value for time, value in pairs)
    first, last = int(told.time.min()), int(told.time.max())
    return Cause(kind, meter, len(told), corrected, first, last, span)
