"""Worked examples of the standards, each at its own tolerance.

`tests/data/standards-vectors.json` names input, expected figures, relative tolerance
and source. Each vector is tested here or in the module that `ELSEWHERE` names.
"""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from greendc.core.carbon import (
    Operation,
    decomposition,
    effective_intensity,
    emissions_g,
    fuel_emissions_g,
)
from greendc.core.facility import Derived, Kind, Meter, Op
from greendc.core.metrics import judge
from greendc.core.metrics.cue import cue
from greendc.core.metrics.dcie import dcie
from greendc.core.metrics.ere import ere
from greendc.core.metrics.erf import erf
from greendc.core.metrics.ppue import ppue
from greendc.core.metrics.pue import PUE, eu_mean, pue
from greendc.core.quantities import e_dc_weight
from greendc.core.uncertainty import expand, expanded_uncertainty
from greendc.core.units import G_PER_KG, J_PER_KWH

DATA = Path(__file__).parents[1] / "data" / "standards-vectors.json"
VECTORS = {v["id"]: v for v in json.loads(DATA.read_text(encoding="utf-8"))}
ELSEWHERE = {"E-6.1": "test_energy.py", "E-6.2": "test_energy.py", "E-6.3": "test_energy.py"}

M3_PER_L = 1e-3
L_PER_M3 = 1e3
ROOT3 = math.sqrt(3.0)

Inputs = Mapping[str, Any]
Found = Mapping[str, Any]
HERE: dict[str, Callable[[Inputs], Found]] = {}


def vector(*ids: str) -> Callable[[Callable[[Inputs], Found]], Callable[[Inputs], Found]]:
    """Say which vectors a function computes; it returns figures by the vector's own names."""

    def register(compute: Callable[[Inputs], Found]) -> Callable[[Inputs], Found]:
        HERE.update(dict.fromkeys(ids, compute))
        return compute

    return register


@vector("E-3.1", "E-3.2")
def pue_and_dcie(given: Inputs) -> Found:
    e_dc, e_it = given["e_dc"], given["e_it"]
    return {"pue": pue(e_dc, e_it), "dcie": dcie(e_it, e_dc)}


@vector("E-3.3")
def by_category(given: Inputs) -> Found:
    found = pue(given["e_dc"], [given["ups_out"], given["pdu_out"], given["it_in"]])
    return dict(zip(("pue1", "pue2", "pue3"), found, strict=True))


@vector("E-3.4")
def fleet(given: Inputs) -> Found:
    """The ratio of the sums is the fleet's; the mean of the ratios is what it must not be."""
    e_dc, e_it = given["e_dc"], given["e_it"]
    return {
        "energy_weighted": pue(sum(e_dc), sum(e_it)),
        "eu_annex_iv": eu_mean(pue(e_dc, e_it), e_dc),
        "wrong_mean": pue(e_dc, e_it).mean(),
    }


@vector("E-3.5")
def weighted_carriers(given: Inputs) -> Found:
    carriers = {"util": "electricity", "fuel_gas": "gas", "dhc_cold": "district_chilled_water"}
    e_dc = sum(given[name] * e_dc_weight(p, given["scheme"]) for p, name in carriers.items())
    return {"e_dc": e_dc, "pue": pue(e_dc, given["e_it"])}


@vector("E-1.1", "E-3.6")
def partial(given: Inputs) -> Found:
    e_it = given["e_it"]
    parts = {name: given[name] for name in ("cooling", "power", "other")}
    found: dict[str, Any] = {f"ppue_{name}": ppue(e, e_it) for name, e in parts.items()}
    return {**found, "pue": pue(e_it + sum(parts.values()), e_it)}


@vector("E-3.9")
def without_heat_pumps(given: Inputs) -> Found:
    e_dc, e_it = given["e_dc"], given["e_it"]
    return {"pue": pue(e_dc, e_it), "pue_enefg_new": pue(e_dc - given["heat_pump"], e_it)}


@vector("G2")
def no_it_load(given: Inputs) -> Found:
    value, _, reason = judge(PUE, pue(given["e_dc"], given["e_it"]), given["e_it"])
    return {"pue": value[0], "status": reason[0]}  # the vector calls the reason a status


@vector("G6")
def impossible(given: Inputs) -> Found:
    value, status, _ = judge(PUE, pue(given["e_dc"], given["e_it"]), given["e_it"])
    return {"pue": value[0], "status": status[0]}


@vector("E-4.3")
def reuse(given: Inputs) -> Found:
    e_dc, e_it, e_reuse = given["e_dc"], given["e_it"], given["e_reuse"]
    return {"ere": ere(e_dc, e_reuse, e_it), "erf": erf(e_reuse, e_dc), "pue": pue(e_dc, e_it)}


@vector("E-4.4")
def reuse_share(given: Inputs) -> Found:
    return {"erf": erf(given["e_reuse"], given["e_dc"])}


@vector("E-4.7")
def one_factor(given: Inputs) -> Found:
    e_it = 1000 * J_PER_KWH
    return {"cue": cue(emissions_g(given["pue"] * e_it, given["cef"] * G_PER_KG), e_it)}


@vector("E-4.8")
def grid_and_diesel(given: Inputs) -> Found:
    grid = emissions_g(given["e_import_kwh"] * J_PER_KWH, given["cef"] * G_PER_KG)
    diesel = fuel_emissions_g(given["diesel_l"] * M3_PER_L, given["ef_l"] * L_PER_M3)
    return {"cue": cue(grid + diesel, given["e_it_kwh"] * J_PER_KWH)}


@vector("E-5.5")
def hour_by_hour(given: Inputs) -> Found:
    energy, factor = np.array(given["kwh"]) * J_PER_KWH, np.array(given["g_per_kwh"])
    return {
        "kg": emissions_g(energy, factor).sum() / G_PER_KG,
        "ci_eff": effective_intensity(energy, factor),
        "naive_kg": emissions_g(energy.sum(), factor.mean()) / G_PER_KG,
    }


@vector("E-5.8")
def genset(given: Inputs) -> Found:
    grams = fuel_emissions_g(given["diesel_l"] * M3_PER_L, given["ef"] * L_PER_M3)
    return {"t": grams / G_PER_KG / 1000}


@vector("F-5.11")
def causes(given: Inputs) -> Found:
    before, after = (
        Operation(given[f"L{i}"] * J_PER_KWH, given[f"P{i}"], given[f"C{i}"] * G_PER_KG)
        for i in (0, 1)
    )
    change = decomposition(before, after)
    grams = {
        "load": change.load_g,
        "efficiency": change.efficiency_g,
        "grid": change.grid_g,
        "total": change.total_g,
    }
    return {name: mass / G_PER_KG for name, mass in grams.items()}


def meter(name: str, standard: float) -> Meter:
    """A meter with a class limit that has this standard uncertainty."""
    limit = standard * ROOT3
    return Meter(name, "none", "power", Kind.MEAN_NEXT, 1, 1, 1, accuracy=limit)


@vector("E-6.4")
def separate_meters(given: Inputs) -> Found:
    expansion = expand([meter("util", given["u_dc"]), meter("it", given["u_it"])], [])
    form = expansion.sensitivity([(0, 1.0)], [(1, 1.0)])
    found = expanded_uncertainty(form, [[given["pue"], 1.0]], 1.0, given["pue"], 1.0)
    return {"u_pue": found.value[0] / 2}


@vector("E-6.5")
def from_below(given: Inputs) -> Found:
    it, aux, share = given["e_it"], given["e_aux"], given["share"]
    value = pue(it * (1 + share) + aux, it)

    def standard(u_it: float, u_share: float) -> float:
        declared = Derived("loss", "none", Op.SHARE, ("it",), share, u_share * ROOT3)
        expansion = expand([meter("it", u_it), meter("aux", given["u_aux_rel"])], [declared])
        form = expansion.sensitivity([(0, 1.0), (1, 1.0), (2, 1.0)], [(0, 1.0)])
        return float(expanded_uncertainty(form, [[it, aux]], 1.0, value, it).value[0]) / 2

    return {
        "pue": value,
        "u_pue_from_it": standard(given["u_it_rel"], 0.0),
        "u_pue_from_share": standard(0.0, given["u_share"]),
    }


@pytest.mark.parametrize("name", HERE)
def test_vector(name: str) -> None:
    case = VECTORS[name]
    found = HERE[name](case["inputs"])
    assert found.keys() == case["expected"].keys()
    for what, value in found.items():
        expected = case["expected"][what]
        if isinstance(expected, str):
            assert value == expected, what
        elif expected is None:
            assert np.isnan(value), what
        else:
            assert value == pytest.approx(expected, rel=case["rtol"], abs=0.0), what


def test_every_vector_is_tested_once_here_or_elsewhere() -> None:
    assert not HERE.keys() & ELSEWHERE.keys()
    assert HERE.keys() | ELSEWHERE.keys() == VECTORS.keys()


@pytest.mark.parametrize("name", ELSEWHERE)
def test_the_other_module_has_its_test(name: str) -> None:
    text = Path(__file__).with_name(ELSEWHERE[name]).read_text(encoding="utf-8")
    function = "def test_" + name.lower().replace("-", "_").replace(".", "_")
    assert function in text
