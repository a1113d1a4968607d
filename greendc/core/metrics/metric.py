"""The record that makes a formula a metric."""

from collections.abc import Callable
from dataclasses import dataclass

from greendc.core.ratio import FloatArray


@dataclass(frozen=True, slots=True)
class Metric:
    """A KPI: a ratio of two sums over the amounts it needs.

    `needs` names amounts in the order of `compute`'s parameters: `e_dc_j`,
    `e_it_j`, `e_reuse_j`, `e_subsystem_j` [J], `co2e_g` [g]. `numerator` and
    `denominator` give the weight of each need in the two sums, so that the value
    is ``scale * (numerator . needs) / (denominator . needs)``: the linear form on
    which the uncertainty (F-6.6) rests. `over` names what the metric is computed
    for one by one: the `category` of E_IT, the `subsystem`, the accounting
    `method`, or nothing. Values outside `bounds` are invalid, never clamped (G6).
    """

    name: str  # in the ledger and in JSON; `ppue_{subsystem}`, `cue_{method}` are filled in
    symbol: str
    unit: str
    suffix: str  # of the Prometheus name greendc_<stem>_<suffix>
    formula: str
    source: str
    needs: tuple[str, ...]
    numerator: tuple[float, ...]
    denominator: tuple[float, ...]
    compute: Callable[..., FloatArray]
    over: str | None = None  # None, "category", "subsystem" or "method"
    scale: float = 1.0
    bounds: tuple[float, float] = (-float("inf"), float("inf"))
    stem: str | None = None  # of the Prometheus name, where it is not the metric's name
    labels: tuple[str, ...] = ("site", "window")  # of the Prometheus series

    @property
    def series(self) -> str:
        """The name of the Prometheus series."""
        return f"greendc_{self.stem or self.name}_{self.suffix}"

    @property
    def meaning(self) -> str:
        """The first line of the formula's docstring: Prometheus HELP and METRICS.md."""
        return (self.compute.__doc__ or "").partition("\n")[0]
