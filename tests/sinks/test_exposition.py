"""The text is that of prometheus-client to the byte, whatever the labels and numbers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendc.config import load
from greendc.series import SERIES, Series
from greendc.sinks.prometheus import gathered
from greendc.sinks.prometheus.exposition import by_library, exposition
from greendc.sinks.prometheus.families import Families, metric
from tests.sinks.boards import Life
from tests.small import SITE, messages

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;"
    "escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
ACCEPTS = (
    "",
    "*/*",
    "text/plain;version=0.0.4",
    "text/plain;version=1.0.0;escaping=allow-utf-8",
    "text/plain;version=1.0.0;escaping=dots",
    "application/openmetrics-text",
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;q=0.1",
    "application/openmetrics-text;version=1.0.0",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
    "application/openmetrics-text;version=1.0.0;escaping=underscores",
    "application/openmetrics-text;version=1.0.0;escaping=values",
    PROMETHEUS_2,
    PROMETHEUS_3,
)

words = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(["", '"', "\\", "\n"])
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 2**60) | st.booleans()


@st.composite
def samples(draw: st.DrawFn) -> tuple[Series, tuple[str, ...], float]:
    series = draw(st.sampled_from(SERIES))
    size = len(series.labels)
    labels = draw(st.lists(words, min_size=size, max_size=size))
    return series, tuple(labels), 1.0 if series.type == "info" else draw(numbers)


@pytest.mark.parametrize("accept", ACCEPTS)
@given(given_=st.lists(samples(), max_size=12))
def test_samples_of_any_kind(
    accept: str, given_: list[tuple[Series, tuple[str, ...], float]]
) -> None:
    families = Families()
    for series, labels, value in given_:
        families.add(series, labels, value)
    theirs = by_library([metric(*one) for one in families.ordered()], accept)
    assert exposition(families, accept) == theirs


@pytest.mark.parametrize("accept", ACCEPTS)
def test_a_board(accept: str, tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE)
    life = Life(load(tmp_path / "site.yaml"), tmp_path / "ledger.db").take(messages(70))
    families = gathered(life.board(), 0)
    life.store.close()
    ours = exposition(families, accept)
    assert ours == by_library([metric(*one) for one in families.ordered()], accept)
    assert len(ours[0]) > 1000
