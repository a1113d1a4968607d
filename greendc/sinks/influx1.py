"""InfluxDB 1: line protocol to /write, deletions to /query."""

import gzip
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson

from greendc.config.sinks import Influx1Sink
from greendc.core.facility import DAY, HOUR, SECOND
from greendc.ports import LedgerRow
from greendc.sinks.errors import Refused, Unavailable
from greendc.sinks.http import Http, Login
from greendc.sinks.line_protocol import KPI, MEASUREMENTS, SHAPES, body, tags
from greendc.sinks.overwriting import Overwriting
from greendc.sinks.runner import Sink
from greendc.sinks.surroundings import Surroundings
from greendc.sinks.victoria import LEAST_RETENTION, mistaken

WORDS = {"DELETE": "delete a point", "SELECT": "ask for a point", "SHOW": "ask what is kept"}
HOURS = re.compile(r"(\d+)h")
FORM = {"content-type": "application/x-www-form-urlencoded"}


def influx1(config: Influx1Sink, _around: Surroundings) -> Sink:
    """The sink; a point that is written again replaces the one before."""
    return Influx1(Influx1Store(config), config.confirm_after / SECOND)


class Influx1(Overwriting):
    """Writes, and can ask for what it has written."""

    def __init__(self, store: "Influx1Store", confirm_after: float) -> None:
        super().__init__(store, confirm_after)
        self._influx1 = store

    def holds(self, row: LedgerRow) -> bool:
        """Whether the store has a figure, by any revision."""
        return self._influx1.holds(row)

    def counted(self, site: str, period: str, lo: int, hi: int) -> dict[int, int]:
        """How many figures start on each UTC day, by its number."""
        return self._influx1.counted(site, period, lo, hi)

    def remarks(self) -> Iterator[str]:
        """What is wrong with the way the store is run."""
        return self._influx1.remarks()


class Influx1Store:
    """Points in a database of InfluxDB 1."""

    def __init__(self, config: Influx1Sink) -> None:
        """Connects at the first request."""
        self._gzip = config.gzip
        self._where = {"db": config.database}
        if config.retention_policy is not None:
            self._where["rp"] = config.retention_policy
        self._path = f"/write?{urlencode({**self._where, 'precision': 'ns'})}"
        login = Login(config.username, config.password())
        self._http = Http(config.url, config.tls, config.timeout / SECOND, login)

    def post(self, rows: Sequence[LedgerRow]) -> None:
        """Write points; returns when the store has them."""
        content, headers = body(rows), {"content-type": "text/plain; charset=utf-8"}
        if self._gzip:
            content, headers["content-encoding"] = gzip.compress(content, 1, mtime=0), "gzip"
        self._http.post(self._path, content, headers)

    def delete(self, row: LedgerRow) -> None:
        """Take out a point."""
        self._asked(f"DELETE FROM {_point(row)}")  # noqa: S608

    def holds(self, row: LedgerRow) -> bool:
        """Whether a point is there."""
        found = self._asked(f"SELECT rev FROM {_point(row)}")  # noqa: S608
        return any("series" in result for result in found)

    def counted(self, site: str, period: str, lo: int, hi: int) -> dict[int, int]:
        """How many points there are on each UTC day, by its number."""
        every = ", ".join(f'"{name}"' for name in MEASUREMENTS)
        found = self._asked(
            f'SELECT count("rev") FROM {every} WHERE "site" = \'{_escaped(site)}\' '  # noqa: S608
            f"AND \"res\" = '{_escaped(period)}' AND time >= {lo} AND time < {hi} "
            "GROUP BY time(1d) fill(none)"
        )
        days = Counter[int]()
        for series in (one for result in found for one in result.get("series", [])):
            for time, count in series["values"]:
                days[time // DAY] += count
        return days

    def remarks(self) -> Iterator[str]:
        """What is wrong with the way the store is run; nothing where it cannot be asked."""
        yield from mistaken(self._http, "kind: influx and store: victoriametrics")
        try:
            policies = self._asked("SHOW RETENTION POLICIES")
        except (Refused, Unavailable):
            return
        named = self._where.get("rp")
        for series in (one for result in policies for one in result.get("series", [])):
            for values in series["values"]:
                policy = dict(zip(series["columns"], values, strict=True))
                wanted = policy.get("default") if named is None else policy["name"] == named
                hours = HOURS.match(policy.get("duration", ""))  # 0s: for ever
                if wanted and hours and 0 < int(hours[1]) * HOUR < LEAST_RETENTION:
                    yield (
                        f"{self._http.url}: takes no figures that are older than {hours[0]}, by "
                        f"its retention policy {policy['name']}; figures look back on twelve months"
                    )

    def _asked(self, query: str) -> list[dict[str, Any]]:
        """What a query gives.

        Raises
        ------
        Refused, Unavailable
            By what the store answers.
        """
        form = urlencode({**self._where, "q": query, "epoch": "ns"}).encode()
        try:
            found: list[dict[str, Any]] = orjson.loads(self._http.post("/query", form, FORM))[
                "results"
            ]
            wrong = [result["error"] for result in found if "error" in result]
        except (orjson.JSONDecodeError, LookupError, TypeError) as error:
            raise Unavailable(f"{self._http.url}: no answer of an InfluxDB: {error}") from error
        if wrong:
            raise Unavailable(f"cannot {WORDS[query.split(maxsplit=1)[0]]}: {wrong[0]}")
        return found

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _point(row: LedgerRow) -> str:
    """Where a point stands."""
    where = " AND ".join(f"\"{key}\" = '{_escaped(value)}'" for key, value in tags(row).items())
    measurement = SHAPES.get(row.figure.unit, KPI)[0]
    return f'"{measurement}" WHERE {where} AND time = {row.figure.start}'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
