"""Weather and local time of a site."""

import gzip
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from greendc.files import why
from greendc.ports import GreendcError
from greendc.simulate.books import Books
from greendc.simulate.parts.setting import Outside
from greendc.simulate.physics import weather
from greendc.simulate.physics.grid import HOUR, SECOND, Grid, IntArray
from greendc.simulate.topology import SHIPPED, Weather

FOLDER = Path(__file__).parents[1] / "weather"
ROWS, HEADERS = 8760, 8
DRY_BULB, DEW_POINT, SUN = 6, 7, 13  # columns of an EPW file (EnergyPlus, Auxiliary Programs)


def outside(books: Books, given: Weather, seed: int, grid: Grid) -> Outside:
    """Outside air at the steps; enters what a weather station shows."""
    air = _air(given, seed, grid)
    columns = (
        air.temperature,
        air.humidity,
        air.dew_point,
        air.wet_bulb,
        air.moisture,
        air.sun,
    )
    found = Outside(*(air.at(grid, column) for column in columns))
    books.state("outside", "t_oa", found.temperature)
    books.state("outside", "rh_oa", found.humidity)
    books.state("outside", "t_wb", found.wet_bulb)
    return found


def _air(given: Weather, seed: int, grid: Grid) -> weather.Air:
    if given.place is not None:
        return weather.built_in(weather.CLIMATES[given.place], seed, grid, given.warmer_k)
    name = str(given.epw)
    path = FOLDER / SHIPPED[name] if name in SHIPPED else Path(name)
    return weather.typical(read_epw(path), grid, given.warmer_k)


@lru_cache(maxsize=8)
def read_epw(path: Path) -> weather.TypicalYear:
    """Read a typical year in the format of EnergyPlus, plain or gzip.

    Raises
    ------
    GreendcError
        If the file cannot be read or holds no year of 8760 hours.

    Examples
    --------
    >>> year = read_epw(FOLDER / SHIPPED["san-jose"])
    >>> year.offset // HOUR, round(float(year.temperature.mean()), 2)
    (-8, 15.25)
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
        head, *lines = text.splitlines()
        rows = [line.split(",") for line in lines[HEADERS - 1 :]]
        columns = np.array([[r[DRY_BULB], r[DEW_POINT], r[SUN]] for r in rows], np.float64).T
        offset = round(float(head.split(",")[8]) * 60) * 60 * SECOND
    except (OSError, ValueError, IndexError, EOFError) as error:
        raise GreendcError(f"{path}: no weather of the format EPW: {why(error)}") from error
    if columns.shape[1] != ROWS:
        raise GreendcError(f"{path}: {columns.shape[1]} hours, not {ROWS}")
    return weather.TypicalYear(offset, *columns)


def local_clock(zone: str, grid: Grid) -> IntArray:
    """Local time of each step, as if it were UTC, clock changes included [ns].

    >>> from greendc.simulate.physics.grid import DAY
    >>> print(local_clock("Asia/Tokyo", Grid(0, HOUR, 1)) / HOUR)
    [9.5]
    """
    place = ZoneInfo(zone)
    first, last = grid.begin // HOUR, (grid.end - 1) // HOUR
    hours = range(first, last + 1)
    offsets = np.array([utc_offset(place, hour * HOUR) for hour in hours], np.int64)
    return grid.times + offsets[grid.times // HOUR - first]


def utc_offset(place: ZoneInfo, instant: int) -> int:
    """Local time ahead of UTC at an instant [ns]."""
    span = datetime.fromtimestamp(instant // SECOND, UTC).astimezone(place).utcoffset()
    return 0 if span is None else (span.days * 86_400 + span.seconds) * SECOND
