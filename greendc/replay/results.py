"""What a replay gave, as one JSON object and for people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import orjson

from greendc.calendars import rfc3339
from greendc.core.facility import DAY, Site
from greendc.core.figure import Figure
from greendc.core.touched import runs
from greendc.findings import VERDICTS, Lasting, not_judged, record, text
from greendc.lines import PUBLISHED, published
from greendc.queries import Whole, unavailable


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
    doubts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    findings: list[Lasting] = field(default_factory=list)
    hours: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    lacking: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    left_out: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)

    @property
    def span(self) -> tuple[int, int] | None:
        """From the first cell of any site to the end of the last."""
        starts = [w.start for w in self.sites.values() if w.start is not None]
        ends = [w.end for w in self.sites.values() if w.end is not None]
        return (min(starts), max(ends)) if starts and ends else None

    @property
    def stretches(self) -> tuple[tuple[int, int], ...]:
        """What of that span any site has cells for."""
        return runs((span for whole in self.sites.values() for span in whole.spans), apart=0)

    def silences(self) -> Iterator[str]:
        """In words, the long silences in which a site has no cells."""
        for name, whole in self.sites.items():
            for (_, last), (first, _) in pairwise(whole.spans):
                yield (
                    f"{name}: nothing was heard from {rfc3339(last)} to {rfc3339(first)} "
                    f"({(first - last) / DAY:,.0f} days): there are no cells in between, and the "
                    "coverage of the whole log counts this time as missing"
                )

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
            "findings": [record(one) for one in self.findings],
            "warnings": self.warnings,
        }
        return orjson.dumps(found, option=orjson.OPT_INDENT_2).decode()

    def balance(self) -> str:
        """Whether what the meters counted adds up, for people."""
        lines = ["Does it add up?"]
        for site, nodes in self.hours.items():
            for name, states in nodes.items():
                told = ", ".join(f"{n} h {VERDICTS[state]}" for state, n in sorted(states.items()))
                lines.append(f"  {site}: {name}: {told}")
                if lost := self.lacking.get(site, {}).get(name):
                    lines.append(f"    {not_judged(self._lacking(site, lost))}")
            if not nodes:
                lines.append(f"  {site}: nothing to compare: no hour in which two stages are known")
        if not self.findings:
            return "\n".join([*lines, "No findings."])
        found = [f"  {number}. {text(one)}." for number, one in enumerate(self.findings, 1)]
        return "\n".join([*lines, "Findings", *found])

    def _lacking(self, site: str, hours: Mapping[str, int]) -> Iterator[str]:
        """Meters by the hours for which they are not known, and why readings were left out."""
        for meter in sorted(hours, key=lambda meter: -hours[meter]):
            words = self.left_out.get(site, {}).get(meter, {})
            told = [f"{number} h {word.replace('_', ' ')}" for word, number in words.items()]
            left = f"; left out: {', '.join(told)}" if told else ""
            yield f"{meter} ({hours[meter]} h{left})"

    def balance_json(self) -> str:
        """The same as one JSON object."""
        found = {
            "nodes": self.hours,
            "lacking": self.lacking,
            "left_out": self.left_out,
            "findings": [record(one) for one in self.findings],
            "warnings": self.doubts,
            "problems": self.problems,
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
        whole = self.sites[site.id]
        yield f"\n{site.id} ({site.name})"
        yield HEAD
        for name, figure in whole.figures.items():
            if whole.accounts[name].kind != "meter":
                yield _row(figure, whole.value(name))
        for name, reason in unavailable(site).items():
            yield _line(name, "-", status=f"undefined ({reason})")


def _line(  # noqa: PLR0913 - the columns of a table
    name: str,
    value: str,
    *,
    unit: str = "",
    coverage: str = "",
    estimated: str = "",
    category: str = "",
    uncertainty: str = "",
    status: str = "",
) -> str:
    row = f"  {name:<18} {value:>14} {unit:<11} {coverage:<9} {estimated:<10} {category:<9} "
    return f"{row}{uncertainty:<17} {status}".rstrip()


HEAD = _line(
    "figure",
    "value",
    coverage="coverage",
    estimated="estimated",
    category="category",
    uncertainty="uncertainty",
    status="status",
)


def _row(figure: Figure, value: float | None) -> str:
    unit = "" if figure.unit == "1" else PUBLISHED.get(figure.unit, (figure.unit,))[0]
    shown = "-" if value is None else f"{value:,.{4 if figure.unit in PUBLISHED else 6}f}"
    doubt = published(figure, figure.uncertainty)
    unknown = f"? ({figure.doubt})" if figure.doubt else ""
    return _line(
        figure.quantity,
        shown,
        unit=unit,
        coverage=f"{figure.coverage:.4g}",
        estimated=f"{figure.estimated:.4g}" if figure.estimated else "",
        category="" if figure.category is None else str(figure.category),
        uncertainty=unknown if doubt is None else f"± {doubt:.3g}",
        status=f"{figure.status} ({figure.reason})" if figure.reason else figure.status,
    )


def _site(site: Site, whole: Whole) -> dict[str, Any]:
    energy: dict[str, float | None] = {}
    kpi: dict[str, Any] = {}
    mass: dict[str, float | None] = {"location": None, "market": None}
    shares: dict[str, dict[str, float]] = {}
    for name, account in whole.accounts.items():
        figure = whole.figures.get(name)
        value = whole.value(name)
        if account.kind == "kpi":
            kpi[name] = _kpi(figure)
        elif account.kind == "mass":
            mass[name.removeprefix("co2e_")] = value
        else:
            energy[name] = value
        if account.kind != "kpi" and figure is not None and figure.value is not None:
            shares[name] = figure.shares._asdict()
    for name, reason in unavailable(site).items():
        if name in {"e_dc", "e_it", "e_reuse"}:
            energy.setdefault(name, None)
        elif not name.startswith("co2e_"):
            kpi[name] = _absent(reason)
    return {"energy_kwh": energy, "kpi": kpi, "co2e_kg": mass, "shares": shares}


def _kpi(figure: Figure | None) -> dict[str, Any]:
    if figure is None:
        return _absent("no_data")
    return {
        "value": figure.value,
        "category": figure.category,
        "coverage": figure.coverage,
        "estimated_share": figure.estimated,
        "shares": figure.shares._asdict(),
        "uncertainty": figure.uncertainty,
        "status": figure.status,
        "reason": _reason(figure),
    }


def _reason(figure: Figure) -> str | None:
    """One word: why there is no value, why it is not whole, or why its doubt is not known."""
    if figure.status == "estimated" and figure.doubt is not None:
        return figure.doubt
    return figure.reason or figure.doubt


def _absent(reason: str) -> dict[str, Any]:
    keys = ("value", "category", "coverage", "estimated_share", "shares", "uncertainty")
    return {**dict.fromkeys(keys), "status": "undefined", "reason": reason}
