"""Outside air: moist air by printed tables, typical years as published, a built-in year."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from greendc.calendars import parse_rfc3339
from greendc.ports import GreendcError
from greendc.simulate.parts.outside import FOLDER, read_epw
from greendc.simulate.physics import weather
from greendc.simulate.physics.grid import HOUR, Grid
from greendc.simulate.physics.psychrometrics import dew_point, relative_humidity, wet_bulb
from greendc.simulate.topology import SHIPPED

# dry bulb [Cel], humidity, dew point by Magnus, wet bulb by PsychroLib (STANDARDS 7.3)
TABLE = (
    (24.0, 0.45, 11.330, 16.266),
    (20.0, 0.50, 9.255, 13.783),
    (27.0, 0.60, 18.571, 21.206),
    (18.0, 0.20, -5.328, 7.954),
    (25.0, 0.40, 10.457, 16.210),
)


@pytest.mark.parametrize(("dry", "humidity", "dew", "wet"), TABLE)
def test_moist_air_is_as_in_the_table(dry: float, humidity: float, dew: float, wet: float) -> None:
    t, h = np.array([dry]), np.array([humidity])
    assert dew_point(t, h)[0] == pytest.approx(dew, abs=0.006)
    assert wet_bulb(t, h)[0] == pytest.approx(wet, abs=0.3)  # Stull's fit errs by up to that here
    assert relative_humidity(t, dew_point(t, h))[0] == pytest.approx(humidity, abs=1e-3)


KNOWN = {  # minimum, mean, maximum of dry bulb; hours below 18 Cel: as published with the files
    "leesburg": (-12.0, 13.781449771689498, 37.0, 5264),
    "san-jose": (-0.6, 15.246723744292236, 34.4, 6207),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_shipped_year_is_the_published_one(name: str) -> None:
    year = read_epw(FOLDER / SHIPPED[name])
    found = year.temperature
    assert (found.min(), found.max(), int((found < 18).sum())) == (
        KNOWN[name][0],
        KNOWN[name][2],
        KNOWN[name][3],
    )
    assert found.mean() == pytest.approx(KNOWN[name][1], abs=1e-9)
    assert not np.any(year.dew_point > found)


def test_a_typical_year_begins_at_one_oclock_local_standard_time() -> None:
    year = read_epw(FOLDER / SHIPPED["leesburg"])
    begin = parse_rfc3339("2031-01-01T00:00:00-05:00")
    air = weather.typical(year, Grid(begin, HOUR, 8760))
    shown = air.temperature[:8761]
    assert air.first == begin
    assert np.array_equal(shown[1:], year.temperature)
    assert shown[0] == year.temperature[-1]


def test_the_day_that_a_leap_year_has_more_is_the_one_before() -> None:
    year = read_epw(FOLDER / SHIPPED["san-jose"])
    begin = parse_rfc3339("2028-02-28T01:00:00-08:00")
    air = weather.typical(year, Grid(begin, HOUR, 72))
    day = air.temperature[:72].reshape(3, 24)
    assert np.array_equal(day[0], day[1])
    assert np.array_equal(day[2], year.temperature[59 * 24 : 60 * 24])


def test_a_file_that_is_no_weather_is_named(tmp_path: Path) -> None:
    path = tmp_path / "weather.epw"
    path.write_text("LOCATION,a,b,c,d,e,f,g,1.0\n" + "h\n" * 7 + "1,2\n")
    with pytest.raises(GreendcError, match=r"weather\.epw: no weather"):
        read_epw(path)
    path.write_text(
        "LOCATION,a,b,c,d,e,f,1.0,2.0\n" + "h\n" * 7 + ",".join("123456789012345") + "\n"
    )
    with pytest.raises(GreendcError, match="1 hours, not 8760"):
        read_epw(path)


@pytest.mark.parametrize("place", weather.CLIMATES)
def test_ten_built_in_years_have_the_months_of_the_normals(place: str) -> None:
    climate, shown = weather.CLIMATES[place], []
    for year in range(2010, 2020):
        borders = [f"{year}-{month:02d}-01T00:00:00Z" for month in range(1, 13)]
        starts = [parse_rfc3339(text) for text in (*borders, f"{year + 1}-01-01T00:00:00Z")]
        air = weather.built_in(climate, 7, Grid(starts[0], HOUR, (starts[-1] - starts[0]) // HOUR))
        cuts = [(start - starts[0]) // HOUR for start in starts]
        shown.append([air.temperature[lo:hi].mean() for lo, hi in pairwise(cuts)])
    gaps = np.mean(shown, axis=0) - np.array(climate.mean)
    assert np.abs(gaps).max() < 1.3  # a month strays by 1.3 K, the mean of ten by 0.4 K
    assert np.std(shown, axis=0).min() > 0.2  # no year is like another


def test_two_places_share_the_weather_of_a_year() -> None:
    grid = Grid(parse_rfc3339("2025-07-01T00:00:00Z"), HOUR, 240)
    tokyo, sapporo, other = (
        weather.built_in(weather.CLIMATES[place], seed, grid).temperature
        for place, seed in (("tokyo", 1), ("sapporo", 1), ("sapporo", 2))
    )
    assert np.std(tokyo - sapporo) < 0.5 < np.std(tokyo - other)


def test_the_sun_shines_by_day_and_more_in_summer() -> None:
    def sun(text: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        grid = Grid(parse_rfc3339(text), HOUR, 24)
        found = weather.built_in(weather.CLIMATES["tokyo"], 1, grid).sun[:24]
        return np.asarray(found)

    summer, winter = sun("2025-06-20T15:00:00Z"), sun("2025-12-20T15:00:00Z")  # from midnight on
    assert summer[:4].max() == summer[20:].max() == 0.0 < summer[12] < 1100
    assert summer.sum() > winter.sum()
