"""Emission factors: shipped tables, series in files, and what they make in time."""

import base64
import csv
import gzip
import io
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from greendc.calendars import rfc3339
from greendc.config.models import Factor
from greendc.config.scalars import Timed, instant
from greendc.config.words import nearest
from greendc.core.facility import DAY, EVER, Intensity
from greendc.files import why

TABLES = "emission-factors.csv"
LARGEST = 64 * 2**20  # bytes of a series
MOST_VALUES = 2_000_000  # of one that a journal holds: one a minute for almost four years


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a shipped table [g/kWh]."""

    value: float
    year: int
    accounting: str
    source: str


@dataclass(frozen=True, slots=True)
class Series:
    """Intensities by their stamps. [ns], [g/kWh]; NaN is a hole."""

    stamps: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def step(self) -> int:
        """The nominal interval: the commonest distance of two stamps [ns]."""
        return Counter(b - a for a, b in pairwise(self.stamps)).most_common(1)[0][0]


@dataclass(frozen=True, slots=True)
class Content:
    """What the files named by a configuration hold, as far as it uses them."""

    rows: Mapping[tuple[str, str], Row]
    series: Mapping[tuple[str, str], Series]

    def plain(self) -> dict[str, Any]:
        """As data of JSON."""
        return {
            "tables": [
                [*key, row.value, row.year, row.accounting, row.source]
                for key, row in sorted(self.rows.items())
            ],
            "series": [[*key, _packed(found)] for key, found in sorted(self.series.items())],
        }

    @classmethod
    def of(cls, plain: object) -> "Content":
        """Read what `plain` gave.

        Raises
        ------
        ValueError
            If it is anything else.
        """
        try:
            found = msgspec.convert(plain, _Plain)
            series = {(name, column): _unpacked(text) for name, column, text in found.series}
        except (msgspec.ValidationError, zlib.error) as error:
            raise ValueError(str(error)) from error
        return cls({(t, z): Row(v, y, a, s) for t, z, v, y, a, s in found.tables}, series)


class _Plain(msgspec.Struct):
    """The form of a content as data of JSON."""

    tables: list[tuple[str, str, float, int, str, str]]
    series: list[tuple[str, str, str]]


def _packed(series: Series) -> str:
    """Text of a series, compressed."""
    rows = zip(series.stamps, series.values, strict=True)
    text = "\n".join(f"{stamp},{'' if math.isnan(v) else repr(v)}" for stamp, v in rows)
    return base64.b64encode(zlib.compress(text.encode())).decode()


def _unpacked(text: str) -> Series:
    # A log from elsewhere can hold a configuration that its author did not get from greendc.
    content = zlib.decompressobj().decompress(base64.b64decode(text), LARGEST)
    if content.count(b"\n") > MOST_VALUES:
        raise ValueError(f"a series of more than {MOST_VALUES} values")
    lines = content.decode().split("\n")
    rows = [line.split(",") for line in lines]
    return _series([(int(s), float(v or "nan")) for s, v in rows], "series")


def held_before(text: str, before: int, *, ends: bool) -> list[tuple[int, int, float]]:
    """What a compressed series says of the time before an instant: (from, to, value)."""
    series = _unpacked(text)
    return [
        (start, min(end, before), value)
        for start, end, value in _held(series, ends=ends)
        if start < before and not math.isnan(value)
    ]


def _held(series: Series, *, ends: bool) -> Iterator[tuple[int, int, float]]:
    """Each value with the time that it holds for: to the next stamp, at most for a step.

    Where the stamps are the intervals' `ends`: from the stamp before, at most for a step.
    """
    usual, own = series.step, _steps_of_days(series)
    if ends:
        for stamp, earlier, value in zip(
            series.stamps, (-EVER, *series.stamps), series.values, strict=False
        ):
            yield max(earlier, stamp - own.get((stamp - 1) // DAY, usual)), stamp, value
        return
    followers = [*series.stamps[1:], EVER]
    for stamp, following, value in zip(series.stamps, followers, series.values, strict=True):
        yield stamp, min(following, stamp + own.get(stamp // DAY, usual)), value


def _steps_of_days(series: Series) -> dict[int, int]:
    """Intervals [ns] of UTC days that have their own: providers go from hours to quarters.

    A day has where its commonest distance of stamps comes four times and makes up half of it.
    """
    counts: dict[int, Counter[int]] = {}
    for stamp, following in pairwise(series.stamps):
        counts.setdefault(stamp // DAY, Counter())[following - stamp] += 1
    common = {day: count.most_common(1)[0] for day, count in counts.items()}
    return {
        day: step for day, (step, times) in common.items() if times >= 4 and 2 * step * times >= DAY
    }


# -- files ------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def tables() -> Mapping[str, Mapping[str, Row]]:
    """The shipped tables by name and zone."""
    text = Path(__file__).with_name("data").joinpath(TABLES).read_text(encoding="utf-8")
    found: dict[str, dict[str, Row]] = {}
    for line in csv.DictReader(io.StringIO(text)):
        row = Row(float(line["value"]), int(line["year"]), line["kind"], line["source"])
        found.setdefault(line["table"], {})[line["zone"]] = row
    return found


def lookup(table: str, zone: str | None) -> Row:
    """A zone's row of a shipped table.

    Raises
    ------
    ValueError
        If there is no such table or zone.

    Examples
    --------
    >>> lookup("carbontracker", "DEU").value
    344.13992
    """
    found = tables()
    if table not in found:
        raise ValueError(f'no table "{table}"{nearest(table, found)}; there is {", ".join(found)}')
    if zone is None or zone not in found[table]:
        hint = nearest(zone, found[table]) if zone else "; say which zone"
        raise ValueError(f'table {table} has no zone "{zone or ""}"{hint}')
    return found[table][zone]


def read_series(path: Path, column: str) -> Series:
    """Read a CSV file of intensities.

    Raises
    ------
    ValueError
        If it cannot be read; names the line where one is at fault.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise ValueError(f"{path} holds more than {LARGEST >> 20} MiB")
        text = data.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {why(error)}") from error
    reader = csv.DictReader(io.StringIO(text))
    absent = [name for name in ("timestamp", column) if name not in (reader.fieldnames or ())]
    if absent:
        hint = nearest(absent[0], reader.fieldnames or ())
        raise ValueError(f'{path} has no column "{absent[0]}"{hint}')
    return _series(_rows(path, reader, column), path)


def _rows(path: Path, reader: "csv.DictReader[str]", column: str) -> Iterator[tuple[int, float]]:
    for line in reader:
        try:
            value = float(line[column]) if line[column] else math.nan
            stamp = instant(line["timestamp"])
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}:{reader.line_num}: {error}") from error
        if math.isinf(value) or value < 0:
            raise ValueError(f"{path}:{reader.line_num}: {value} is no intensity")
        yield stamp, value


def _series(rows: Iterable[tuple[int, float]], path: Path | str) -> Series:
    found = list(rows)
    stamps = tuple(stamp for stamp, _ in found)
    if len(stamps) < 2:
        raise ValueError(f"{path} has fewer than two rows")
    for earlier, later in pairwise(stamps):
        if later <= earlier:
            raise ValueError(f"{path}: {rfc3339(later)} does not come after {rfc3339(earlier)}")
    return Series(stamps, tuple(value for _, value in found))


def used_by(factor: Factor, folder: Path) -> Content:
    """What one factor takes from tables and files.

    Raises
    ------
    ValueError
        If a table, zone or file is not there or not good.
    """
    if factor.table is not None:
        key = (factor.table, factor.zone or "")
        return Content({key: lookup(factor.table, factor.zone)}, {})
    if factor.series is not None:
        read = read_series(folder / factor.series, factor.column)
        return Content({}, {(str(factor.series), factor.column): read})
    return Content({}, {})


# -- in time ----------------------------------------------------------------------------------


def vintage(factor: Factor, content: Content) -> tuple[int | None, str]:
    """Year for which a factor stands (None: a series, or not said) and its source, for people."""
    if factor.table is not None:
        row = content.rows[factor.table, factor.zone or ""]
        return row.year, f"{factor.zone}, {row.source}"
    source = factor.source or (str(factor.series) if factor.series else "source not said")
    return factor.year, ", ".join(filter(None, [factor.zone, source]))


def intensity(timed: Timed[Factor], content: Content) -> Intensity:
    """The steps that a dated factor makes."""
    pieces: list[tuple[int, int, float]] = []
    ends = [*[step.start for step in timed.steps[1:]], EVER]
    for step, end in zip(timed.steps, ends, strict=True):
        pieces += _pieces(step.value, content, step.start, end)
    start, stop, value = zip(*pieces, strict=True) if pieces else ((), (), ())
    known = [vintage(step.value, content) for step in timed.steps]
    years = {year for year, _ in known}
    return Intensity(
        np.array(start, np.int64),
        np.array(stop, np.int64),
        np.array(value, np.float64),
        years.pop() if len(years) == 1 else None,
        "; ".join(dict.fromkeys(step.value.zone or "" for step in timed.steps)),
        "; ".join(dict.fromkeys(_source(step.value, content) for step in timed.steps)),
        timed.last.accounting,
    )


def _source(factor: Factor, content: Content) -> str:
    if factor.table is not None:
        return content.rows[factor.table, factor.zone or ""].source
    return factor.source or str(factor.series or "")


def _pieces(factor: Factor, content: Content, lo: int, hi: int) -> list[tuple[int, int, float]]:
    if factor.series is None:
        value = factor.factor
        if factor.table is not None:
            value = content.rows[factor.table, factor.zone or ""].value
        return [(lo, hi, 0.0 if value is None else value)]
    series = content.series[str(factor.series), factor.column]
    cut = [
        (max(start, lo), min(end, hi), value)
        for start, end, value in _held(series, ends=factor.stamps == "end")
        if not math.isnan(value)
    ]
    return [piece for piece in cut if piece[0] < piece[1]]
