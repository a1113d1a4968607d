"""Recorded logs and journals through the pipeline, without a broker."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from tqdm import tqdm

from greendc.app import LEDGER, Data
from greendc.calendars import rfc3339
from greendc.config import Config
from greendc.core.facility import SECOND, Site
from greendc.core.figure import Figure
from greendc.exports import write_lines
from greendc.lines import published
from greendc.pipeline import Pipeline
from greendc.ports import Entry, Event, GreendcError, RawBatch
from greendc.queries import Ledger, Whole, lines, unavailable, whole_log
from greendc.sources.recording import LogCounts, open_entries
from greendc.store import Store

COMMIT_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class Options:
    """How to replay: see `greendc replay --help`. `speed` None is as fast as it goes."""

    out: Path | None = None
    keep: Path | None = None
    speed: float | None = None
    progress: bool = False
    into_store: bool = False


@dataclass(slots=True)
class Result:
    """What a replay gave."""

    messages: int
    readings: int
    rejected: Mapping[str, int]
    sites: Mapping[str, Whole]
    plan: Sequence[Site]
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def span(self) -> tuple[int, int] | None:
        """From the first cell of any site to the end of the last."""
        starts = [w.start for w in self.sites.values() if w.start is not None]
        ends = [w.end for w in self.sites.values() if w.end is not None]
        return (min(starts), max(ends)) if starts and ends else None

    def as_json(self) -> str:
        """One object with the totals of the whole log."""
        span = self.span
        found = {
            "messages": self.messages,
            "readings": self.readings,
            "rejected": dict(sorted(self.rejected.items())),
            "from": rfc3339(span[0]) if span else None,
            "to": rfc3339(span[1]) if span else None,
            "sites": {site.id: _site(site, self.sites[site.id]) for site in self.plan},
            "warnings": self.warnings,
        }
        return orjson.dumps(found, option=orjson.OPT_INDENT_2).decode()

    def summary(self) -> str:
        """The same for people."""
        return "\n".join(
            [*self._head(), *[row for site in self.plan for row in self._site(site)], *self.notes]
        )

    def _head(self) -> Iterator[str]:
        rejected = ", ".join(f"{reason} {n}" for reason, n in sorted(self.rejected.items()))
        yield f"{self.messages} messages, {self.readings} readings; rejected: {rejected or 'none'}"
        if self.span is not None:
            yield f"from {rfc3339(self.span[0])} to {rfc3339(self.span[1])}"

    def _site(self, site: Site) -> Iterator[str]:
        yield f"\n{site.id} ({site.name})"
        kinds = {a.name: a.kind for a in self.sites[site.id].accounts.values()}
        for name, figure in self.sites[site.id].figures.items():
            if kinds[name] != "meter":
                yield "  " + _row(figure)
        for name, reason in unavailable(site).items():
            yield f"  {name:<16} {'-':>16}  {reason}"


def _row(figure: Figure) -> str:
    value = published(figure, figure.value)
    unit = {"J": "kWh", "g": "kg", "1": ""}.get(figure.unit, figure.unit)
    shown = "-" if value is None else f"{value:.6g}" if figure.unit == "1" else f"{value:,.4f}"
    doubt = published(figure, figure.uncertainty)
    around = (
        f"± {doubt:.3g}" if doubt is not None else f"± ? ({figure.doubt})" if figure.doubt else ""
    )
    category = f"category {figure.category}" if figure.category is not None else ""
    parts = [f"{shown:>16} {unit:<11}", f"coverage {figure.coverage:.4g}"]
    parts += [f"estimated {figure.estimated:.4g}"] if figure.estimated else []
    parts += [part for part in (category, figure.status, figure.reason or "", around) if part]
    return f"{figure.quantity:<16} " + "  ".join(parts)


def _site(site: Site, whole: Whole) -> dict[str, Any]:
    energy: dict[str, float | None] = {}
    kpi: dict[str, Any] = {}
    mass: dict[str, float | None] = {"location": None, "market": None}
    for name, account in whole.accounts.items():
        figure = whole.figures.get(name)
        value = (
            whole.published.get(name) if figure is not None and figure.value is not None else None
        )
        if account.kind == "kpi":
            kpi[name] = _kpi(figure)
        elif account.kind == "mass":
            mass[name.removeprefix("co2e_")] = value
        else:
            energy[name] = value
    for name, reason in unavailable(site).items():
        if name in {"e_dc", "e_it", "e_reuse"}:
            energy.setdefault(name, None)
        elif not name.startswith("co2e_"):
            kpi[name] = _absent(reason)
    return {"energy_kwh": energy, "kpi": kpi, "co2e_kg": mass}


def _kpi(figure: Figure | None) -> dict[str, Any]:
    if figure is None:
        return _absent("no_data")
    return {
        "value": figure.value,
        "category": figure.category,
        "coverage": figure.coverage,
        "estimated_share": figure.estimated,
        "uncertainty": figure.uncertainty,
        "status": figure.status,
        "reason": _reason(figure),
    }


def _reason(figure: Figure) -> str | None:
    """One word: why there is no value, what makes it less than whole, or why its doubt is not known."""
    if figure.status == "estimated" and figure.doubt is not None:
        return figure.doubt
    return figure.reason or figure.doubt


def _absent(reason: str) -> dict[str, Any]:
    keys = ("value", "category", "coverage", "estimated_share", "uncertainty")
    return {**dict.fromkeys(keys), "status": "undefined", "reason": reason}


# -- replaying ------------------------------------------------------------------------------------


def replay(logs: Sequence[Path], config: Config | None, options: Options) -> Result:
    """Run logs, one after the other, through the pipeline into a ledger, and end the input."""
    with ExitStack() as stack:
        counts = LogCounts()
        entries = _entries(logs, counts, options, stack)
        if options.into_store:
            return _into_store(entries, config, counts, options, stack)
        folder = _folder(stack, options.keep)
        first, entries = _first_config(entries, config)
        store = Store(folder / LEDGER, durable=options.keep is not None)
        stack.callback(store.close)
        pipeline = Pipeline(first, store, pinned=config is not None)
        _feed(pipeline, entries)
        result = _result(folder, pipeline, counts, options)
        if config is not None and counts.configs:
            result.notes.append("the configuration given stood in for those in the log")
        return result


def _feed(pipeline: Pipeline, entries: Iterable[Entry]) -> None:
    number = 1
    for entry in entries:
        pipeline.handle(number, entry)
        number += len(entry) if isinstance(entry, RawBatch) else 1
        if pipeline.written > COMMIT_ROWS:
            pipeline.commit()
    pipeline.handle(number, Event("end", pipeline.last_arrival or 0))
    pipeline.commit()


def _first_config(
    entries: Iterator[Entry], config: Config | None
) -> tuple[Config, Iterator[Entry]]:
    """The configuration to begin with: the one given, or the log's own first one."""
    if config is not None:
        return config, entries
    for entry in entries:
        if isinstance(entry, Event) and entry.kind == "config":
            return Config.from_effective(entry.data["effective"]), entries
        break
    message = (
        "the log does not begin with a configuration (it is no journal); give one with -c FILE"
    )
    raise GreendcError(message)


def _into_store(
    entries: Iterator[Entry],
    config: Config | None,
    counts: LogCounts,
    options: Options,
    stack: ExitStack,
) -> Result:
    if config is None:
        message = "--into-store needs the configuration of the data folder: -c FILE"
        raise GreendcError(message)
    data = Data(config, config.data, stack)
    for entry in entries:
        if isinstance(entry, RawBatch) or entry.kind in {"session_lost", "entry"}:
            data.worker.take([entry])
    data.worker.take([Event("end", time.time_ns())])
    data.worker.commit()
    return _result(config.data, data.worker.pipeline, counts, options)


def _folder(stack: ExitStack, keep: Path | None) -> Path:
    if keep is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="greendc-")))
    if (keep / LEDGER).exists():
        message = f"{keep}: holds a ledger already; give an empty folder"
        raise GreendcError(message)
    keep.mkdir(parents=True, exist_ok=True)
    return keep


def _entries(
    logs: Sequence[Path], counts: LogCounts, options: Options, stack: ExitStack
) -> Iterator[Entry]:
    for path in logs:
        if not path.exists():
            message = f"{path}: no such file"
            raise GreendcError(message)
    total = sum(path.stat().st_size for path in logs)
    bar = stack.enter_context(
        tqdm(total=total, unit="B", unit_scale=True, disable=not options.progress, file=sys.stderr)
    )
    pace = _Pace(options.speed)
    base = 0
    for path in logs:
        for entry in open_entries(path, _upto(bar, base), counts):
            pace.wait(entry)
            yield entry
        base += path.stat().st_size


def _upto(bar: "tqdm[Any]", base: int) -> Callable[[int], None]:
    def move(position: int) -> None:
        bar.update(max(0, base + position - bar.n))

    return move


class _Pace:
    """Sleeps so that arrivals keep their distance, divided by the speed."""

    def __init__(self, speed: float | None) -> None:
        self.speed, self.began = speed, time.monotonic()
        self.first: int | None = None

    def wait(self, entry: Entry) -> None:
        if self.speed is None:
            return
        arrival = entry.arrivals[-1] if isinstance(entry, RawBatch) else entry.arrival
        self.first = arrival if self.first is None else self.first
        due = self.began + (arrival - self.first) / SECOND / self.speed
        time.sleep(max(0.0, due - time.monotonic()))


def _result(folder: Path, pipeline: Pipeline, counts: LogCounts, options: Options) -> Result:
    sites = pipeline.plan.sites
    with Ledger(folder / LEDGER) as ledger:
        wholes = {site.id: whole_log(ledger, site) for site in sites}
        tally = ledger.tally("")
        readings = sum(ledger.tally(site.id).get("readings", 0) for site in sites)
        if options.out is not None:
            write_lines(options.out, lines(ledger, sites), progress=options.progress)
    rejected = {
        k.removeprefix("rejected:"): n for k, n in tally.items() if k.startswith("rejected:")
    }
    rejected.update(counts.bad)
    result = Result(tally.get("messages", 0), readings, rejected, wholes, sites)
    result.warnings = pipeline.config.warnings(result.span)
    return result
