"""CPU time of a replay per message, from a recorded log into the ledger.

`python -m tests.bench.replay [--count N] [--year] [--compressed] [--log FILE] [--profile FILE]`

The log is 2000 topics, a reading a second each, about 70 bytes of JSON; with `--year` it is the
recorded fortnight of a real data centre, repeated. It is made if `--log` is not there yet.
"""

import argparse
import cProfile
import gzip
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from greendc.config import Config, load
from greendc.ports import RawBatch
from greendc.replay.replaying import Options, replay
from greendc.sources.recording import write_log

TOPICS = 2000
ROUND = 10**9  # ns of event time between two readings of a meter
BEGIN = 1_740_787_200 * 10**9
FORTNIGHT = Path("sensors/recordings/zih-lzr-2025-03.jsonl.gz")

HEAD = """
sites:
  - id: campus
    zone: Europe/Berlin
    rated_it_w: 10e6
    cell: 60s
    e_dc: bottom_up
    topics:
      - {topic: "campus/{meter}/power", codec: json, value: w, time_at: t, time: payload}
    meters:
"""
METER = "      - {id: m%04d, point: pdu_out, unit: W, kind: instant, nominal: 1s, class: 1}\n"


def batches(count: int) -> Iterator[RawBatch]:
    """As many messages, a batch for every round."""
    topics = [f"campus/m{number:04}/power" for number in range(TOPICS)]
    for turn in range(count // TOPICS):
        at = BEGIN + turn * ROUND
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 10**9))
        values = ((1000 + (turn * TOPICS + n) * 7919 % 4000 / 8) for n in range(TOPICS))
        payloads = [
            f'{{"w": {value:.3f}, "t": "{text}.000Z", "unit": "W", "q": "good"}}'.encode()
            for value in values
        ]
        arrivals = [at + 10**7 + n * 10**5 for n in range(TOPICS)]
        yield RawBatch(arrivals, topics, payloads, [0] * TOPICS, [1] * TOPICS)


def make_campus(path: Path, count: int) -> None:
    """Write the log of a campus, compressed if the name says so."""
    with write_log(path) as log:
        for batch in batches(count):
            log.write(batch)


def make_year(path: Path) -> None:
    """Write the recorded fortnight 26 times, each after the other."""
    with gzip.open(FORTNIGHT) as file:
        lines = [orjson.loads(line) for line in file]
    first = datetime.fromisoformat(lines[0]["tst"])
    days = (datetime.fromisoformat(lines[-1]["tst"]) - first).days + 1
    with path.open("wb") as out:
        for turn in range(365 // days + 1):
            for line in lines:
                at = datetime.fromisoformat(line["tst"]) + timedelta(days=turn * days)
                text = at.strftime("%Y-%m-%dT%H:%M:%SZ")
                payload = line["payload"].replace(line["tst"], text)
                out.write(orjson.dumps(line | {"tst": text, "payload": payload}) + b"\n")


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2_000_000)
    parser.add_argument("--year", action="store_true")
    parser.add_argument("--compressed", action="store_true")
    parser.add_argument("--log", type=Path)
    parser.add_argument("--profile", type=Path)
    return parser.parse_args()


def measured(log: Path, config: Config, profile: Path | None) -> str:
    """What the replay of a log took, in a line."""
    profiler = cProfile.Profile()
    began = time.process_time(), time.monotonic()
    if profile:
        profiler.enable()
    found = replay([log], config, Options())
    profiler.disable()
    cpu, wall = time.process_time() - began[0], time.monotonic() - began[1]
    if profile:
        profiler.dump_stats(profile)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        f"{found.messages} messages, {found.readings} readings: {cpu:.2f} s of CPU, "
        f"{wall:.2f} s, {found.messages / cpu:,.0f} messages/s of CPU, peak {peak:.0f} MB\n"
    )


def main() -> None:
    """Make the log where there is none, and replay it."""
    asked = arguments()
    with tempfile.TemporaryDirectory() as folder:
        log = asked.log or Path(folder) / f"log.jsonl{'.zst' if asked.compressed else ''}"
        site = Path(folder) / "site.yaml"
        site.write_text(HEAD + "".join(METER % number for number in range(TOPICS)))
        if not log.exists():
            make_year(log) if asked.year else make_campus(log, asked.count)
        config = load(Path("config/zih-lzr.yaml") if asked.year else site)
        sys.stdout.write(measured(log, config, asked.profile))


if __name__ == "__main__":
    main()
