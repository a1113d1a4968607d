"""Late readings and early ends: what they change in cells that are closed, and in open ones."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from greendc.core.facility import HOUR, MINUTE, SECOND, Kind, Meter, Site
from greendc.core.readings import Readings
from greendc.core.site import SiteBook
from tests.core.kit import DERIVED, METERS, MemoryHistory, Rows, meter, played, site, take

Log = list[tuple[int, int, float]]
COUNTER = replace(meter("register", Kind.REGISTER), step=1.0)


def in_time(readings: Log) -> Log:
    return sorted(readings, key=lambda r: (r[1], r[0]))


@pytest.mark.parametrize("after", [2, 3])
def test_a_late_reading_makes_an_earlier_one_a_dip_for_what_comes_too(after: int) -> None:
    """9 after 10 is a dip: what follows counts from 10 at 150 s, not from 9 at 180 s."""
    log = [(2, 180, 9.0), (2, 780, 34.0), (2, 870, 43.0), (2, 1470, 60.0)]
    order = [*log[:after], (2, 150, 10.0), *log[after:]]
    one = site((*METERS[:2], COUNTER, METERS[-1]), lateness=2 * MINUTE)
    assert played(one, order, []) == played(one, in_time(order), [])


def test_a_first_cell_that_comes_late_is_there_for_constants_too() -> None:
    usual = site()
    (epoch,) = usual.epochs
    alone = replace(
        epoch,
        meters=(replace(COUNTER, nominal=5 * MINUTE, silent_after=50 * MINUTE),),
        derived=DERIVED[2:],
        e_dc=(("register", 1.0), ("light", 1.0)),
        e_it={},
        e_reuse=(),
        imports=(),
        subsystems={"lighting": (("light", 1.0),)},
    )
    one = replace(usual, epochs=(alone,), lateness=0)
    order = [(0, t, float(v)) for t, v in ((1338, 101), (3138, 146), (1038, 91), (2838, 140))]
    assert played(one, order, [2]) == played(one, in_time(order), [])


def test_a_premature_end_closes_no_cells_of_another_epochs_length() -> None:
    usual = site()
    (epoch,) = usual.epochs
    change = 3000 * SECOND
    long = replace(epoch, start=change, cell=5 * MINUTE)
    one = replace(usual, epochs=(replace(epoch, end=change), long))
    log = [(n, 60 * i + n, 100.0) for i in range(12) for n in range(len(METERS))]
    assert played(one, log, [], ends=[len(log) - 9]) == played(one, log, [])


@pytest.mark.parametrize("number", range(len(METERS)))
def test_a_correction_of_the_oldest_reading_held_reaches_what_lies_before_it(number: int) -> None:
    """The reading at 600 s is the last that closed cells rest on; its value was wrong."""
    one = site(lateness=0)
    log = [(n, 60 * i, 100.0 + 10 * i) for i in range(13) for n in range(len(METERS))]
    right = [(n, t, 195.0 if (n, t) == (number, 600) else v) for n, t, v in log]
    for cut in range(11 * len(METERS), len(log)):
        order = [*log[:cut], (number, 600, 195.0), *log[cut:]]
        assert played(one, order, [cut]) == played(one, right, [])


@pytest.mark.parametrize("odd", [{10: 1e9}, {10: 115.0, 11: -5.0}])
def test_no_cell_closes_on_a_rise_that_the_next_reading_takes_back(odd: dict[int, float]) -> None:
    counter = replace(COUNTER, step=0.0)
    history, rows = MemoryHistory(), Rows()
    book = SiteBook(site((*METERS[:2], counter, METERS[-1]), lateness=0), history)
    for i in range(20):
        shown = odd.get(i, 100.0 + i)
        one = np.array([i + 1]), np.array([2]), np.array([60 * i * SECOND]), np.array([shown])
        for settled in book.add(Readings(*one)):
            assert all(block.fresh for block in settled.blocks)
            take(rows, settled, history)
    counted = [
        np.frombuffer(terms)[0] for (name, _), (_, terms) in rows.items() if name == "register"
    ]
    assert counted == [1.0] * len(counted)
    assert len(counted) > 15


def test_a_small_rise_is_believed_whatever_comes_after_an_end() -> None:
    """999.2 lies between 1000 less its jitter and 1000.5: it is out of question, not the rise."""
    register = replace(COUNTER, step=0.0)
    one = site((*METERS[:2], register, METERS[-1]), lateness=0)
    shown = [999.5, 1000.0, 1000.5, 999.2, 1001.0, 1001.5]
    log = [(2, 60 * i, value) for i, value in enumerate(shown)]
    assert played(one, log, [], ends=[3]) == played(one, log, [])


ROUND = replace(COUNTER, step=0.0, modulus=100.0)
SPIKY = replace(meter("fan", Kind.INSTANT, "cool_crah_fan"), spike=20.0)


def alone(meter: Meter, *others: Meter) -> Site:
    """A site of one meter, and of others that no total needs."""
    usual = site((meter, *others), lateness=0)
    (epoch,) = usual.epochs
    subsystems = {"cooling": ((meter.id, 1.0),)}
    nothing = replace(epoch, derived=(), e_dc=(), e_it={}, e_reuse=(), imports=())
    return replace(usual, epochs=(replace(nothing, subsystems=subsystems),))


@pytest.mark.parametrize(
    ("one", "readings"),
    [
        # a rollover where the next one goes on from it, and nonsense where it stands still
        (ROUND, {360: 61.0, 540: 13.75, 667: 17.5, 720: 20.0, 600: 13.75}),
        # no count where the next one is back where it came from
        (COUNTER, {0: 100.0, 60: 101.0, 120: 150.0, 240: 199.0, 300: 200.0, 180: 101.0}),
        # a spike where its neighbours agree
        (SPIKY, {10: 100.0, 65: 170.0, 130: 170.0, 200: 170.0, 100: 99.0}),
    ],
)
def test_a_late_reading_speaks_against_the_first_one_held(
    one: Meter, readings: dict[int, float]
) -> None:
    log = [(0, at, value) for at, value in readings.items()]
    assert played(alone(one), log, []) == played(alone(one), in_time(log), [])


def with_one_late(number: int) -> Readings:
    """Two hours of readings a minute, and one of a meter that comes half an hour late."""
    log = [(n, 60 * i, 100.0 + n) for i in range(120) for n in range(len(METERS))]
    late = log.pop(40 * len(METERS) + number)
    log.insert(70 * len(METERS), late)
    meter, time, value = map(np.array, zip(*log, strict=True))
    return Readings(np.arange(len(log)) + 1, meter, time * SECOND, value)


def test_only_what_rests_on_a_late_reading_is_opened_again() -> None:
    history, rows = MemoryHistory(), Rows()
    book = SiteBook(site(lateness=MINUTE), history)
    names = set()
    for settled in book.add(with_one_late(2)):
        names |= {block.account.name for block in settled.blocks if not block.fresh}
        take(rows, settled, history)
    assert {"pump", "e_dc", "subsystem_cooling"} <= names
    assert not {"it_a", "it_b", "fan", "e_it", "light"} & names


def test_after_an_end_a_power_still_gives_its_shape_to_what_its_register_had_counted() -> None:
    """The power at 660 s tells of the last minute before the end."""
    counter = replace(COUNTER, nominal=3 * MINUTE, rating=1e3, shape="drawn")
    one = alone(counter, meter("drawn", Kind.INSTANT, "none"))
    log = [(1, at, 10.0) for at in range(0, 600, 60)]
    log = sorted([*log, *[(0, at, 50.0 * at) for at in (60, 240, 420, 600)]], key=lambda r: r[1])
    order = [*log, (1, 660, 70.0), (0, 780, 39_000.0)]
    assert played(one, order, [], ends=[len(log)]) == played(one, in_time(order), [])


def test_a_reset_has_begun_by_the_pace_of_what_is_believed_in_the_end() -> None:
    """150 seems to go on from 3, until it turns out that 6 does."""
    one = alone(COUNTER)
    shown = [5000.0, 5001.0, 3.0, 150.0, 6.0, 9.0, 12.0, 15.0]
    log = [(0, 60 * i, value) for i, value in enumerate(shown)]
    found = played(one, log, list(range(len(log))))
    assert found == played(replace(one, lateness=HOUR), log, [])
    assert found["register", 60 * SECOND][0] == MINUTE


@pytest.mark.parametrize("ended", [True, False])
def test_nonsense_before_a_silence_counts_until_the_next_reading(*, ended: bool) -> None:
    """Another meter goes on, so that the register's cells are closed; or its input has ended."""
    one = alone(COUNTER, meter("clock", Kind.MEAN_NEXT, "none"))
    log = [(0, 60 * i, 1e9 if i == 11 else 100.0 + i) for i in range(12)]
    log += [(1, 60 * i, 1.0) for i in range(12, 12 if ended else 18)]
    before = played(one, log, list(range(len(log))))
    assert np.frombuffer(before["register", 600 * SECOND][1])[0] > 1e8
    order = [*log, (0, 1200, 120.0), (0, 1260, 121.0)]
    found = played(one, order, list(range(len(order))), ends=[len(log)] if ended else [])
    assert found == played(replace(one, lateness=HOUR), order, [])
    assert np.frombuffer(found["register", 600 * SECOND][1])[0] == pytest.approx(1.0)


@dataclass
class Asked(MemoryHistory):
    """An archive that counts how often it is asked."""

    times: int = 0

    def readings(self, lo: int, hi: int) -> Readings:
        self.times += 1
        return super().readings(lo, hi)


def test_what_comes_in_time_asks_nothing_of_the_archive() -> None:
    """But for the first minutes, in which all that there has been is held."""
    counter, power = replace(COUNTER, rating=1e3, shape="drawn"), meter("drawn", Kind.INSTANT)
    archive, rows, asked = Asked(), Rows(), []
    book = SiteBook(alone(counter, power), archive)
    for i in range(40):
        time = np.full(2, (60 * i + 5) * SECOND)
        part = Readings(np.array([2, 3]) + 2 * i, np.arange(2), time, np.array([60.0 * i, 1.0]))
        for settled in book.add(part):
            take(rows, settled, archive)
        asked.append(archive.times)
    assert asked[10:] == asked[10:11] * 30
    assert sum(map(len, archive.kept)) > 60


def test_a_late_reading_costs_steps_where_it_is_not_in_all_of_its_batch() -> None:
    steps = list(SiteBook(site(lateness=MINUTE), MemoryHistory()).add(with_one_late(2)))
    assert any(not block.fresh for settled in steps for block in settled.blocks)
    assert len(steps) < 24  # of 119 borders
