"""Texts of a configuration are those of all of it, whatever meters have in common."""

import hashlib
import json
from pathlib import Path
from typing import Any

from greendc.config import Config, load
from greendc.config.changes import LABELS
from tests.config.kit import loaded, site
from tests.config.test_files import ROOT

ODD = (
    '{id: a, point: util, unit: kW, kind: instant, room: "50 % \\"h\\"", range: [-0.0, 5e20]}',
    "{id: b, point: util, unit: kW, kind: instant, tag: [p, q%d], range: [0.0, 5e20]}",
    '{id: c, point: util, unit: kW, kind: instant, room: "é\\t", rack: "%s", fed_by: [a, b]}',
    "{id: '%(id)s', point: none, quantity: power, unit: kW, kind: instant, topic: y/%, fed_by: a}",
    "{id: e, point: pdu_out, unit: kW, kind: instant, sentinels: [-0.0, 1e-7], value: a%.0}",
    "{id: f, point: pdu_out, unit: kW, kind: instant, sentinels: [0.0, 1e-7], value: a%.0}",
    "{id: g, point: none, unit: kWh, quantity: energy, register: {modulus: -0.0}}",
    "{id: h, point: none, unit: kWh, quantity: energy, register: {modulus: 0.0}, room: hall}",
)


def without_labels(given: Any) -> Any:
    if isinstance(given, dict):
        return {k: without_labels(v) for k, v in given.items() if k not in LABELS}
    return [without_labels(item) for item in given] if isinstance(given, list) else given


def held(config: Config) -> None:
    told = config.root.model_dump(mode="json", by_alias=True, exclude_none=True)
    told["content"] = config.content.plain()
    assert config.body() == json.dumps(told, sort_keys=True, ensure_ascii=False).encode()
    kept = {"sites": without_labels(told["sites"]), "content": told["content"]}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert config.figures_hash() == hashlib.sha256(text.encode()).hexdigest()
    assert config.holds(config.effective())


def test_meters_that_say_nearly_the_same_are_told_apart(tmp_path: Path) -> None:
    config = loaded(tmp_path, site(*ODD, more='name: "ä %s \\"x\\""\ntargets: {pue: {1h: 1.4}}'))
    held(config)
    zeros = config.effective()["sites"][0]["meters"]
    assert [str(meter["range"][0]) for meter in zeros[:2]] == ["-0.0", "0.0"]


def test_shipped_configurations_are_told_as_a_whole() -> None:
    for name in ("greendc.yaml", "zih-lzr.yaml", "fasrc-ipmi.yaml"):
        held(load(ROOT / "config" / name))
