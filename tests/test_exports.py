"""The ledger as files: the same figures in every format."""

import csv
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parsed

from greendc.calendars import parse_rfc3339
from greendc.core.facility import SECOND
from greendc.core.units import J_PER_KWH
from greendc.exports import write_lines
from greendc.lines import COLUMNS, SHARES
from greendc.openmetrics import exposition
from greendc.ports import GreendcError
from tests.small import Json, Small, json_lines, ledger_folder, messages, small_site

__all__ = ["ledger_folder"]  # a fixture

NOON = "2025-03-01T02:00:00Z"


@pytest.fixture
def site(ledger_folder: Path, capsys: pytest.CaptureFixture[str]) -> Small:
    """The small site with its log in the configured data folder."""
    return Small(ledger_folder, capsys)


def exported(site: Small, *options: str | Path) -> str:
    return site.run("export", "-c", site.config, *options)


def test_jsonl_is_what_replay_writes(site: Small) -> None:
    out = site.folder / "out.jsonl"
    site.run("replay", site.log, "-c", site.config, "--out", out)
    assert exported(site).encode() == out.read_bytes()
    exported(site, "-o", site.folder / "exported.jsonl")
    assert (site.folder / "exported.jsonl").read_bytes() == out.read_bytes()


def test_csv_holds_the_same_to_the_bit(site: Small) -> None:
    # the console's text layer translates line ends, so the bytes come from a file
    out = site.folder / "figures.csv"
    exported(site, "--format", "csv", "-o", out)
    text = out.read_bytes().decode()
    assert text.startswith(",".join((*COLUMNS, *SHARES)) + "\r\n")
    assert text.count("\n") == text.count("\r\n")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert rows == [as_text(row) for row in json_lines(exported(site))]


def as_text(row: Json) -> dict[str, str]:
    flat = {name: value for name, value in row.items() if name != "shares"} | row["shares"]
    return {name: "" if value is None else str(value) for name, value in flat.items()}


def test_parquet_holds_the_same_with_types(site: Small) -> None:
    out = site.folder / "figures.parquet"
    exported(site, "--format", "parquet", "-o", out)
    table = pq.read_table(out)
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds["value"] == "double"
    assert kinds["category"] == "int64"
    assert kinds["start"] == "timestamp[ns, tz=UTC]"
    assert kinds["quantity"] == "string"
    times = {name: table.column(name).cast("int64").to_pylist() for name in ("start", "end")}
    rows = json_lines(exported(site))
    for name in COLUMNS:
        if name in times:
            assert times[name] == [parse_rfc3339(row[name]) for row in rows]
        else:
            assert table.column(name).to_pylist() == [row[name] for row in rows]
    for name in SHARES:
        assert table.column(name).to_pylist() == [row["shares"][name] for row in rows]


def test_parquet_needs_a_file(site: Small) -> None:
    assert "name a file with -o" in site.refused("export", "-c", site.config, "--format", "parquet")


def test_openmetrics_is_read_by_a_strict_parser(site: Small) -> None:
    found = samples(exported(site, "--format", "openmetrics"))
    energies = [row for row in json_lines(exported(site)) if row["quantity"] == "e_dc"]
    for row in energies:
        labels = (
            ("quantity", "e_dc"),
            ("site", "small"),
            ("window", "1h" if row["period"] == "hour" else row["period"]),
        )
        at = parse_rfc3339(row["end"]) / SECOND
        value = found["greendc_ledger_energy_joules", labels][at]
        assert value == row["value"] * J_PER_KWH


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], dict[float, float]]:
    """Values by series and time; the parser refuses split families, series and wrong units."""
    out: dict[tuple[str, tuple[tuple[str, str], ...]], dict[float, float]] = {}
    for family in parsed(text):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            assert sample.timestamp is not None
            series = out.setdefault((sample.name, tuple(sorted(sample.labels.items()))), {})
            assert not series or float(sample.timestamp) > max(series)
            series[float(sample.timestamp)] = sample.value
    return out


def test_openmetrics_names_kpis_as_their_live_series(site: Small) -> None:
    found = samples(exported(site, "--format", "openmetrics", "--period", "hour"))
    names = {name: dict(labels) for name, labels in found}
    assert names["greendc_pue_ratio"] == {
        "site": "small",
        "window": "1h",
        "category": "2",
        "kind": "ipue",
    }
    assert names["greendc_cue_kilograms_per_kilowatt_hour"]["method"] == "location"
    assert "subsystem" in names["greendc_partial_pue_ratio"]
    doubt = found[
        "greendc_kpi_uncertainty_ratio", (("kpi", "ipue"), ("site", "small"), ("window", "1h"))
    ]
    row = next(
        row for row in json_lines(exported(site, "--period", "hour")) if row["quantity"] == "ipue"
    )
    assert doubt[parse_rfc3339(row["end"]) / SECOND] == row["uncertainty"] / row["value"]


def test_openmetrics_has_no_sample_for_what_is_unknown_or_invalid() -> None:
    line: Json = dict.fromkeys(COLUMNS) | {
        "site": 'a "b"\\',
        "period": "hour",
        "end": NOON,
        "quantity": "e_dc",
        "unit": "kWh",
        "coverage": 0.5,
    }
    text = "".join(
        exposition(
            [
                line | {"value": None, "status": "undefined"},
                line | {"value": -1.0, "status": "invalid", "period": "day"},
            ]
        )
    )
    assert text.endswith("# EOF\n")
    assert {name for name, _ in samples(text)} == {"greendc_ledger_coverage_ratio"}


def test_openmetrics_cannot_hold_revisions(site: Small) -> None:
    refused = site.refused("export", "-c", site.config, "--format", "openmetrics", "--revisions")
    assert "leave out --revisions" in refused


def test_a_span_holds_the_figures_that_start_in_it(site: Small) -> None:
    begin, end = "2025-03-01T01:00:00Z", "2025-03-01T03:00:00Z"
    found = json_lines(exported(site, "--from", begin, "--to", end, "--period", "cell"))
    everything = json_lines(exported(site, "--period", "cell"))
    assert found == [row for row in everything if begin <= row["start"] < end]
    assert 0 < len(found) < len(everything)


@pytest.mark.parametrize("form", ["jsonl", "csv", "openmetrics"])
@pytest.mark.parametrize(("period", "first"), [("day", "2025-02-28T23"), ("log", "2025-03-01T00")])
def test_a_span_without_figures_is_told_with_what_there_is(
    site: Small, form: str, period: str, first: str
) -> None:
    span = ("--from", "2024-01-01T00:00:00Z", "--to", "2024-02-01T00:00:00Z")
    options = ("--format", form, "--period", period, "--period", "cell", *span)
    code, out, err = site.tried("export", "-c", site.config, *options)
    told = "no figure found from 2024-01-01T00:00:00Z to 2024-02-01T00:00:00Z: small has those "
    told += f"that start from {first}:00:00Z to 2025-03-01T03:55:00Z\n"
    assert (code, err) == (1, told)
    heads = {"jsonl": [], "csv": [",".join((*COLUMNS, *SHARES))], "openmetrics": ["# EOF"]}
    assert out.splitlines() == heads[form]


def test_a_period_without_figures_is_told_with_those_that_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = small_site(tmp_path, capsys, minutes=40)
    small.run("replay", small.log, "-c", small.config, "--keep", tmp_path / "data")
    code, out, err = small.tried("export", "-c", small.config, "--period", "7d")
    assert (code, out) == (1, "")
    assert err.startswith("no figure found: small has none of 7d, but of cell, hour, ")
    small.config.write_text(small.config.read_text().replace("id: small", "id: other"))
    assert small.tried("export", "-c", small.config) == (
        1,
        "",
        "no figure found: other has none in this ledger, which is of small\n",
    )
    told = (
        "ipue: no figure of period hour in the ledger; other has none in this ledger, which is of "
    )
    assert small.refused("explain", "-c", small.config, "ipue") == f"{told}small\n"


def test_the_log_of_a_span_sums_its_cells(site: Small) -> None:
    span = ("--from", "2025-03-01T03:00:00Z")
    whole = json_lines(exported(site, "--period", "log", *span))
    cells = json_lines(exported(site, "--period", "cell", *span))
    total = next(row for row in whole if row["quantity"] == "it_a")
    assert total["start"] == "2025-03-01T03:00:00Z"
    assert total["value"] == math.fsum(r["value"] for r in cells if r["quantity"] == "it_a")


def test_rolling_periods_are_there_when_asked_for(site: Small) -> None:
    assert {row["period"] for row in json_lines(exported(site))} == {
        "cell",
        "hour",
        "day",
        "month",
        "log",
    }
    rolling = json_lines(exported(site, "--period", "24h", "--period", "year"))
    assert {row["period"] for row in rolling} == {"24h", "year"}


def test_revisions_are_all_there(site: Small) -> None:
    rows = list(messages(240))
    late = next(row for row in rows[600:] if "it_a" in row["topic"])
    changed = {**late, "payload": json.dumps({**json.loads(late["payload"]), "w": 90})}
    log = site.write([*rows, changed], "late.jsonl")
    kept = site.folder / "revised"
    site.run("replay", log, "-c", site.config, "--keep", kept)
    rows = json_lines(exported(site, "--data", kept, "--revisions", "--period", "cell"))
    by_number = [row for row in rows if row["quantity"] == "it_a" and row["revision"] == 1]
    assert len(by_number) == 1
    newest = json_lines(exported(site, "--data", kept, "--period", "cell"))
    assert by_number[0]["value"] in [row["value"] for row in newest]
    out = kept / "figures.csv"
    exported(site, "--data", kept, "--revisions", "--format", "csv", "-o", out)
    assert out.read_text().splitlines()[0].endswith(",missing,revision")


def test_a_file_that_cannot_be_written_is_named(site: Small) -> None:
    out = site.folder / "no" / "figures.jsonl"
    assert f"{out}: cannot write" in site.refused("export", "-c", site.config, "-o", out)


def test_what_fails_in_the_middle_leaves_no_file(tmp_path: Path) -> None:
    def broken() -> Iterator[Json]:
        yield {"quantity": "e_dc"}
        raise OSError(5, "Input/output error")

    out = tmp_path / "figures.jsonl"
    with pytest.raises(GreendcError, match="cannot write"):
        write_lines(out, broken(), progress=False)
    assert not list(tmp_path.glob("figures*"))
