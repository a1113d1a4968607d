"""InfluxDB 2 and 3, and VictoriaMetrics, through InfluxDB's own client.

Writes are synchronous: a batch is in the store, or it is due again. The client's background
batching would lose points silently, and its own tries would hide how the store does.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from greendc.calendars import rfc3339
from greendc.config.sinks import InfluxSink
from greendc.core.facility import SECOND
from greendc.ports import LedgerReader, LedgerRow
from greendc.sinks.errors import Unanswered, Unavailable
from greendc.sinks.http import Http, Login, bounded, no_answer, outcome, tls_context
from greendc.sinks.line_protocol import KPI, SHAPES, body, newest_of, tags
from greendc.sinks.overwriting import Overwriting
from greendc.sinks.runner import Sink
from greendc.sinks.surroundings import Surroundings
from greendc.sinks.victoria import Rewriting, mistaken

# The client tells of each failed request itself, with all its headers.
logging.getLogger("influxdb_client").setLevel(logging.CRITICAL)


def influx(config: InfluxSink, _around: Surroundings) -> Sink:
    """The sink for what listens at the address: revisions are written by its kind."""
    store, confirm_after = InfluxStore(config), config.confirm_after / SECOND
    if config.store == "influxdb3":
        return Keeping(store, confirm_after)
    login = Login(config.username, config.token())
    http = Http(config.url, config.tls, config.timeout / SECOND, login)
    if config.store == "victoriametrics":
        return Rewriting(store, http, config.batch, confirm_after)
    return InfluxDb2(store, http, confirm_after)


class InfluxStore:
    """Points over the API of InfluxDB 2."""

    def __init__(self, config: InfluxSink) -> None:
        """Connects at the first request."""
        self._bucket, self._org = config.bucket, config.org
        self._url = config.url
        token, basic = config.token() or "", config.username is not None
        self._client = InfluxDBClient(
            url=config.url,
            token=f"{config.username}:{token}" if basic else token,
            auth_basic=basic,
            org=config.org,
            timeout=config.timeout // (SECOND // 1000),
            enable_gzip=config.gzip,
            ssl_context=tls_context(config.tls) if config.url.startswith("https:") else None,
        )
        bounded(self._client.api_client.rest_client.pool_manager)
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)
        self._deleter = self._client.delete_api()

    def post(self, rows: Sequence[LedgerRow]) -> None:
        """Write points; returns when the store has them."""
        with self._answers():
            self._writer.write(self._bucket, self._org, body(rows))

    def delete(self, row: LedgerRow) -> None:
        """Take out a point: no other one of its series begins within that second."""
        start = row.figure.start
        with self._answers():
            self._deleter.delete(
                rfc3339(start),
                rfc3339(start + SECOND),
                predicate(row),
                self._bucket,
                self._org,
            )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call]

    @contextmanager
    def _answers(self) -> Iterator[None]:
        """What the client raises, or does not look at, in words of this room."""
        try:
            yield
        except ApiException as error:
            status = int(error.status or 0)
            if not status:
                raise Unanswered(f"{self._url}: {error.reason}") from None
            wrong = outcome(status, error.body, error.headers)
            raise wrong or Unavailable(f"{self._url}: HTTP {status}") from None
        except HTTPError as error:
            raise no_answer(self._url, error) from None
        taken = self._client.api_client.last_response
        wrong = outcome(taken.status, taken.data, None)
        if wrong is not None:
            raise wrong


class InfluxDb2(Overwriting):
    """InfluxDB 2; `http` only asks whether it is one."""

    def __init__(self, store: InfluxStore, http: Http, confirm_after: float) -> None:
        super().__init__(store, confirm_after)
        self._http = http

    def remarks(self) -> Iterator[str]:
        """See `mistaken`."""
        return mistaken(self._http, "store: victoriametrics")

    def close(self) -> None:
        """Close the connections."""
        super().close()
        self._http.close()


class Keeping:
    """InfluxDB 3, which cannot delete a point: `status` tells of a value that holds no more."""

    def __init__(self, store: InfluxStore, confirm_after: float) -> None:
        self._store, self.confirm_after = store, confirm_after

    def write(self, rows: Sequence[LedgerRow], _ledger: LedgerReader) -> None:
        """Write the newest revision of each point."""
        self._store.post(newest_of(rows))

    def close(self) -> None:
        """Close the store."""
        self._store.close()


def predicate(row: LedgerRow) -> str:
    """The condition that a point's series meets, for /api/v2/delete."""
    every = {"_measurement": SHAPES.get(row.figure.unit, KPI)[0], **tags(row)}
    return " AND ".join(f'{key}="{_escaped(value)}"' for key, value in every.items())


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
