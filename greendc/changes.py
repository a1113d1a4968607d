"""What would change if closed figures were computed anew, for people and programs."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import orjson

from greendc.calendars import rfc3339
from greendc.core.figure import Figure
from greendc.lines import PUBLISHED, change, key, published, state
from greendc.recompute import Difference
from greendc.recompute.preparing import Preparation


def as_text(prepared: Preparation) -> Iterator[str]:
    """The keys, and each figure that would be another; of cells what they are together."""
    yield "the configuration says other things of closed time:"
    yield from (f"  {one.key}" for one in prepared.wish.found)
    count = 0
    for (site, period), found in groupby(prepared.differences(), _place):
        if period == "cell":
            cells: dict[str, _Cells] = {}
            for one in found:
                cells.setdefault(one.after.quantity, _Cells(one.after.unit)).add(one)
            count += sum(cell.count for cell in cells.values())
            yield from (f"    {site} {name} {cell.told}" for name, cell in sorted(cells.items()))
            continue
        for one in found:
            count += 1
            yield f"    {change(one.site, one.before, one.after)}"
    yield f"figures that would change: {count}"


def _place(one: Difference) -> tuple[str, str]:
    return one.site, one.after.period


@dataclass(slots=True)
class _Cells:
    """Cells of one figure that would change."""

    unit: str
    count: int = 0
    first: int | None = None
    last: int = 0
    before: float = 0.0
    after: float = 0.0

    def add(self, one: Difference) -> None:
        """Take in one cell."""
        self.count += 1
        self.first = one.after.start if self.first is None else self.first
        self.last = max(self.last, one.after.end)
        self.before += _value(one.before)
        self.after += _value(one.after)

    @property
    def told(self) -> str:
        """How many, of when, and of energies and masses their sums."""
        many = "1 cell" if self.count == 1 else f"{self.count} cells"
        span = f"{many}, {rfc3339(self.first or 0)} to {rfc3339(self.last)}"
        if self.unit not in PUBLISHED:
            return span
        return f"{span}  {self.before:.9g} -> {self.after:.9g} {PUBLISHED[self.unit][0]}"


def _value(figure: Figure | None) -> float:
    """What a cell adds to a sum; what is unknown adds nothing."""
    return 0.0 if figure is None else published(figure, figure.value) or 0.0


def as_lines(prepared: Preparation) -> Iterator[str]:
    """One JSON object for each figure that would change."""
    return map(_line, prepared.differences())


def _line(one: Difference) -> str:
    figure = one.after
    told = {
        **key(one.site, figure),
        "before": None if one.before is None else state(one.before),
        "after": state(figure),
    }
    return orjson.dumps(told).decode()
