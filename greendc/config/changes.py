"""What of a configuration decides figures, and what a reload changes of the past."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from greendc.config.factors import held_before
from greendc.config.routes import pattern_filter
from greendc.config.scalars import instant
from greendc.core.facility import EVER

# for people and alerts: no figure rests on them
LABELS = ("name", "room", "rack", "targets", "redundant")
READING = ("tag", "topic", "codec", "value", "time_at", "unit_at", "time", "time_zone", "sentinels")
ONWARD = (
    *("range", "rating_w", "class", "silent_after", "uncertainty", "uncertainty_w"),
    *("spike", "rate_per_min", "frozen_after", "siblings", "fed_by"),
    "fill_uncertainty",
)
# of a meter: what speaks against its readings
RULES = ("range", "rating_w", "sentinels", "spike", "rate_per_min", "frozen_after", "siblings")
READ_BY = ("multiplier", "unit")  # of a meter: what has been read stays as it was read
UNDATED = ("quantity", "kind", "nominal", "max_gap", "register", "shape", "fill")
SITE_ONWARD = ("lateness", "horizon", "topics")


class WithContent(NamedTuple):
    """A factor together with what its table or file says."""

    factor: Any
    rows: list[Any]
    series: list[Any]


class Settled(NamedTuple):
    """What of a site's past a reload leaves as it is, up to two times [ns].

    Cells that begin before `cells` are closed, and the newest reading so far is of `read`.
    """

    cells: int = -EVER
    read: int = -EVER

    def before(self, path: tuple[str, ...]) -> int:
        """Before when what stands at a path must stay as it is.

        >>> Settled(60, 75).before(("meters[a]", "point"))
        60
        >>> Settled(60, 75).before(("meters[a]", "unit"))
        76
        """
        return max(self.cells, self.read + 1) if path[-1] in READ_BY else self.cells


def settled(states: Mapping[str, Mapping[str, Any]]) -> dict[str, Settled]:
    """Of each site that has read anything, by the state that its ledger keeps."""
    return {
        site: Settled(-EVER if kept["origin"] is None else kept["watermark"], kept["newest"])
        for site, kept in states.items()
        if kept["newest"] > -EVER
    }


Steps = list[tuple[int, Any]]
Values = dict[tuple[str, ...], Steps]


def subscribed(effective: Mapping[str, Any]) -> set[str]:
    """Topic filters that a daemon with an effective configuration may have subscribed."""
    found = [
        item for site in effective["sites"] for key in ("topics", "meters") for item in site[key]
    ]
    return {pattern_filter(item["topic"]) for item in found if "topic" in item}


# -- values in time ---------------------------------------------------------------------------


def steps_of(given: Any) -> Steps:
    """A value of an effective configuration as (start [ns], value) pairs.

    >>> steps_of(5)[0][1]
    5
    """
    if isinstance(given, list) and given and all(_dated(item) for item in given):
        starts = [instant(i["from"]) if "from" in i else -EVER for i in given]
        return [(start, item["value"]) for start, item in zip(starts, given, strict=True)]
    return [(-EVER, given)]


def _dated(item: object) -> bool:
    return isinstance(item, dict) and "value" in item and set(item) <= {"from", "value"}


def site_values(site: Mapping[str, Any], content: Mapping[str, Any]) -> Values:
    """Everything of a site that decides closed figures, by its path.

    A meter that stands at no point decides nothing, so it is as if it were not there.
    """
    found: Values = {}
    skipped = (*LABELS, *SITE_ONWARD, "id", "meters", "derived", "emissions")
    for key, given in site.items():
        if key not in skipped:
            found[key,] = steps_of(given)
    for kind in ("meters", "derived"):
        for meter in site.get(kind, ()):
            found |= _meter_values(kind, meter)
    for path, given in _emissions(site.get("emissions", {})):
        found[path] = [(start, _with_content(v, content)) for start, v in steps_of(given)]
    return found


def _meter_values(kind: str, meter: Mapping[str, Any]) -> Values:
    skipped = (*LABELS, *READING, *ONWARD, "id")
    place = f"{kind}[{meter['id']}]"
    found: Values = {
        (place, key): steps_of(given) for key, given in meter.items() if key not in skipped
    }
    if "replaced" in meter:
        exchanged = [(instant(one["at"]), one) for one in meter["replaced"]]
        found[place, "replaced"] = [(-EVER, None), *exchanged]
    return found


def _emissions(given: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in given.items():
        if key == "fuels":
            for point, fuel in value.items():
                yield ("emissions", "fuels", point), fuel
        else:
            yield ("emissions", key), value


def _with_content(factor: Any, content: Mapping[str, Any]) -> Any:
    """A factor together with what its table or file says."""
    rows = [
        row for row in content["tables"] if row[:2] == [factor.get("table"), factor.get("zone")]
    ]
    name = [factor.get("series"), factor.get("column")]
    series = [found for found in content["series"] if found[:2] == name]
    return WithContent(factor, rows, series)


# -- before and after -------------------------------------------------------------------------


def differing(old: Values, new: Values, past: Settled) -> list[tuple[str, ...]]:
    """Paths whose value differs in what is settled, where both know the meter.

    Of a meter that only one of them has, just its point counts: a new meter may
    stand at no point before.
    """
    places = {path[0] for path in old} & {path[0] for path in new}
    found = []
    for path in dict.fromkeys((*old, *new)):
        absent: Steps = [(-EVER, None)]
        if path[0] not in places and path[0].endswith("]"):
            absent = [(-EVER, "none")]
            if path[-1] != "point":
                continue
        before = past.before(path)
        was, now = (_clipped(_as_of(v.get(path, absent), before), before) for v in (old, new))
        if was != now:
            found.append(path)
    return found


def _as_of(steps: Steps, before: int) -> Steps:
    """Steps whose series say only what holds before an instant: rows behind it may be added."""
    return [(start, _cut(value, before)) for start, value in steps]


def _cut(value: Any, before: int) -> Any:
    if not isinstance(value, WithContent):
        return value
    ends = value.factor.get("stamps") == "end"
    series = [held_before(text, before, ends=ends) for _, _, text in value.series]
    return value.factor, value.rows, series


def _clipped(steps: Steps, before: int) -> Steps:
    """What holds before an instant, without steps that change nothing."""
    out: Steps = []
    for start, value in steps:
        if start < before and (not out or out[-1][1] != value):
            out.append((start, value))
    if out and out[0][1] is None:
        del out[0]
    return out
