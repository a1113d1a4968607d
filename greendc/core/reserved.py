"""Names that figures have, so that no meter can have them."""

from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np

from greendc.core.accounts import book
from greendc.core.facility import EVER, MINUTE, Epoch, Intensity, Kind, Meter, Site
from greendc.core.metrics import METRICS, names
from greendc.core.quantities import POINTS, SUBSYSTEMS

_METER = " "  # no id is blank
_PAIRS = ((_METER, 1.0),)
_CATEGORIES = tuple(sorted({p.category for p in POINTS.values() if p.category is not None}))


@cache
def reserved(methods: tuple[str, ...]) -> frozenset[str]:
    """Names of all figures that a site can have beside its meters', whatever is metered.

    `methods` are the accounting methods of emissions. The names follow from what is laid
    out for a site that has everything and from `METRICS`: a new metric is among them.

    Examples
    --------
    >>> {"e_dc", "ppue_cooling", "co2e_location"} <= reserved(("location",))
    True
    """
    site = _everything(methods)
    laid = {account.name for account in book(site, site.epochs[0]).accounts}
    return frozenset({*laid, *_of_metrics(methods)} - {_METER})


def _of_metrics(methods: Iterable[str]) -> Iterator[str]:
    keys: dict[str | None, tuple[int | str | None, ...]] = {
        None: (None,),
        "category": (None, *_CATEGORIES),
        "subsystem": SUBSYSTEMS,
        "method": tuple(methods),
    }
    for metric in METRICS:
        yield metric.name
        yield from (names(metric, key) for key in keys[metric.over])
        yield from (need.rpartition("_")[0] for need in metric.needs)  # less the unit


def _everything(methods: Iterable[str]) -> Site:
    """A site with one meter that feeds all there is."""
    meter = Meter(_METER, "util", "power", Kind.INSTANT, MINUTE, MINUTE, MINUTE)
    epoch = Epoch(
        start=-EVER,
        end=EVER,
        cell=MINUTE,
        meters=(meter,),
        derived=(),
        boundary="bottom_up",
        e_dc=_PAIRS,
        e_it=dict.fromkeys(_CATEGORIES, (_METER,)),
        e_reuse=_PAIRS,
        imports=_PAIRS,
        fuels=_PAIRS,
        subsystems=dict.fromkeys(SUBSYSTEMS, _PAIRS),
        min_it_power=0.0,
    )
    none = np.zeros(0, np.int64)
    factor = Intensity(none, none, np.zeros(0), None, "", "")
    return Site(
        id=_METER,
        name=_METER,
        zone="UTC",
        lateness=0,
        horizon=0,
        grid_limit=MINUTE,
        meters=(_METER,),
        epochs=(epoch,),
        intensity=dict.fromkeys(methods, factor),
    )
