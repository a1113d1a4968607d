"""Mistakes in a scenario are named with file, line and key."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from greendc.ports import GreendcError
from greendc.simulate import ready
from greendc.simulate.parts.outside import FOLDER
from greendc.simulate.scenario import load
from greendc.simulate.site import chunks
from greendc.simulate.topology import SHIPPED
from tests.simulate.sites import SUMMER, site

LOST = {"kind": "utility_lost", "what": "feed-a", "from": SUMMER, "for": "1h"}
UPS = {"rated_w": 100e3}
SMALL = {"rated_w": 100e3, "battery": {"energy_kwh": 0.1, "charge_w": 5e3}}
SLOW = {"rated_w": 100e3, "battery": {"energy_kwh": 50, "charge_w": 2e3}}
GENERATOR = {"rated_w": 200e3, "start": "1min"}
MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"colour": "green"}, r"sites\[0\]\.colour: unknown key"),
    ({"plant": {"kind": "dxx"}}, r"sites\[0\]\.plant\.kind: 'dxx' is not .*did you mean \"dx\""),
    ({"weather": {}}, r"sites\[0\]\.weather: needs exactly one of place and epw"),
    ({"feeds": [{"id": "a"}]}, r"feeds\[0\]: needs exactly one of ups and rectifier"),
    ({"feeds": [{"id": "a", "ups": UPS}] * 2}, r'sites\[0\]\.feeds: "a" is there twice'),
    ({"feeds": [{"id": "a", "ups": UPS, "room": "hal"}]}, r'room: "hal" is no hall.*"hall"'),
    (
        {"feeds": [{"id": name, "ups": UPS} for name in "abc"]},
        r"halls\[0\]\.feeds: a rack has one or two feeds",
    ),
    (
        {"halls": [{"id": "hall", "racks": 1, "rack_w": 1e3, "feeds": ["c"]}]},
        r'halls\[0\]\.feeds: "c" is no feed of the site',
    ),
    (
        {"feeds": [{"id": "a", "ups": SMALL, "generator": GENERATOR}]},
        r"ups\.battery\.energy_kwh: too little to wait for the generator",
    ),
    ({"feeds": [{"id": "a", "ups": SLOW}]}, r"battery\.charge_w: takes longer than a day"),
    (
        {"feeds": [{"id": name, "ups": UPS} for name in "ab"], "faults": [LOST]},
        r"faults\[0\]\.kind: needs two feeds, each with a generator and a battery",
    ),
    ({"faults": [LOST | {"kind": "utility_gone"}]}, r"faults\[0\]\.kind: .*is not one of 30"),
    ({"faults": [LOST | {"to": SUMMER}]}, r"faults\[0\]: needs exactly one of for and to"),
]


def write(path: Path, found: dict[str, Any], **more: Any) -> Path:
    path.write_text(yaml.safe_dump({"start": SUMMER, "sites": [found], **more}, sort_keys=False))
    return path


@pytest.mark.parametrize(("change", "said"), MISTAKES)
def test_a_mistake_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(GreendcError, match=said) as raised:
        load(write(tmp_path / "site.yaml", site(**change)))
    assert f"{tmp_path / 'site.yaml'}:" in str(raised.value)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"step": "7s"}, "step must divide an hour"),
        ({"start": "2025-01-01T00:30:00Z"}, "whole hours"),
        ({"span": "90min"}, "whole hours"),
        ({"seed": -1}, "seed"),
    ],
)
def test_steps_and_span_are_whole(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(yaml.safe_dump({"start": SUMMER, "sites": [site()], **more}))
    with pytest.raises(GreendcError, match=said):
        load(path)


def test_a_site_without_mistakes_loads(tmp_path: Path) -> None:
    found = load(write(tmp_path / "site.yaml", site(faults=[LOST])))
    assert found.sites[0].rated_it_w == 80e3


def test_the_nearest_ready_made_site_is_named() -> None:
    with pytest.raises(GreendcError, match='did you mean "edge-room"'):
        ready.path_of("edgeroom")


def test_ready_made_sites_fit_a_screen_or_two() -> None:
    for name in ready.NAMES:
        assert len(ready.path_of(name).read_text().splitlines()) < 120


def test_weather_of_ones_own_lies_beside_the_scenario(tmp_path: Path) -> None:
    shutil.copy(FOLDER / SHIPPED["san-jose"], tmp_path / "mine.epw.gz")
    paths = (
        write(tmp_path / f"{name}.yaml", site(weather={"epw": epw}))
        for name, epw in (("own", "mine.epw.gz"), ("shipped", "san-jose"))
    )
    own, shipped = (next(chunks(found, found.sites[0])) for found in map(load, paths))
    assert np.array_equal(own.states["outside.t_oa"], shipped.states["outside.t_oa"])
