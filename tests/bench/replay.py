"""CPU time of one replay, from a recorded log into the ledger, and where it goes.

`python -m tests.bench.replay [LOG -c SITE] [--profile FILE]`

Without a log it is a year of a real data centre: the recorded fortnight, repeated.
"""

import argparse
import cProfile
import resource
import sys
import tempfile
import time
from pathlib import Path

from greendc.config import Config, load
from greendc.replay.replaying import Options, replay
from tests.bench.recorded import SITE, make_year


def measured(log: Path, config: Config, profile: Path | None) -> str:
    """What the replay of a log took, in a line; a profile is in seconds of CPU time."""
    profiler = cProfile.Profile(time.process_time)
    began = time.process_time()
    if profile:
        profiler.enable()
    found = replay([log], config, Options())
    profiler.disable()
    cpu = time.process_time() - began
    if profile:
        profiler.dump_stats(profile)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return (
        f"{found.messages} messages, {found.readings} readings: {cpu:.2f} s of CPU, "
        f"{found.messages / cpu:,.0f} messages/s, peak {peak:.0f} MB\n"
    )


def main() -> None:
    """Replay the log that is named, or make a year and replay it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path, nargs="?")
    parser.add_argument("-c", "--config", type=Path, default=SITE)
    parser.add_argument("--profile", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = asked.log or Path(folder) / "year.jsonl"
        if asked.log is None:
            make_year(log)
        sys.stdout.write(measured(log, load(asked.config), asked.profile))


if __name__ == "__main__":
    main()
