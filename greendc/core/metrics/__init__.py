"""All metrics: one file each and one line in `METRICS`."""

from collections.abc import Iterator

from greendc.core.metrics.cue import CUE
from greendc.core.metrics.dcie import DCIE
from greendc.core.metrics.ere import ERE
from greendc.core.metrics.erf import ERF
from greendc.core.metrics.metric import Metric
from greendc.core.metrics.ppue import PPUE
from greendc.core.metrics.pue import PUE
from greendc.core.metrics.verdict import VERDICTS, judge, verdicts

__all__ = ["METRICS", "VERDICTS", "Metric", "judge", "names", "reference", "verdicts"]

METRICS: tuple[Metric, ...] = (PUE, DCIE, PPUE, ERF, ERE, CUE)

INTERIM = {"pue": "ipue"}  # the name of anything shorter than twelve months (G4)
COLUMNS = ("name", "series", "labels", "symbol", "unit", "formula", "source", "meaning")
PREFACE = """\
# Metrics

Every KPI that greendc publishes, and below every series that Prometheus sees. This page is
generated from `greendc/core/metrics` and `greendc/series.py`; edit there.

`name` is the name in the ledger, in `--json` and in exports. `ipue` is called `pue` where it
stands for twelve months with sufficient coverage. `ipue_cat1` … stand for categories of PUE
beside the highest. What is undefined is `null` with a reason here and no sample in Prometheus.

"""


def names(metric: Metric, key: int | str | None = None) -> str:
    """The name of a metric's figure in the ledger.

    Parameters
    ----------
    metric
        The metric.
    key
        What the figure is for: the subsystem, the accounting method, or the PUE
        category where it is not the main one. None where there is nothing to name.

    Raises
    ------
    ValueError
        If the metric is not computed for such a key, or needs one.

    Examples
    --------
    >>> print(names(PUE), names(PUE, 1), names(PPUE, "cooling"), names(CUE, "location"))
    ipue ipue_cat1 ppue_cooling cue_location
    """
    name = INTERIM.get(metric.name, metric.name)
    if key is None and metric.over in (None, "category"):
        return name
    if metric.over == "category" and isinstance(key, int):
        return f"{name}_cat{key}"
    if metric.over in ("subsystem", "method") and isinstance(key, str):
        return f"{name}_{key}"
    raise ValueError(f"{metric.name} is computed over {metric.over}, not for {key!r}")


def reference() -> str:
    """The first part of dashboards/METRICS.md: a row for each metric.

    >>> print(reference().splitlines()[0])
    # Metrics
    """
    return PREFACE + "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    yield _row(*COLUMNS)
    yield _row(*["---"] * len(COLUMNS))
    for metric in METRICS:
        key = f"{{{metric.over}}}" if metric.over in ("subsystem", "method") else None
        yield _row(
            f"`{names(metric, key)}`",
            f"`{metric.series}`",
            ", ".join(metric.labels),
            metric.symbol,
            metric.unit,
            f"`{metric.formula}`",
            metric.source,
            metric.meaning,
        )


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
