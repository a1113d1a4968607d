"""What quantities are called, and what they mean, for people."""

from collections.abc import Iterator
from dataclasses import dataclass

from greendc.core.metrics import METRICS, names
from greendc.core.metrics.metric import Metric
from greendc.core.quantities import SUBSYSTEMS

METHODS = ("location", "market")
CATEGORIES = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Title:
    """A quantity's symbol and meaning; of a KPI also formula and source."""

    symbol: str
    meaning: str
    formula: str | None = None
    source: str | None = None


TOTALS = {
    "e_dc": Title("E_DC", "energy of the whole data centre"),
    "e_it": Title("E_IT", "energy of the IT equipment"),
    "e_reuse": Title("E_reuse", "heat handed over for use elsewhere"),
    **{f"e_it_cat{n}": Title(f"E_IT,{n}", f"E_IT by PUE category {n}") for n in CATEGORIES},
    "subsystem_cooling": Title("E_cooling", "energy of the cooling"),
    "subsystem_power": Title("E_power", "losses of the power supply"),
    "subsystem_lighting": Title("E_lighting", "energy of the lighting"),
    "subsystem_reuse": Title("E_HP", "energy of heat pumps that lift reused heat"),
    "subsystem_other": Title("E_other", "energy of all else inside the boundary"),
    **{f"co2e_{m}": Title(f"CO2e {m}", f"emissions, {m}-based") for m in METHODS},
}


def _of(metric: Metric) -> Iterator[tuple[str, Title]]:
    keys: dict[str | None, tuple[int | str | None, ...]] = {
        None: (None,),
        "category": (None, *CATEGORIES),
        "subsystem": SUBSYSTEMS,
        "method": METHODS,
    }
    for key in keys[metric.over]:
        name = names(metric, key)
        symbol = f"i{metric.symbol}" if name.startswith(f"i{metric.name}") else metric.symbol
        shown = symbol if key is None else f"{symbol} {key}"
        yield name, Title(shown, metric.meaning, metric.formula, metric.source)
        if symbol != metric.symbol:  # over twelve months without the i
            shown = shown.removeprefix("i")
            title = Title(shown, metric.meaning, metric.formula, metric.source)
            yield name.removeprefix("i"), title


TITLES: dict[str, Title] = {**TOTALS, **{n: t for metric in METRICS for n, t in _of(metric)}}

EVENTS = {
    "audit": "the account of messages, readings and figures was checked",
    "broker_dropped": "the broker dropped messages that greendc should have got",
    "clock_ahead": "a meter's clock was ahead of greendc's",
    "clock_set_back": "greendc's own clock was set back",
    "dip": "a register went back and came up again",
    "entry": "a hand entry",
    "jump": "a register rose far faster than it went on, and it counts: can that be?",
    "lapped": "a register was away for so long that it may have gone over its end unseen",
    "late": "readings came later than is waited for; their figures were written again",
    "quarantined": "readings were set aside",
    "refusing": "a meter reports, and no reading of it is believed any more",
    "replaced": "a register was exchanged",
    "reset": "a register began again",
    "revised": "figures were revised",
    "rollover": "a register went over its end",
    "topics_capped": "more topics came that no meter has than are remembered; no figure is touched",
    "session_lost": "the broker had lost greendc's session: what came meanwhile may be missing",
}
