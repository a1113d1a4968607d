"""What the site file says of the meters' places."""

from pathlib import Path

import yaml

from greendc.simulate.site_file import write_site_file
from greendc.simulate.traffic import Traffic
from tests.simulate.kit import scenario


def fed_by(folder: Path, *points: str) -> dict[str, list[str]]:
    """Meter -> what feeds it, with meters at some points of a room with one UPS."""
    found = scenario([{"points": [f"*.{point}" for point in points], "unit": "kW"}])
    traffic = Traffic(found, found.start, found.end)
    write_site_file(folder / "site.yaml", found, traffic.sites)
    (site,) = yaml.safe_load((folder / "site.yaml").read_text())["sites"]
    return {m["id"]: m["fed_by"] for m in site["meters"] if "fed_by" in m}


def test_meters_behind_others_name_the_nearest(tmp_path: Path) -> None:
    found = fed_by(tmp_path, "util", "ups_*", "it_in", "cool_*", "aux_*")
    assert found["ups-a.ups_in"] == ["feed-a.util"]
    assert found["ups-a.ups_out"] == ["ups-a.ups_in"]
    assert found["room-rack-01-a.it_in"] == ["ups-a.ups_out"]


def test_a_load_without_a_meter_is_not_to_pass_for_a_loss(tmp_path: Path) -> None:
    assert fed_by(tmp_path, "util", "ups_*", "it_in") == {
        "ups-a.ups_out": ["ups-a.ups_in"],
        "room-rack-01-a.it_in": ["ups-a.ups_out"],
        "room-rack-02-a.it_in": ["ups-a.ups_out"],
    }
