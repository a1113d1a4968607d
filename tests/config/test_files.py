"""The files that the project ships: sample, schema, the real site and its recorded log."""

import gzip
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from greendc.config import check_text, load, models
from greendc.config.http import Http
from greendc.config.jobs import Jobs
from greendc.config.log import Log
from greendc.config.scalars import instant
from greendc.core.facility import HOUR, Kind, Op
from greendc.core.quantities import POINTS
from tools import generate, zih_lzr

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "config" / "greendc.yaml"
SITE = ROOT / "config" / "zih-lzr.yaml"
LOG = ROOT / "sensors" / "recordings" / "zih-lzr-2025-03.jsonl.gz"

COMMENTED = re.compile(r"^(\s*)#([a-z_]+:)", re.MULTILINE)


# -- sample -----------------------------------------------------------------------------------


def test_every_key_of_the_sample_stands_at_its_default(tmp_path: Path) -> None:
    full = tmp_path / "greendc.yaml"
    full.write_text(COMMENTED.sub(r"\1\2", SAMPLE.read_text("utf-8")), encoding="utf-8")
    shown, default = load(full).effective(), load(SAMPLE).effective()
    assert shown.pop("data") == str(tmp_path / "data")
    assert default.pop("data") == str(SAMPLE.parent / "data")
    assert shown == default


@pytest.mark.parametrize(
    "model",
    [
        models.Root,
        models.Mqtt,
        models.Journal,
        Jobs,
        Log,
        Http,
        models.Site,
        models.Topic,
        models.Profile,
        models.Meter,
        models.Emissions,
        models.Targets,
        models.Limits,
    ],
)
def test_the_sample_has_every_key(model: type[BaseModel]) -> None:
    shown = set(re.findall(r"^[\s#-]*([a-z_]+):", SAMPLE.read_text("utf-8"), re.MULTILINE))
    keys = {field.alias or name for name, field in model.model_fields.items()}
    assert keys <= shown


def test_the_sample_names_every_point() -> None:
    text = SAMPLE.read_text("utf-8")
    assert [name for name in POINTS if not re.search(rf"\b{name}\b", text)] == []


# -- generated files --------------------------------------------------------------------------


def test_generated_files_are_up_to_date() -> None:
    assert generate.differing() == []


def test_a_stale_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    assert generate.main(["--check"]) == 1
    assert "config/schema.json: not up to date" in capsys.readouterr().out
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    (tmp_path / "config" / "schema.json").write_text("{}", encoding="utf-8")
    assert generate.main(["--check"]) == 1


def test_the_schema_describes_keys_as_they_stand_in_the_file() -> None:
    schema = json.loads((ROOT / "config" / "schema.json").read_text("utf-8"))
    meter = schema["$defs"]["Meter"]
    assert {"class", "register", "time_at"} <= set(meter["properties"])
    plain, dated = meter["properties"]["multiplier"]["anyOf"]
    assert plain["type"] == "number"
    assert set(dated["items"]["properties"]) == {"from", "value"}
    assert meter["additionalProperties"] is False


# -- the real site ----------------------------------------------------------------------------


def messages() -> Iterator[dict[str, object]]:
    with gzip.open(LOG, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def test_the_plan_of_the_real_site() -> None:
    plan = load(SITE).plan()
    (site,), (route,) = plan.sites, plan.routes
    (epoch,) = site.epochs
    assert (len(plan.meters), route.filter) == (37, "json/+/+/attrs")
    assert (epoch.boundary, epoch.cell, site.zone) == ("bottom_up", HOUR, "Europe/Berlin")
    assert {m.kind for m in epoch.meters} == {Kind.MEAN_NEXT}
    assert [len(epoch.e_it[2]), len(epoch.e_dc), len(epoch.e_reuse)] == [4, 28, 5]
    assert {name: len(pairs) for name, pairs in epoch.subsystems.items()} == {
        "cooling": 18,
        "power": 1,
        "reuse": 3,
        "other": 2,
    }
    assert set(site.intensity) == {"location"}
    assert epoch.imports == epoch.e_dc


def test_the_log_holds_every_point_of_the_site_for_fourteen_days_of_hours() -> None:
    plan = load(SITE).plan()
    tags = plan.routes[0].by_tag
    assert tags is not None
    found: dict[str, list[str]] = {}
    for message in messages():
        point = str(message["topic"]).split("/")[2]
        payload = json.loads(str(message["payload"]))
        assert payload["TimeInstant"] == message["tst"]
        found.setdefault(point, []).append(str(message["tst"]))
    first = instant("2025-03-01T00:00:00Z")
    hours = [first + i * HOUR for i in range(336)]
    assert set(found) == set(tags)
    assert all([instant(stamp) for stamp in stamps] == hours for stamps in found.values())


def test_the_plan_gives_the_figures_that_the_sites_own_formula_gives() -> None:
    """Answers computed by the publisher's formula from the published table, hour by hour."""
    config = load(SITE)
    (epoch,) = config.plan().sites[0].epochs
    factors = {name: meter.factor() for name, meter in config.layouts[0].meters.items()}
    hourly: dict[str, list[float]] = {name: [] for name in factors}
    for message in messages():
        name = str(message["topic"]).split("/")[2]
        hourly[name].append(json.loads(str(message["payload"]))["value"] * factors[name] / 1000)
    kwh = {name: math.fsum(values) for name, values in hourly.items()}
    for derived in epoch.derived:
        value = derived.value if derived.op is Op.SHARE else 1.0
        kwh[derived.id] = value * math.fsum(kwh[name] for name in derived.inputs)
    e_it = math.fsum(kwh[name] for name in epoch.e_it[2])
    e_dc = math.fsum(weight * kwh[name] for name, weight in epoch.e_dc)
    e_reuse = math.fsum(kwh[name] for name, _ in epoch.e_reuse)
    shares = math.fsum(kwh[d.id] for d in epoch.derived if d.op is Op.SHARE)
    assert e_it == pytest.approx(591455.3650949853, rel=1e-9)
    assert e_dc == pytest.approx(662131.9903710295, rel=1e-9)
    assert e_reuse == pytest.approx(46311.361049948966, rel=1e-9)
    assert shares / e_dc == pytest.approx(0.0930418583064872, rel=1e-9)


def test_the_log_is_made_again_to_the_byte() -> None:
    data = LOG.read_bytes()
    text = gzip.decompress(data).decode()
    assert data[4:8] == bytes(4)  # RFC 1952: no time of making
    assert zih_lzr.packed(text)[:10] == data[:10]
    rows: list[dict[str, str]] = []
    for message in messages():
        if not rows or rows[-1]["time"] != message["tst"]:
            rows.append({"time": str(message["tst"])})
        value = json.loads(str(message["payload"]))["value"]
        rows[-1][str(message["topic"]).split("/")[2]] = repr(value)
    assert "".join(zih_lzr.lines(iter(rows))) == text


# -- check ------------------------------------------------------------------------------------


def test_check_of_the_real_site() -> None:
    text = check_text(load(SITE))
    for line in (
        "zih-lzr: ZIH LZR, Dresden (Europe/Berlin), cell 1h, 37 meters and 4 derived",
        "E_DC, summed from below",
        "├─ E_IT, category 2",
        "LZR.UPS-loss (loss_power) = 0.05694 x LZR.IT",
        "yes  ipue",
        "yes  cue_location",
        "no   cue_market     no_market_factor: ",
        "no   ppue_lighting  no_meter: ",
        "emissions.location: the factor stands for 2024 (DEU, carbontracker 2.4.7)",
        "uncertainty: no_accuracy where ",
    ):
        assert line in text


@pytest.mark.parametrize("name", ["greendc.yaml", "zih-lzr.yaml", "fasrc-ipmi.yaml"])
def test_what_was_let_go_of_comes_back_from_the_text(name: str) -> None:
    kept, settled = (load(ROOT / "config" / name) for _ in range(2))
    settled.settle()
    assert settled.root == kept.root
    assert settled.root is not settled.root  # it is not kept again
    assert (settled.plan().meters, settled.meter_tags()) == (kept.plan().meters, kept.meter_tags())
    assert (settled.site_tags()[0].targets, settled.http) == (
        kept.site_tags()[0].targets,
        kept.http,
    )
    assert settled.body() == kept.body()
    assert settled.holds(kept.effective())
    assert not settled.holds({**kept.effective(), "limits": {}})
