"""A small site in memory, and its newest rows after readings in any order."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from greendc.core.facility import (
    EVER,
    HOUR,
    MINUTE,
    SECOND,
    Derived,
    Epoch,
    Intensity,
    Kind,
    Meter,
    Op,
    Site,
)
from greendc.core.leftout import LeftOut
from greendc.core.readings import Readings, joined, merged
from greendc.core.site import Settled, SiteBook

NO_INTENSITY: dict[str, Intensity] = {}
Rows = dict[tuple[str, int], tuple[int, bytes]]


@dataclass
class MemoryHistory:
    """Archived readings in a list."""

    kept: list[Readings] = field(default_factory=list)

    def readings(self, lo: int, hi: int) -> Readings:
        rows = joined(self.kept)
        return rows.where((rows.time >= lo) & (rows.time < hi))

    def around(self, meter: int, lo: int, hi: int, count: int) -> Readings:
        rows = merged(self.kept).readings
        rows = rows.where(rows.meter == meter)
        before, after = rows.where(rows.time < lo), rows.where(rows.time >= hi)
        tail = np.arange(len(before)) >= len(before) - count
        return joined([before.where(tail), after.where(np.arange(len(after)) < count)])

    def left_out(self, lo: int, hi: int, seq: int) -> LeftOut:
        del lo, hi, seq
        return LeftOut.none()


def meter(name: str, kind: Kind, point: str = "pdu_out", nominal: int = MINUTE) -> Meter:
    """A meter with the default reaches."""
    quantity = "energy" if kind is Kind.REGISTER else "power"
    return Meter(name, point, quantity, kind, nominal, 3 * nominal, 3 * nominal, accuracy=0.01)


METERS = (
    meter("it_a", Kind.MEAN_NEXT),
    meter("it_b", Kind.INSTANT),
    meter("pump", Kind.MEAN_PREV, "cool_pump"),
    meter("fan", Kind.ON_CHANGE, "cool_crah_fan"),
    meter("register", Kind.REGISTER, "cool_chiller"),
    meter("heat", Kind.MEAN_NEXT, "q_reuse", 2 * MINUTE),
)
DERIVED = (
    Derived("it", "none", Op.SUM, ("it_a", "it_b")),
    Derived("ups_loss", "loss_power", Op.SHARE, ("it",), 0.05, 0.005),
    Derived("light", "aux_light", Op.CONSTANT, (), 1000.0, 100.0),
)


def site(
    meters: tuple[Meter, ...] = METERS, lateness: int = 10 * MINUTE, zone: str = "Europe/Berlin"
) -> Site:
    """A bottom-up site with every kind of meter."""
    names = {m.id for m in meters}
    cooling = tuple((n, 1.0) for n in ("pump", "fan", "register") if n in names)
    it = tuple(n for n in ("it_a", "it_b") if n in names)
    e_dc = (*[(n, 1.0) for n in it], *cooling, ("ups_loss", 1.0), ("light", 1.0))
    epoch = Epoch(
        -EVER, EVER, MINUTE, meters, DERIVED, "bottom_up", e_dc, {2: it},
        (("heat", 1.0),), e_dc, (),
        {"cooling": cooling, "power": (("ups_loss", 1.0),), "lighting": (("light", 1.0),)}, 10.0,
    )  # fmt: skip
    start = np.array([-EVER], np.int64)
    factor = Intensity(
        start, np.array([EVER], np.int64), np.array([400.0]), 2024, "DEU", "made up for tests"
    )
    return Site(
        "test",
        "Test",
        zone,
        lateness,
        30 * 24 * HOUR,
        HOUR,
        tuple(m.id for m in meters),
        (epoch,),
        {"location": factor},
    )


def played(
    one: Site,
    readings: list[tuple[int, int, float]],
    cuts: list[int],
    *,
    ends: list[int] | None = None,
) -> Rows:
    """Newest rows of readings (meter, second, value), cut; the input ends after each of `ends`."""
    history = MemoryHistory()
    book = SiteBook(one, history)
    rows: Rows = {}
    seq = np.arange(1, len(readings) + 1)
    columns = np.array(readings, np.float64).reshape(-1, 3)
    borders = sorted({0, *cuts, *(ends or []), len(readings)})
    for lo, hi in pairwise(borders):
        part = Readings(
            seq[lo:hi],
            columns[lo:hi, 0].astype(np.int64),
            columns[lo:hi, 1].astype(np.int64) * SECOND,
            columns[lo:hi, 2],
        )
        for settled in book.add(part):
            take(rows, settled, history)
        if hi in (ends or []):
            take(rows, book.end(int(seq[hi - 1])), history)
    take(rows, book.end(len(readings) + 1), history)
    return rows


def take(rows: Rows, settled: Settled, history: MemoryHistory) -> None:
    """Put the settled rows over those there were."""
    history.kept += settled.archived
    for block in settled.blocks:
        for i, start in enumerate(block.start.tolist()):
            key = (block.account.name, start)
            assert not (block.fresh and key in rows), f"{key} is written twice as new"
            rows[key] = int(block.valid[i]), block.terms[i].tobytes()
