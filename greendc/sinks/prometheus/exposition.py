"""Families as text, as prometheus-client writes them, in a seventh of its time.

Its encoders check and escape every label of every sample again at every scrape. Here the lines
of samples are made with labels that are remembered; heads, and formats that write names in another
way, are the library's own. A test holds the two together to the byte.
"""

from collections.abc import Iterable
from functools import lru_cache
from io import BytesIO

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from greendc.series import Series
from greendc.sinks.prometheus.families import Families, Samples, metric

END = "# EOF\n"  # of OpenMetrics
PLAIN = 1e6  # numbers below are as Python writes them
RENAMING = ("escaping=dots", "escaping=values")  # ways in which even plain names are rewritten


class _Collected(Collector):
    """Metrics that were made before."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def describe(self) -> Iterable[Metric]:
        """Nothing is promised: what is unknown is absent."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Collect them."""
        return self._metrics


def by_library(metrics: Iterable[Metric], accept: str) -> tuple[bytes, str]:
    """What prometheus-client makes of metrics, and the content type agreed on."""
    registry = CollectorRegistry()
    registry.register(_Collected(metrics))
    encoder, content_type = choose_encoder(accept)
    return encoder(registry), content_type


def exposition(families: Families, accept: str) -> tuple[bytes, str]:
    """The same as `by_library`."""
    _, content_type = choose_encoder(accept)
    if any(way in content_type for way in RENAMING):
        return by_library((metric(*one) for one in families.ordered()), accept)
    out = BytesIO()  # family by family: all lines side by side would be held three times
    for series, samples in families.ordered():
        out.write(_head(series, accept).encode())
        out.write("".join(_lines(series.name, samples)).encode())
    if content_type.startswith("application/openmetrics-text"):
        out.write(END.encode())
    return out.getvalue(), content_type


def _lines(name: str, samples: Samples) -> list[str]:
    numbers = map(float, samples.values)
    return [
        f"{name}{begin}{repr(number) if -PLAIN < number < PLAIN else _number(number)}\n"
        for begin, number in zip(samples.begins, numbers, strict=True)
    ]


@lru_cache(maxsize=1024)
def _head(series: Series, accept: str) -> str:
    """Help, type and unit of a family."""
    body, _ = by_library([metric(series, Samples())], accept)
    return body.decode().removesuffix(END)


@lru_cache(maxsize=1024)
def _number(value: float) -> str:
    """A number whose exponent Go writes otherwise than Python: times, mostly of many meters."""
    text: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    return text
