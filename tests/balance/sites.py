"""Simulated sites with one fault, as files."""

import threading
from dataclasses import dataclass
from pathlib import Path

from greendc.calendars import rfc3339
from greendc.core.facility import DAY, HOUR
from greendc.simulate import Options, simulate
from greendc.simulate.rules import Fault
from greendc.simulate.scenario import Scenario
from greendc.simulate.simulating import scenario_of


@dataclass(frozen=True)
class Variant:
    """Another chance, another day, another class of all meters; as it is in the file where None."""

    seed: int | None = None
    day: int = 0
    accuracy_class: float | None = None

    def of(self, scenario: Scenario) -> Scenario:
        """The scenario with that."""
        changed: dict[str, object] = {"start": scenario.start + self.day * DAY}
        if self.seed is not None:
            changed["seed"] = self.seed
        if self.accuracy_class is not None:
            worse = {"accuracy_class": self.accuracy_class}
            changed["sites"] = tuple(
                site.model_copy(
                    update={"metering": tuple(r.model_copy(update=worse) for r in site.metering)}
                )
                for site in scenario.sites
            )
        return scenario.model_copy(update=changed)


ASIS = Variant()


def simulated(
    folder: Path,
    site: str,
    *,
    hours: int,
    fault: tuple[str, str, float | None] | None = None,
    lasts: int = 168,
    variant: Variant = ASIS,
) -> tuple[Path, Path]:
    """Site file and log of a ready-made site's first hours.

    `fault` is (kind, meter, by), from the beginning for so many hours.
    """
    scenario = variant.of(scenario_of(site))
    if fault is not None:
        kind, what, by = fault
        begin = rfc3339(scenario.start)
        one = Fault.model_validate(
            {"kind": kind, "what": what, "from": begin, "for": f"{lasts}h", "by": by}
        )
        sites = (scenario.sites[0].model_copy(update={"faults": (one,)}), *scenario.sites[1:])
        scenario = scenario.model_copy(update={"sites": sites})
    log, config = folder / "log.jsonl", folder / "site.yaml"
    simulate(scenario, Options(out=log, site_file=config, span=hours * HOUR), threading.Event())
    return config, log
