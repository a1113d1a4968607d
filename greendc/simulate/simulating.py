"""`greendc simulate`: a simulated site as a recorded log, or over MQTT."""

import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from greendc.calendars import rfc3339
from greendc.config import broker
from greendc.config.models import Mqtt
from greendc.core.facility import HOUR
from greendc.ports import GreendcError
from greendc.simulate import ready
from greendc.simulate.labels import label
from greendc.simulate.publishing import publish
from greendc.simulate.scenario import Scenario, load
from greendc.simulate.site_file import write_site_file
from greendc.simulate.traffic import Traffic
from greendc.simulate.truth_file import write_truth
from greendc.simulate.writing import LogLines
from greendc.sources.settings import settings_of
from greendc.sources.writing import LogWriter

CLIENT = "greendc-simulate"


@dataclass(frozen=True, slots=True)
class Options:
    """What to make of a scenario: see `greendc simulate --help`; times in ns."""

    out: Path | None = None
    site_file: Path | None = None
    truth: Path | None = None
    begin: int | None = None
    span: int | None = None
    seed: int | None = None
    step: int | None = None
    speed: float | None = 1.0
    broker: Mqtt | None = None


def scenario_of(name: str) -> Scenario:
    """A ready-made site by its name, or any scenario by its file.

    Raises
    ------
    GreendcError
        If there is no such site or file, or it is not good.
    """
    return load(Path(name)) if Path(name).suffix or Path(name).exists() else ready.scenario(name)


def changed(scenario: Scenario, options: Options) -> Scenario:
    """The scenario with another seed, steps or span where the options ask for them.

    Raises
    ------
    GreendcError
        If steps or span cannot be.
    """
    begin = scenario.start if options.begin is None else options.begin
    wanted = {
        "seed": options.seed,
        "step": options.step,
        "start": begin,
        "span": options.span or scenario.span,
    }
    found = scenario.model_copy(update={k: v for k, v in wanted.items() if v is not None})
    if found.step <= 0 or HOUR % found.step:
        raise GreendcError("--step must divide an hour")
    if found.start % HOUR or found.span % HOUR:
        raise GreendcError("a simulation begins and ends at a full hour: see --from and --span")
    return found


def simulate(scenario: Scenario, options: Options, stop: threading.Event) -> str:
    """Write or publish what a scenario's devices send; what was done, in words.

    Raises
    ------
    GreendcError
        If the scenario, the files or the broker are not good.
    """
    scenario = changed(scenario, options)
    traffic = Traffic(scenario, scenario.start, scenario.end)
    done = []
    if options.site_file is not None:
        write_site_file(options.site_file, scenario, traffic.sites)
        done.append(f"site file: {options.site_file}")
    if options.out is not None:
        count = _log(traffic, options.out, scenario)
        done.append(f"{count} messages written to {options.out}")
    elif not (options.site_file or options.truth) or options.broker is not None:
        settings = replace(settings_of(options.broker or broker()), client_id=CLIENT)
        now = time.time_ns()
        # what lies in the past of a site of today is there at once
        head = now - scenario.start if scenario.start <= now < scenario.end else 0
        count = publish(traffic, settings, options.speed, head, stop.wait)
        done.append(f"{count} messages published to {settings.address}")
    if options.truth is not None:
        done += [f"truth: {path}" for path in _truth(traffic, options.truth)]
    span = f"{rfc3339(scenario.start)} to {rfc3339(scenario.end)}"
    return "\n".join([*done, f"from {span}, seed {scenario.seed}"])


def _truth(traffic: Traffic, path: Path) -> Iterator[Path]:
    """Write the truth of each site, several into files with their names."""
    several = len(traffic.sites) > 1
    for (site, _, schedule), account in zip(traffic.sites, traffic.accounts, strict=True):
        own = path.with_stem(f"{path.stem}-{site.id}") if several else path
        write_truth(own, account, partial(label, schedule=schedule))
        yield own


def _log(traffic: Traffic, out: Path, scenario: Scenario) -> int:
    lines = LogLines(traffic.topics, traffic.forms, traffic.words)
    count = 0
    bar = tqdm(
        total=scenario.span // HOUR, unit=" h", disable=not sys.stderr.isatty(), file=sys.stderr
    )
    with bar, LogWriter(out, quick=True) as log:
        for messages in traffic.messages():
            lines.write(messages, log)
            count += len(messages)
            hours = (int(messages.arrival[-1]) - scenario.start) // HOUR
            bar.update(max(0, min(hours, scenario.span // HOUR) - bar.n))
    return count
