"""What is compared of two ledgers, and how often they are read for it."""

from collections.abc import Iterator

import pytest

from greendc.core.facility import DAY, HOUR, MINUTE
from greendc.core.figure import Figure
from greendc.recompute.differing import differences, portions

FIGURE = Figure("e_dc", "J", "cell", 0, 0, 0, 1.0, 0.0, 0.0, None, None, "ok", None, None, b"")


class Kept:
    """A ledger in memory that counts how often it is read, and how much at once."""

    def __init__(self, figures: list[Figure]) -> None:
        self.held, self.reads, self.most = figures, 0, 0

    def figures(self, site: str, period: str, lo: int, hi: int) -> Iterator[Figure]:
        assert site == "one"
        found = [f for f in self.held if f.period == period and lo <= f.start < hi]
        self.reads += period == "cell"
        self.most = max(self.most, len(found))
        return iter(sorted(found, key=lambda f: (f.start, f.quantity)))


def cells(names: list[str], length: int, upto: int) -> list[Figure]:
    return [
        FIGURE._replace(quantity=name, start=at, end=at + length, valid=length)
        for name in names
        for at in range(0, upto, length)
    ]


@pytest.mark.parametrize(
    ("names", "length", "reads"),
    [(["a", "b"], HOUR, 40), ([f"m{i}" for i in range(40)], MINUTE, 5)],
)
def test_few_figures_are_read_in_long_stretches_and_many_in_short_ones(
    names: list[str], length: int, reads: int
) -> None:
    upto = 60 * DAY if length == HOUR else 5 * HOUR
    before = cells(names, length, upto)
    after = [
        f._replace(value=2.0) if f.start % (5 * HOUR) == 0 else f
        for f in before
        if (f.start, f.quantity) != (3 * HOUR, names[0])
    ]
    old, new = Kept(before), Kept(after)
    compared = [one for one in portions({"one": (0, upto)}) if one.period == "cell"]
    found = differences(old, new, compared, {"one": {names[0]: upto}}, {})
    told = [(one.after.start, one.after.quantity, one.after.status) for one in found]
    wanted = [(f.start, f.quantity, "ok") for f in before if f.start % (5 * HOUR) == 0]
    assert told == sorted([*wanted, (3 * HOUR, names[0], "undefined")])
    assert old.reads == new.reads <= reads
    assert old.most <= 4_000
