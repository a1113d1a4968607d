"""The board is one that Grafana takes, and shows series that greendc has."""

import copy
import json
import re
from itertools import combinations

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from greendc.series import SERIES
from tests.dashboards.panels import BOARD, Json, board, panels
from tests.servers.support import PROJECT

PROVISIONING = PROJECT / "dashboards" / "grafana" / "provisioning"
OWN = {"ALERTS"}
COLUMNS = 24

register_default_plugins()


def through_types(found: Json) -> Json:
    """What Grafana's own types keep of a board."""
    kept: Json = json.loads(JSONEncoder().encode(Dashboard.from_json(found)))
    return kept


def lost(given: object, kept: object, place: str = "") -> list[str]:
    """Places of what is not kept."""
    if isinstance(given, dict) and isinstance(kept, dict):
        found = [f"{place}.{key}" for key in given if key not in kept]
        return found + [
            item
            for key in given
            if key in kept
            for item in lost(given[key], kept[key], f"{place}.{key}")
        ]
    if isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        pairs = zip(given, kept, strict=True)
        return [x for i, (a, b) in enumerate(pairs) for x in lost(a, b, f"{place}[{i}]")]
    return [] if given == kept else [place]


def test_grafanas_types_know_every_key() -> None:
    assert lost(board(), through_types(board())) == []


def test_a_key_that_grafana_does_not_know_is_found() -> None:
    wrong = copy.deepcopy(board())
    panel = next(p for p in wrong["panels"] if p["type"] == "stat")
    panel["options"]["graphMod"] = "none"
    panel["targets"][0]["exp"] = "up"
    places = lost(wrong, through_types(wrong))
    assert [place.rpartition(".")[2] for place in places] == ["exp", "graphMod"]


def test_the_board_can_be_linked_to_and_read_by_people() -> None:
    found = board()
    assert found["uid"] == "greendc-site-overview"
    assert "id" not in found
    assert BOARD.read_text() == json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    variables = {v["name"]: v["type"] for v in found["templating"]["list"]}
    assert variables == {"datasource": "datasource", "site": "query"}


def test_panels_have_places_of_their_own() -> None:
    found = panels()
    assert len({panel["id"] for panel in found}) == len(found)
    boxes = [(p["title"], p["gridPos"]) for p in found]
    for title, box in boxes:
        assert box["x"] + box["w"] <= COLUMNS, title
    for (one, a), (other, b) in combinations(boxes, 2):
        apart = (
            a["x"] + a["w"] <= b["x"]
            or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"]
            or b["y"] + b["h"] <= a["y"]
        )
        assert apart, (one, other)


def test_every_panel_asks_the_chosen_data_source_for_series_that_exist() -> None:
    labels = {series.name: {*series.labels, "instance", "job"} for series in SERIES}
    for panel in panels():
        if panel["type"] == "row":
            continue
        assert panel["datasource"]["uid"] == "${datasource}"
        assert len({t["refId"] for t in panel["targets"]}) == len(panel["targets"])
        for target in panel["targets"]:
            bare = re.sub(r'"[^"]*"', '""', target["expr"])
            used = set(re.findall(r"\b(?:greendc_\w+|ALERTS)\b", bare))
            assert used, panel["title"]
            assert used <= labels.keys() | OWN, panel["title"]
            for name, matchers in re.findall(r"\b(greendc_\w+)\{([^}]*)\}", bare):
                assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)) <= labels[name]


@pytest.mark.parametrize("title", ["PUE and its target", "Power by subsystem", "CO2e per hour"])
def test_what_the_board_is_for_is_on_it(title: str) -> None:
    assert title in {panel["title"] for panel in panels()}


def test_provisioning_names_a_prometheus_and_the_folder_of_boards() -> None:
    source = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yaml").read_text())
    assert source["apiVersion"] == 1
    (prometheus,) = source["datasources"]
    assert (prometheus["type"], prometheus["url"]) == ("prometheus", "${PROMETHEUS_URL}")
    scraped = yaml.safe_load((PROJECT / "config" / "prometheus" / "prometheus.yml").read_text())
    assert prometheus["jsonData"]["timeInterval"] == scraped["global"]["scrape_interval"]
    boards = yaml.safe_load((PROVISIONING / "dashboards" / "greendc.yaml").read_text())
    (provider,) = boards["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"].startswith("/")
