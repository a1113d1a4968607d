"""Where the ledger is copied to: a model for each kind of sink."""

import os
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from greendc.config.scalars import Duration, File, Items, Model, key
from greendc.config.tls import Tls
from greendc.files import why
from greendc.ports import GreendcError

Period = Literal["cell", "hour", "day", "month", "year", "24h", "7d", "30d", "12mo"]
SinkName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]


def _url(given: str) -> str:
    """Keep secrets out of what is shown in logs and in the journal; the value is never told."""
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError as error:
        raise ValueError("must be an address such as http://127.0.0.1:8086") from error
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("must hold no user, password or query: see token_file, password_file")
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ValueError("must be an address such as http://127.0.0.1:8086")
    return given.rstrip("/")


def _topic(given: str) -> str:
    if re.fullmatch(r"[^+#\0/$][^+#\0/]*(/[^+#\0/]+)*", given) is None:
        raise ValueError("must be levels of a topic such as site/greendc, without + and #")
    return given


Url = Annotated[str, AfterValidator(_url)]
Topic = Annotated[str, AfterValidator(_topic)]


class _Sink(Model):
    """What all sinks have."""

    name: SinkName | None = key(
        None,
        description="Unique name, under which the ledger keeps how far it is; default: its kind. "
        "A sink with another name begins with the first figure.",
    )

    @property
    def label(self) -> str:
        """The name under which its cursor is kept."""
        return self.name or str(getattr(self, "kind", ""))

    def variable(self, what: str) -> str:
        """The environment variable that holds a secret.

        >>> InfluxSink(kind="influx", name="hall-2").variable("token")
        'GREENDC_SINK_HALL_2_TOKEN'
        """
        return f"GREENDC_SINK_{self.label.replace('-', '_').upper()}_{what.upper()}"

    def _secret(self, what: str, file: Path | None) -> str | None:
        found = os.environ.get(self.variable(what))
        if found is not None or file is None:
            return found
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            message = f"sink {self.label}: {what}_file: {file} cannot be read: {why(error)}"
            raise GreendcError(message) from error


class _Selecting(_Sink):
    """A sink that can be told which figures it gets."""

    periods: Items[Period] | None = key(
        None, description="Only figures of these periods; default: all."
    )


class JsonlSink(_Sink):
    """A file that grows by a line for each revision."""

    kind: Literal["jsonl"] = Field(description="A file of JSON lines.")
    path: File = Field(description="File, relative to the data folder.")


class _Store(_Selecting):
    """What sinks that write over HTTP have."""

    tls: Tls | None = key(None, description="Certificates for https; the system's unless set.")
    gzip: bool = key(default=True, description="Compress what is sent.")
    timeout: Duration = key("10s", description="Longest wait for an answer.")
    confirm_after: Duration = key(
        "30s",
        description="What the store may have lost or taken late is passed once it stood so long.",
    )
    batch: int = key(5000, ge=1, le=50000, description="Most figures in a request.")


class InfluxSink(_Store):
    """InfluxDB 2 or 3, or VictoriaMetrics: line protocol over the API of InfluxDB 2."""

    kind: Literal["influx"] = Field(description="The API of InfluxDB 2.")
    url: Url = key("http://127.0.0.1:8086", description="Address of the store.")
    org: str = key("", description="Organization; InfluxDB 2 only.")
    bucket: str = key("greendc", min_length=1, description="Bucket; InfluxDB 3: database.")
    store: Literal["influxdb", "influxdb3", "victoriametrics"] = key(
        "influxdb", description="What listens there; decides how revisions are written."
    )
    username: str | None = key(
        None, min_length=1, description="Set for HTTP basic authentication, with the token."
    )
    token_file: File | None = key(
        None, description="File that holds the token; GREENDC_SINK_<NAME>_TOKEN goes before it."
    )

    def token(self) -> str | None:
        """What the store wants to see, from the environment or its file; None without one.

        Raises
        ------
        GreendcError
            If the file cannot be read.
        """
        return self._secret("token", self.token_file)


class Influx1Sink(_Store):
    """InfluxDB 1, or what else takes its /write."""

    kind: Literal["influx1"] = Field(description="The API of InfluxDB 1.")
    url: Url = key("http://127.0.0.1:8086", description="Address of the store.")
    database: str = key("greendc", min_length=1, description="Database; it must be there.")
    retention_policy: str | None = key(
        None, min_length=1, description="Retention policy; default: the database's own."
    )
    username: str | None = key(None, min_length=1, description="User name.")
    password_file: File | None = key(
        None,
        description="File that holds the password; GREENDC_SINK_<NAME>_PASSWORD goes before it.",
    )

    def password(self) -> str | None:
        """The user's password, from the environment or its file; None without one.

        Raises
        ------
        GreendcError
            If the file cannot be read.
        """
        return self._secret("password", self.password_file)


class Discovery(Model):
    """Announces figures to Home Assistant."""

    prefix: Topic = key("homeassistant", description="Prefix on which Home Assistant listens.")
    periods: Items[Period] = key(("hour", "24h", "month"), description="Figures that it is told.")


class MqttSink(_Selecting):
    """Retained figures on a broker."""

    kind: Literal["mqtt"] = Field(description="Retained messages on a broker.")
    host: str | None = key(
        None,
        min_length=1,
        description="Another broker than that of mqtt; without it user, password and TLS of mqtt "
        "hold, and the keys below for them must not be set.",
    )
    port: int | None = key(None, ge=1, le=65535, description="TCP port; default 1883, TLS 8883.")
    protocol: Literal["5", "3.1.1"] = key("5", description="MQTT version.")
    client_id: str | None = key(
        None, min_length=1, description="Name of the session; default: that of mqtt and the name."
    )
    username: str | None = key(None, min_length=1, description="User name.")
    password_file: File | None = key(
        None,
        description="File that holds the password; GREENDC_SINK_<NAME>_PASSWORD goes before it.",
    )
    tls: Tls | None = key(None, description="Encryption; none unless set.")
    prefix: Topic = key("greendc", description="Prefix of the topics.")
    timeout: Duration = key("10s", description="Longest wait for an answer.")
    discovery: Discovery | None = key(
        None, description="Announce figures to Home Assistant; not unless set, {} for defaults."
    )

    def password(self) -> str | None:
        """The user's password, from the environment or its file; None without one.

        Raises
        ------
        GreendcError
            If the file cannot be read.
        """
        return self._secret("password", self.password_file)


Sink = Annotated[JsonlSink | InfluxSink | Influx1Sink | MqttSink, Field(discriminator="kind")]
