"""Every Prometheus series that greendc publishes: its name, type, labels and meaning.

Names are an interface: to rename or remove one, or one of its labels, breaks dashboards and
alerts. dashboards/METRICS.md is made from this table and from `METRICS`.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from greendc.core.metrics import METRICS, Metric, reference

GAUGE, COUNTER, INFO = "gauge", "counter", "info"
METER = ("site", "meter", "point", "room", "carrier")
PLACE = ("site", "meter", "point", "room", "rack")
TOTAL = ("site", "point", "subsystem")
KPI = ("site", "kpi", "window")
WINDOWS = {
    "hour": "1h",
    **{name: name for name in ("24h", "7d", "30d", "12mo", "day", "month", "year")},
}
"""The label `window` of each period that is published. Cells and whole logs are not."""


class Series(NamedTuple):
    """A family of series; where there is a unit its name ends in it (`_total` apart)."""

    name: str
    type: str
    labels: tuple[str, ...]
    unit: str
    meaning: str

    @property
    def stem(self) -> str:
        """The name without the suffix that belongs to its type."""
        return self.name.removesuffix("_total").removesuffix("_info")


def _gauge(name: str, labels: tuple[str, ...], meaning: str, unit: str | None = None) -> Series:
    return Series(name, GAUGE, labels, name.rpartition("_")[2] if unit is None else unit, meaning)


def _counter(name: str, labels: tuple[str, ...], meaning: str, unit: str = "") -> Series:
    return Series(name, COUNTER, labels, unit, meaning)


def kpi_gauge(metric: Metric) -> Series:
    """The series of a metric."""
    return _gauge(metric.series, metric.labels, metric.meaning, metric.suffix)


# -- what meters say ------------------------------------------------------------------------------

POWER = _gauge("greendc_power_watts", METER, "Power of a meter, as it said last.")
SITE_POWER = _gauge(
    "greendc_site_power_watts",
    TOTAL,
    "Power of a total or derived meter, out of what its meters said last. `point` is e_dc, e_it, "
    "e_it_cat1 …, e_reuse, `subsystem` for the subsystems, or the derived meter's id.",
)
REDUNDANT = _gauge(
    "greendc_load_redundant",
    ("site", "load"),
    "1 where at least two feeds of a load carry it now, 0 where one does; no sample where none "
    "does, or where that hangs on a feed that is silent.",
    "",
)
READ: dict[str, Series] = {
    "temperature": _gauge("greendc_temperature_celsius", PLACE, "Temperature."),
    "temperature_difference": _gauge(
        "greendc_temperature_difference_celsius", PLACE, "Difference of two temperatures."
    ),
    "humidity": _gauge("greendc_relative_humidity_ratio", PLACE, "Relative humidity."),
    "voltage": _gauge("greendc_voltage_volts", PLACE, "Voltage at a point that is not DC."),
    "current": _gauge("greendc_current_amperes", PLACE, "Current."),
    "resistance": _gauge("greendc_resistance_ohms", PLACE, "Resistance."),
    "flow": _gauge(
        "greendc_flow_cubic_meters_per_second", PLACE, "Flow.", "cubic_meters_per_second"
    ),
    "pressure": _gauge("greendc_pressure_pascals", PLACE, "Pressure."),
    "speed": _gauge("greendc_speed_ratio", PLACE, "Speed as a share of the full one."),
    "state": _gauge("greendc_state", PLACE, "State, as the device counts it.", ""),
}
DC_VOLTAGE = _gauge(
    "greendc_dc_voltage_volts", PLACE, "Voltage of a DC bus, or of a pole to earth."
)
DC_POINTS = ("u_dc", "u_pole_pe")
LAST_SAMPLE = _gauge(
    "greendc_last_sample_timestamp_seconds", ("site", "meter"), "Event time of the latest reading."
)
SILENT_AFTER = _gauge(
    "greendc_meter_silent_after_seconds", ("site", "meter"), "Age at which a reading is stale."
)
SITE_TIME = _gauge(
    "greendc_site_time_seconds",
    ("site",),
    "The site's time: the wall clock, or in a demo or replay the largest event time.",
)
READINGS = _counter(
    "greendc_readings_total", ("site", "meter", "outcome"), "Readings accepted since the start."
)
SITE_READINGS = _counter(
    "greendc_site_readings_total",
    ("site", "outcome"),
    "Readings in the ledger's life: all accepted ones, how many of them were late, out of order or "
    "ahead of greendc's clock, and what became of them (used, duplicate, conflict …); the others "
    "are still open.",
)
QUARANTINED = _counter(
    "greendc_quarantined_readings_total",
    ("site", "reason"),
    "Readings in the ledger's life that no figure rests on, by what spoke against them.",
)
LEFT_OUT = _counter(
    "greendc_meter_left_out_readings_total",
    ("site", "meter", "reason"),
    "Readings of a meter in the ledger's life that no figure rests on, refused or quarantined, by "
    "what spoke against them.",
)
REFUSING = _gauge(
    "greendc_meter_refusing_since_timestamp_seconds",
    ("site", "meter", "reason"),
    "Since when every reading of a meter has been left out; no sample where the last is believed.",
)
REGISTER_EVENTS = _counter(
    "greendc_register_events_total",
    ("site", "event"),
    "Readings of registers in the ledger's life that were a dip, reset, rollover, replacement, "
    "jump or lap.",
)

# -- what the ledger says -------------------------------------------------------------------------

ENERGY = _counter(
    "greendc_energy_joules_total",
    (*METER, "direction"),
    "Energy of closed cells since the start: `in` sums positive cells, `out` negative ones.",
    "joules",
)
SITE_ENERGY = _counter(
    "greendc_site_energy_joules_total",
    (*TOTAL, "direction"),
    "Energy of closed cells of totals and derived meters since the start.",
    "joules",
)
REVISED = _gauge(
    "greendc_energy_revised_joules",
    ("site", "meter"),
    "Net of all revisions of closed cells since the start; never inside the counter.",
)
SITE_REVISED = _gauge(
    "greendc_site_energy_revised_joules", TOTAL, "As for a meter, of totals and derived meters."
)
EMISSIONS = _counter(
    "greendc_emissions_grams_total",
    ("site", "scope", "method"),
    "CO2e of closed cells since the start. `scope` is 1, 2 or, where both are in the sum, 1+2.",
    "grams",
)
EMISSIONS_REVISED = _gauge(
    "greendc_emissions_revised_grams", ("site", "method"), "Net of all revisions since the start."
)
INTENSITY = _gauge(
    "greendc_grid_carbon_intensity_grams_per_kilowatt_hour",
    ("site", "zone", "kind", "tier"),
    "Emission factor of the grid at the site's time. `kind` is lifecycle or direct; `tier` is 1 "
    "for a value of the same day, 3 of the month, 4 of the year, 5 for another constant.",
    "grams_per_kilowatt_hour",
)
KPI_COVERAGE = _gauge(
    "greendc_kpi_coverage_ratio",
    KPI,
    "Share of the window in which all that a KPI needs was known.",
)
KPI_ESTIMATED = _gauge(
    "greendc_kpi_estimated_ratio", KPI, "Estimated share of a KPI's most affected term."
)
KPI_DISTRIBUTED = _gauge(
    "greendc_kpi_distributed_ratio",
    KPI,
    "Share of a KPI's most affected term whose energy a register has counted, but not when.",
)
KPI_UNCERTAINTY = _gauge(
    "greendc_kpi_uncertainty_ratio", KPI, "Expanded uncertainty (k = 2) of a KPI, relative."
)
KPI_PROVISIONAL = _gauge(
    "greendc_kpi_provisional_ratio",
    KPI,
    "What a KPI without unit would be if the running hour (1h) or local day (day) ended now; no "
    "figure of the ledger.",
)
KPI_STATUS = Series(
    "greendc_kpi_status_info",
    INFO,
    (*KPI, "status", "reason"),
    "",
    "Status of the newest figure, and why it is not ok.",
)
KPI_UNDEFINED = _counter(
    "greendc_kpi_undefined_total", (*KPI, "reason"), "Figures without a value since the start."
)
WINDOW_END = _gauge(
    "greendc_window_end_timestamp_seconds", ("site", "window"), "End of the newest closed window."
)
TARGET = _gauge(
    "greendc_target_ratio",
    KPI,
    "What alerts compare with, from the site file: `kpi` is pue (at most) or coverage (at least).",
)
RECOVERY = _gauge(
    "greendc_target_recovery_ratio", KPI, "Where an alert about a target ends, once it has begun."
)

NODE = ("site", "node")
BALANCE_DIFFERENCE = _gauge(
    "greendc_balance_difference_ratio",
    NODE,
    "What went into a node of the power chain in the newest hour and did not come out, as a share "
    "of the larger side; negative where more came out. Losses are in it.",
)
BALANCE_MISSING = _gauge(
    "greendc_balance_difference_watts",
    NODE,
    "The same difference as mean power of the newest hour; negative where more came out.",
)
BALANCE_TOLERANCE = _gauge(
    "greendc_balance_tolerance_ratio",
    NODE,
    "What of that difference the classes of the meters allow, beyond losses (k = 2).",
)
BALANCE_JUDGED = _gauge(
    "greendc_balance_judged",
    NODE,
    "1 where a node was judged in the newest hour, 0 where a meter was not known, or too little "
    "flowed to compare.",
    "",
)
BALANCE_OFF = _gauge(
    "greendc_balance_off",
    NODE,
    "1 where a node was out of balance in the newest hour, 0 where it was in balance.",
    "",
)
FINDINGS = _gauge(
    "greendc_balance_findings",
    ("site", "kind"),
    "Findings of the balance check in the newest hour: factor, sign, phase, twice (counted at two "
    "nodes), direction (import and export taken for each other), exchanged (two meters show each "
    "other's readings), register_power_mismatch (over 2 % apart in the last whole day), undecided "
    "(something without a meter explains it as well as a meter that is read wrongly) or "
    "unexplained.",
    "",
)
FINDING = Series(
    "greendc_balance_finding_info",
    INFO,
    ("site", "node", "kind", "meter", "multiplier", "other"),
    "",
    "A finding of the newest hour: the first of its nodes, and the meter that explains it best "
    "with the multiplier that would put it right, or the other meter that it is taken for; of a "
    "register and its power: these.",
)
TOLD = ("site", "node", "kind", "meter")
FINDING_MISSING = _gauge(
    "greendc_balance_finding_missing_ratio",
    TOLD,
    "What is missing behind the inputs of a finding's first node, as a share of the larger side: "
    "median of the hours that show it; negative where more comes out. Of a register and its power: "
    "what the power counts less than the register.",
)
FINDING_WATTS = _gauge(
    "greendc_balance_finding_missing_watts", TOLD, "The same as power, where a node tells it."
)
FINDING_CORRECTED = _gauge(
    "greendc_balance_finding_corrected_ratio",
    TOLD,
    "What would be missing there with what explains it best put right: evidence for that.",
)
FINDING_SHORT = _gauge(
    "greendc_balance_finding_meter_short_watts",
    TOLD,
    "What the meter of a finding shows too little, where a multiplier would put it right; negative "
    "where it shows too much.",
)
FINDING_WORTH = _gauge(
    "greendc_balance_finding_worth_ratio",
    TOLD,
    "kWh at the node for each that the meter of a finding shows, from hour to hour, where that is "
    "the evidence: 1 of a meter that is read rightly.",
)
FINDING_SINCE = _gauge(
    "greendc_balance_finding_since_timestamp_seconds",
    TOLD,
    "Begin of the oldest hour that shows a finding, of the last 24.",
)

# -- how the daemon does --------------------------------------------------------------------------

MESSAGES = _counter(
    "greendc_messages_total", ("outcome",), "Messages delivered: received, or redelivered."
)
REJECTED = _counter(
    "greendc_rejected_total", ("reason",), "Messages, or readings in them, that were refused."
)
LOST = _counter(
    "greendc_lost_messages_total",
    ("qos",),
    "Messages read from the broker and neither journalled nor delivered again, as the last audit "
    "knows of.",
)
DROPPED = _counter(
    "greendc_broker_dropped_messages_total",
    (),
    "Messages that the broker says it has dropped since greendc listens to it, of all its clients.",
)
BALANCED = _gauge(
    "greendc_accounts_balanced",
    ("account", "about"),
    "1 where an equation of the last audit holds, else 0. `about` is a site, a sink or a QoS.",
    "",
)
AUDITED = _gauge("greendc_accounts_audited_timestamp_seconds", (), "When the last audit was.")
INBOX = _gauge("greendc_inbox_messages", (), "Messages read and not journalled yet.", "")
CONNECTED = _gauge("greendc_broker_connected", (), "1 while connected to the broker, else 0.", "")
BULK_READ = _gauge(
    "greendc_bulk_read", (), "1 where messages are read in bulk, 0 where one by one.", ""
)
JOURNAL_BYTES = _gauge("greendc_journal_bytes", (), "Size of the journal.")
JOURNAL_LIMIT = _gauge("greendc_journal_limit_bytes", (), "Size at which greendc stops reading.")
JOURNAL_FULL = _gauge("greendc_journal_full", (), "1 while nothing is read for lack of room.", "")
JOURNAL_LAG = _gauge(
    "greendc_journal_lag_seconds", (), "Age of the oldest entry that is in no committed ledger."
)
SINK_LAG = _gauge(
    "greendc_sink_lag_seconds", ("sink",), "Age of the oldest figure that a sink has not written."
)
SINK_PENDING = _gauge("greendc_sink_pending_rows", ("sink",), "Figures not written yet.", "")
SINK_FAILING = _gauge("greendc_sink_failing", ("sink",), "1 where the last try failed.", "")
JOB_FAILING = _gauge(
    "greendc_job_failing", ("task",), "1 where a calendar job's last run failed.", ""
)
JOB_SUCCESS = _gauge(
    "greendc_job_last_success_timestamp_seconds",
    ("task",),
    "When a calendar job last succeeded; that of a backup outlives a restart.",
)
SINK_LAG_LIMIT = _gauge(
    "greendc_sink_lag_limit_seconds", (), "Lag at which an alert begins, from the configuration."
)
JOURNAL_LAG_LIMIT = _gauge(
    "greendc_journal_lag_limit_seconds", (), "As for a sink's lag, of the journal."
)
JOURNAL_FILL_LIMIT = _gauge(
    "greendc_journal_fill_limit_ratio", (), "Filled share of the journal at which an alert begins."
)
START_TIME = _gauge("greendc_start_time_seconds", (), "When the process started.")
BUILD = Series("greendc_build_info", INFO, ("version",), "", "Version of greendc.")

SERIES: tuple[Series, ...] = (
    *(POWER, SITE_POWER, REDUNDANT, *READ.values(), DC_VOLTAGE),
    *(LAST_SAMPLE, SILENT_AFTER, SITE_TIME, READINGS, SITE_READINGS),
    *(QUARANTINED, LEFT_OUT, REFUSING, REGISTER_EVENTS),
    *(ENERGY, SITE_ENERGY, REVISED, SITE_REVISED, EMISSIONS, EMISSIONS_REVISED, INTENSITY),
    *(kpi_gauge(metric) for metric in METRICS),
    *(KPI_COVERAGE, KPI_ESTIMATED, KPI_DISTRIBUTED, KPI_UNCERTAINTY, KPI_PROVISIONAL),
    *(KPI_STATUS, KPI_UNDEFINED),
    WINDOW_END,
    *(BALANCE_DIFFERENCE, BALANCE_TOLERANCE, BALANCE_JUDGED, BALANCE_OFF, FINDINGS, FINDING),
    *(BALANCE_MISSING, FINDING_MISSING, FINDING_WATTS, FINDING_CORRECTED, FINDING_SHORT),
    *(FINDING_WORTH, FINDING_SINCE),
    *(TARGET, RECOVERY, MESSAGES, REJECTED, LOST, DROPPED, BALANCED, AUDITED),
    *(INBOX, CONNECTED, BULK_READ),
    *(JOURNAL_BYTES, JOURNAL_LIMIT, JOURNAL_FULL, JOURNAL_LAG),
    *(SINK_LAG, SINK_PENDING, SINK_FAILING, JOB_FAILING, JOB_SUCCESS),
    *(SINK_LAG_LIMIT, JOURNAL_LAG_LIMIT, JOURNAL_FILL_LIMIT, START_TIME, BUILD),
)

# -- names of figures -----------------------------------------------------------------------------


@lru_cache
def kpi_of(quantity: str) -> tuple[Metric, dict[str, str]] | None:
    """The metric of a figure and the labels that its name gives; None where it is no KPI.

    >>> metric, labels = kpi_of("ppue_cooling") or (None, None)
    >>> print(metric.series, labels)
    greendc_partial_pue_ratio {'subsystem': 'cooling'}
    """
    for metric in METRICS:
        found = re.fullmatch(rf"(i?){metric.name}(?:_(\w+))?", quantity)
        if found is not None:
            return metric, dict(_own_labels(metric, *found.groups()))
    return None


def _own_labels(metric: Metric, interim: str, key: str | None) -> Iterator[tuple[str, str]]:
    if "kind" in metric.labels:
        yield "kind", "pue" if metric.name == "pue" and not interim else "ipue"
    if key is not None and metric.over in {"subsystem", "method"}:
        yield metric.over, key


# -- METRICS.md -----------------------------------------------------------------------------------

HEADING = """
## Prometheus

What `/metrics` shows: the newest snapshots; a scrape changes nothing. Stale meters and undefined
KPIs have no sample: never 0, never the last value. A label that is empty is as if it were not
there. `window` is 1h, 24h, 7d, 30d, 12mo (rolling), day, month or year; cells are not shown.
Counters of energy and emissions begin at 0 with the process. Prometheus keeps what was the newest
figure at each scrape; corrections of the past stand in the ledger and in stores that copy it.

| series | type | labels | unit | meaning |
| --- | --- | --- | --- | --- |
"""


def metrics_page() -> str:
    """The text of dashboards/METRICS.md.

    >>> print(metrics_page().splitlines()[0])
    # Metrics
    """
    return reference() + HEADING + "\n".join(_row(series) for series in SERIES) + "\n"


def _row(series: Series) -> str:
    labels, unit = ", ".join(series.labels), series.unit.replace("_", " ")
    return f"| `{series.name}` | {series.type} | {labels} | {unit} | {series.meaning} |"
