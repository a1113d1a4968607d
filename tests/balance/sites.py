"""Simulated sites with one fault, as files."""

import threading
from pathlib import Path

from greendc.calendars import rfc3339
from greendc.core.facility import HOUR
from greendc.simulate import Options, simulate
from greendc.simulate.rules import Fault
from greendc.simulate.simulating import scenario_of


def simulated(
    folder: Path,
    site: str,
    *,
    hours: int,
    fault: tuple[str, str, float | None] | None = None,
    lasts: int = 168,
) -> tuple[Path, Path]:
    """Site file and log of a ready-made site's first hours.

    `fault` is (kind, meter, by), from the beginning for so many hours.
    """
    scenario = scenario_of(site)
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
