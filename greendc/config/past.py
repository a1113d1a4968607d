"""What a configuration says of closed time that another one did not, and older ones amended."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

from greendc.calendars import rfc3339
from greendc.config import changes
from greendc.config.changes import Settled
from greendc.config.config import Config
from greendc.core.facility import EVER

KEEP = "keep it, or give the site a new id"
REFUSED = {
    "zone": f"cannot be recomputed: all days, months and years would be others; {KEEP}",
    "cell": f"cannot be recomputed: every cell would be another; {KEEP}",
    "quantity": "cannot be recomputed: set point to none and add a meter with a new id",
    "nominal": "cannot be recomputed: set point to none and add a meter with a new id",
}
GONE = "cannot be taken out of closed time: keep it, with point none from when on it feeds nothing"

Effective = Mapping[str, Any]
Path = tuple[str, ...]


class Changed(NamedTuple):
    """A key of a site whose value differs in what is settled; `open` is when it may change [ns]."""

    site: str
    path: Path
    open: int

    @property
    def key(self) -> str:
        """How people call it."""
        return f"{self.site}.{'.'.join(self.path)}"


def changed(known: Config, wanted: Config, past: Mapping[str, Settled]) -> list[Changed]:
    """Keys that differ in what is settled of sites; of those that it does not name nothing is."""
    old, new = known.effective(), wanted.effective()
    layouts = {layout.site.id: layout for layout in wanted.layouts}
    sites = {site["id"]: site for site in new["sites"]}
    found = []
    for site in old["sites"]:
        name = site["id"]
        if name not in past or name not in sites:
            continue
        was = changes.site_values(site, old["content"])
        now = changes.site_values(sites[name], new["content"])
        for path in changes.differing(was, now, past[name]):
            begin = layouts[name].change_at(past[name].before(path))
            found.append(Changed(name, path, begin))
    return found


def changed_rules(older: Iterable[Effective], wanted: Config) -> list[Changed]:
    """Rules of quality by which meters are judged otherwise than older configurations did.

    `open` says nothing: they have no date.
    """
    new = _meters(wanted.effective())
    found: dict[tuple[str, Path], None] = {}
    for effective in older:
        old = _meters(effective)
        for (site, meter), given in new.items():
            was = old.get((site, meter), given)
            keys = [key for key in changes.RULES if was.get(key) != given.get(key)]
            found |= {(site, (f"meters[{meter}]", key)): None for key in keys}
    return [Changed(site, path, EVER) for site, path in sorted(found)]


def _meters(effective: Effective) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {
        (site["id"], meter["id"]): meter for site in effective["sites"] for meter in site["meters"]
    }


def told(one: Changed) -> str:
    """A changed key and from when on it may change."""
    key, path = one.key, one.path
    if path[-1] in changes.RULES:
        return f"{key}: has no date: it holds for what comes from a reload on"
    earliest = rfc3339(one.open)
    if path == ("zone",):
        return (
            f"{key}: cannot be changed: the borders of closed days, months and years follow from "
            f"it; keep it, or give the site in its new zone a new id"
        )
    if path[-1] in changes.UNDATED:
        place = path[0]
        return (
            f"{key}: cannot be dated; from {earliest} on set {one.site}.{place}.point to none "
            f"and add a meter with a new id"
        )
    behind = ", later than any reading so far" if path[-1] in changes.READ_BY else ""
    return f"{key}: earliest allowed from is {earliest}{behind}"


def refusals(found: list[Changed], new: Effective) -> Iterator[str]:
    """Of changed keys those that cannot be recomputed, each with what to do."""
    sites = {site["id"]: site for site in new["sites"]}
    for one in found:
        place, last = one.path[0], one.path[-1]
        if last in REFUSED:
            yield f"{one.key}: {REFUSED[last]}"
        elif place.endswith("]") and _item(sites[one.site], place) is None:
            yield f"{one.site}.{place}: {GONE}"


# -- older configurations -------------------------------------------------------------------------


def amended(effective: Effective, keys: list[list[str]], by: Effective) -> dict[str, Any]:
    """An effective configuration with what another one says under some keys.

    A key is the site and the path in it. Meters that the other one has there, or that a
    value names, are added where there are none; emission factors come with their content.
    """
    out = deepcopy(dict(effective))
    sites, given = ({site["id"]: site for site in one["sites"]} for one in (out, by))
    for site, *path in keys:
        if site in sites and site in given:
            _put(sites[site], given[site], path)
    if any(path[0] == "emissions" for _, *path in keys):
        for kind in ("tables", "series"):
            fresh = [tuple(row[:2]) for row in by["content"][kind]]
            kept = [row for row in out["content"][kind] if tuple(row[:2]) not in fresh]
            out["content"][kind] = sorted([*kept, *deepcopy(by["content"][kind])])
    return out


def _put(site: dict[str, Any], given: Mapping[str, Any], path: list[str]) -> None:
    place, key = path[0], path[-1]
    if not place.endswith("]"):
        _set(site, given, path)
        _add_named(site, given, given.get(key))
        return
    source, target = _item(given, place), _item(site, place)
    if source is not None and target is not None:
        _set(target, source, [key])
        _add_named(site, given, source.get(key))
    elif source is not None and key not in changes.RULES:
        kind = place.partition("[")[0]
        site[kind] = [*site.get(kind, ()), deepcopy(source)]
        for value in source.values():
            _add_named(site, given, value)


def _set(target: dict[str, Any], source: Mapping[str, Any], path: list[str]) -> None:
    *above, key = path
    for name in above:
        target = target.setdefault(name, {})
        source = source.get(name, {})
    if key in source:
        target[key] = deepcopy(source[key])
    else:
        target.pop(key, None)


def _item(site: Mapping[str, Any], place: str) -> dict[str, Any] | None:
    """The meter or derived meter that `meters[ID]` names."""
    kind, _, name = place.removesuffix("]").partition("[")
    found: dict[str, Any] | None = next((m for m in site.get(kind, ()) if m["id"] == name), None)
    return found


def _add_named(site: dict[str, Any], given: Mapping[str, Any], value: object) -> None:
    """Add the meters that a value names and a site does not have."""
    words = set(_words(value))
    for kind in ("meters", "derived"):
        there = {meter["id"] for meter in site.get(kind, ())}
        more = [m for m in given.get(kind, ()) if m["id"] in words - there]
        if more:
            site[kind] = [*site.get(kind, ()), *deepcopy(more)]
            for meter in more:
                _add_named(site, given, list(meter.values()))


def _words(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _words(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from _words(item)
