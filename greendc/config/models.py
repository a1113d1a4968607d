"""What a configuration file may hold."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat

from greendc.config.http import Http
from greendc.config.jobs import Jobs
from greendc.config.log import Log
from greendc.config.scalars import (
    Duration,
    File,
    Id,
    Instant,
    Items,
    Model,
    NotNegative,
    Pair,
    PayloadPath,
    Positive,
    Tags,
    Timed,
    key,
    one_of,
)
from greendc.config.sinks import Sink
from greendc.config.tls import Tls
from greendc.core.quantities import POINTS, SUBSYSTEMS
from greendc.core.units import QUANTITIES
from greendc.files import why
from greendc.ports import GreendcError

PASSWORD = "GREENDC_MQTT_PASSWORD"  # noqa: S105 - the name of the variable, not its content

DROPPED = "$SYS/broker/publish/messages/dropped"  # Mosquitto's

Point = Annotated[str, *one_of("point", POINTS)]
Quantity = Annotated[str, *one_of("quantity", QUANTITIES)]
Subsystem = Annotated[str, *one_of("subsystem", SUBSYSTEMS)]
Window = Literal["1h", "24h", "7d", "30d", "12mo", "day", "month", "year"]
PueTarget = Annotated[FiniteFloat, Field(ge=1)]
Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
TimeRule = Literal["payload", "payload_if_near", "arrival"]


def _category(given: object) -> object:
    return int(given) if isinstance(given, str) and given in {"1", "2", "3"} else given


Category = Annotated[Literal[1, 2, 3], BeforeValidator(_category)]


def _host(given: str) -> str:
    if not given or any(sign in given for sign in "@/ "):
        raise ValueError("must be a name or an address alone: see port, username, password_file")
    return given


Host = Annotated[str, AfterValidator(_host)]


class Mqtt(Model):
    """The broker and the session kept there."""

    host: Host = key("127.0.0.1", description="Name or address of the broker.")
    port: int = key(1883, ge=1, le=65535, description="TCP port of the broker.")
    protocol: Literal["5", "3.1.1"] = key("5", description="MQTT version.")
    client_id: str = key("greendc", min_length=1, description="Fixed name of the session.")
    keepalive: Duration = key("60s", description="Longest silence before a ping.")
    receive_maximum: int = key(
        2000, ge=1, le=65535, description="Most QoS 1 messages that are not acknowledged yet."
    )
    session_expiry: Duration = key("7d", description="How long the broker keeps the session.")
    username: str | None = key(None, description="User name for the broker.")
    password_file: File | None = key(
        None, description=f"File that holds the password; {PASSWORD} goes before it."
    )
    dropped_topic: str = key(
        DROPPED,
        description='Where the broker counts the messages that it drops; "" where it does not.',
    )
    tls: Tls | None = key(None, description="Encryption; none unless set.")

    def password(self) -> str | None:
        """The broker's password, from the environment or its file; None without one.

        Raises
        ------
        GreendcError
            If the file cannot be read.
        """
        if PASSWORD in os.environ or self.password_file is None:
            return os.environ.get(PASSWORD)
        try:
            return self.password_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            message = f"mqtt.password_file: {self.password_file} cannot be read: {why(error)}"
            raise GreendcError(message) from error


class Journal(Model):
    """Limits of the journal."""

    limit_gib: Positive = key(10.0, description="Size at which greendc stops reading. [GiB]")
    free_gib: NotNegative = key(1.0, description="Space left free on the disk. [GiB]")


class Topic(Model):
    """A topic pattern of a site and how its payloads are read."""

    topic: str = Field(
        min_length=1, description="Levels; {name} captures one, {meter} selects by a meter's tag."
    )
    codec: Literal["json", "number"] = key("json", description="Format of the payloads.")
    meter_at: PayloadPath | None = key(
        None, description="Where the meter's tag stands in JSON, if the topic does not tell it."
    )
    value: PayloadPath = key("value", description="Where the value stands in JSON.")
    time_at: PayloadPath | None = key(None, description="Where the time stands in JSON.")
    unit_at: PayloadPath | None = key(None, description="Where the unit stands in JSON.")
    time: TimeRule | None = key(
        None, description="Which time counts; payload where time_at is set, otherwise arrival."
    )
    time_zone: str | None = key(None, description="Zone of times that bear no offset.")


class Register(Model):
    """What is known of a counter; numbers as they stand in the payload."""

    modulus: NotNegative = key(0.0, description="Reading at which it starts again; 0 = never.")
    step: NotNegative = key(0.0, description="Smallest difference it can show.")


class Replacement(Model):
    """Another register in a meter's place; numbers as they stand in the payload."""

    at: Instant = Field(description="Since when readings are of the new one.")
    final: FiniteFloat = Field(description="The last that the old one showed.")
    initial: FiniteFloat = Field(description="The first that the new one showed.")


class Profile(Model):
    """What meters may have in common."""

    point: Timed[Point] = key("none", description="Where it measures; decides what it feeds.")
    quantity: Quantity | None = key(None, description="What it measures; default by the point.")
    unit: Timed[str] | None = key(None, description="Unit of its payloads.")
    kind: Literal["instant", "mean_prev", "mean_next", "on_change", "register"] | None = key(
        None, description="How its readings stand for the time between them."
    )
    nominal: Duration = key("60s", description="Interval at which it should publish.")
    max_gap: Duration | None = key(None, description="Longest gap bridged between samples.")
    silent_after: Duration | None = key(None, description="Age at which a reading is stale.")
    accuracy_class: Positive | None = key(
        None, alias="class", lt=100, description="Accuracy class: limit of error. [%]"
    )
    rating_w: Positive | None = key(None, description="Rated power of what it measures. [W]")
    range: Pair | None = key(None, description="Least and largest value that can be, in unit.")
    spike: Positive | None = key(
        None, description="Farthest a single value may be from two that agree, in unit."
    )
    rate_per_min: Positive | None = key(None, description="Largest change in a minute, in unit.")
    frozen_after: Duration | None = key(
        None, description="For how long its value can be exactly the same."
    )
    siblings: Id | None = key(
        None,
        description="Name that meters share which move together: while all of them stand still, "
        "none is frozen.",
    )
    sentinels: Items[FiniteFloat] | None = key(
        None,
        description="Numbers in the payload that mean: no value, beside those with all bits set; "
        "[]: none at all.",
    )
    multiplier: Timed[FiniteFloat] = key(1.0, description="Factor, e.g. of a transformer.")
    register_: Register | None = key(None, alias="register", description="Of a register.")
    shape: Id | None = key(None, description="Of a register: meter of the power that it counts.")
    fill: Literal["linear", "profile"] | None = key(None, description="What gaps are filled with.")
    fill_uncertainty: Positive | None = key(
        None, description="Of what gaps are filled with: limit of error. [%]"
    )
    subsystem: Timed[Subsystem] | None = key(
        None, description="Subsystem, where it is not the point's own."
    )
    fed_by: Timed[Tags] | None = key(
        None, description="Meter, or several, through which its energy came: the balance check."
    )
    room: str | None = key(None, description="Room, for people.")
    rack: str | None = key(None, description="Rack, for people.")
    codec: Literal["json", "number"] | None = key(None, description="As in topics.")
    value: PayloadPath | None = key(None, description="As in topics.")
    time_at: PayloadPath | None = key(None, description="As in topics.")
    unit_at: PayloadPath | None = key(None, description="As in topics.")
    time: TimeRule | None = key(None, description="As in topics.")
    time_zone: str | None = key(None, description="As in topics.")


class Meter(Profile):
    """A physical meter."""

    id: Id = Field(description="Name in every figure; unique in its site.")
    profile: Id | None = key(None, description="Profile whose keys it has beside its own.")
    tag: Tags | None = key(None, description="Text at {meter}, or several; default: the id.")
    replaced: Items[Replacement] = key((), description="Registers that were exchanged.")
    topic: str | None = key(None, min_length=1, description="Its own topic, not the site's.")


class Derived(Model):
    """A meter computed from others: exactly one of sum, difference, share and constant_w."""

    id: Id = Field(description="Name in every figure; unique in its site.")
    point: Timed[Point] = key("none", description="What it stands for.")
    sum: Timed[Items[str]] | None = key(None, description="Meters added up.")
    difference: Timed[Items[str]] | None = key(
        None, description="A meter, less all that follow it."
    )
    share: Timed[FiniteFloat] | None = key(None, description="Share of the meter named by of.")
    of: Timed[str] | None = key(None, description="Meter that the share is taken of.")
    constant_w: Timed[FiniteFloat] | None = key(None, description="Power at all times. [W]")
    uncertainty: NotNegative | None = key(None, description="Limit of error of the share.")
    uncertainty_w: NotNegative | None = key(None, description="Limit of error of the constant. [W]")
    subsystem: Timed[Subsystem] | None = key(
        None, description="Subsystem, where it is not the point's own."
    )
    fed_by: Timed[Tags] | None = key(None, description="As of meters.")
    redundant: bool = key(
        False,  # noqa: FBT003 - a default
        description="Of a sum: feeds of one load, each of which can carry all of it.",
    )


class Factor(Model):
    """Emission factor of electricity: exactly one of factor, table and series."""

    factor: NotNegative | None = key(None, description="Emissions per energy. [g/kWh]")
    table: str | None = key(None, description="Shipped table in which the zone is looked up.")
    series: File | None = key(
        None, description="CSV file (.csv, .csv.gz) with a column timestamp, beside this file."
    )
    column: str = key("g_per_kwh", description="Column of the series. [g/kWh]")
    stamps: Literal["end"] | None = key(
        None, description="Where a stamp of the series is the end of its interval; else its start."
    )
    zone: str | None = key(None, description="Zone of the grid, such as DEU.")
    year: int | None = key(None, ge=1990, le=2100, description="Year the factor stands for.")
    source: str | None = key(None, min_length=1, description="Where the factor is from.")
    accounting: Literal["lifecycle", "direct"] = key(
        "lifecycle", description="What the factor counts."
    )


class Fuel(Model):
    """Emission factor of a fuel or of district energy."""

    factor: NotNegative = Field(description="Emissions per energy content. [g/kWh]")
    year: int | None = key(None, ge=1990, le=2100, description="Year the factor stands for.")
    source: str | None = key(None, min_length=1, description="Where the factor is from.")


class Emissions(Model):
    """Factors by accounting method; a method without one gives no figure."""

    location: Timed[Factor] | None = key(None, description="Average of the grid at the site.")
    market: Timed[Factor] | None = key(None, description="Of the electricity contracts.")
    fuels: dict[Point, Timed[Fuel]] = key({}, description="By point: fuels, district energy.")


class Targets(Model):
    """What alerts compare a site's figures with; they change no figure."""

    pue: dict[Window, Timed[PueTarget]] = key({}, description="Largest PUE by window.")
    recovery: Annotated[Share, Field(lt=1)] = key(
        0.02,
        description="Share of its target by which PUE must be below it to end an alert; at most "
        "half of what the target is above 1.",
    )
    coverage: dict[Window, Timed[Share]] = key(
        {"1h": 0.95, "24h": 0.95}, description="Least coverage of a KPI by window."
    )


class Site(Model):
    """A data centre."""

    id: Id = Field(description="Short name in every figure; unique.")
    name: str | None = key(None, min_length=1, description="Name for people; default: the id.")
    zone: str = Field(description="IANA time zone of its local days.")
    rated_it_w: Timed[Positive] = Field(description="Rated IT power. [W]")
    min_it_power_w: Timed[NotNegative] | None = key(
        None, description="IT power below which ratios are undefined. [W] Default: 1 % of rated."
    )
    cell: Timed[Duration] = key("60s", description="Smallest window of its figures.")
    lateness: Duration = key("10min", description="How late a reading may come.")
    horizon: Duration = key("7d", description="How far back later readings correct figures.")
    e_dc: Timed[Literal["metered", "bottom_up"]] = key(
        "metered", description="E_DC from the boundary's meters, or summed from below."
    )
    e_dc_meters: Timed[Items[str]] | None = key(
        None, description="bottom_up: the meters summed; default: all with a part in E_DC."
    )
    imports: Timed[Items[str]] | None = key(
        None, description="Meters of imported electricity; default by the points."
    )
    energy_conversion: Timed[Literal["en50600", "tgg_wp49"]] = key(
        "en50600", description="How other carriers count in E_DC."
    )
    e_it: Timed[dict[Category, Items[str]]] | None = key(
        None, description="Meters of E_IT by PUE category; needed where points are of several."
    )
    topics: Items[Topic] = key((), description="Topic patterns of the site.")
    meters: Items[Meter] = Field(description="Physical meters.")
    derived: Items[Derived] = key((), description="Meters computed from others.")
    emissions: Emissions = key({}, description="Emission factors.")
    targets: Targets = key({}, description="What alerts compare its figures with.")


class Limits(Model):
    """What alerts compare the daemon's own health with."""

    sink_lag: Duration = key("15min", description="Age of the oldest figure a sink has to write.")
    journal_lag: Duration = key("5min", description="Age of the oldest entry not computed yet.")
    journal_fill: Annotated[Share, Field(gt=0)] = key(
        0.95, description="Share of the journal's limit that is filled."
    )


class Root(Model):
    """A configuration file."""

    data: File = key(
        Path("data"), description="Folder of journal and ledger, relative to this file's folder."
    )
    mqtt: Mqtt = key({}, description="The broker.")
    journal: Journal = key({}, description="Limits of the journal.")
    jobs: Jobs = key({}, description="Calendar jobs.")
    log: Log = key({}, description="Messages on standard error.")
    http: Http = key({}, description="Status page, JSON API, /metrics and health.")
    sinks: Items[Sink] = key((), description="Where the ledger is copied to.")
    limits: Limits = key({}, description="What alerts compare the daemon's own health with.")
    profiles: dict[Id, Profile] | None = key(
        None, description="What meters have in common, by names that they give as profile."
    )
    sites: Items[Site] = Field(description="Data centres.")
