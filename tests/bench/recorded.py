"""How fast a recorded log becomes figures."""

import gzip
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from greendc.ports import RawBatch
from greendc.sources.recording import write_log
from tests.bench.load import Load
from tests.servers.support import PROJECT

FORTNIGHT = PROJECT / "sensors/recordings/zih-lzr-2025-03.jsonl.gz"
SITE = PROJECT / "config/zih-lzr.yaml"


@dataclass(frozen=True)
class Replayed:
    """What `greendc replay` of so many messages took, its start included [s, s, MB]."""

    messages: int
    cpu: float
    seconds: float
    memory: float


def replayed(folder: Path, load: Load, rounds: int, kind: str) -> Replayed:
    """Record so many rounds as a log of a kind, and replay it."""
    log, site = folder / f"log.{kind}", folder / "replay.yaml"
    site.write_text(load.site())
    record(log, load, rounds)
    return _replayed(log, site, rounds * load.points)


def replayed_year(folder: Path) -> Replayed:
    """Make a year of a real data centre, and replay it."""
    log = folder / "year.jsonl"
    return _replayed(log, SITE, make_year(log))


def _replayed(log: Path, site: Path, messages: int) -> Replayed:
    """Replay a log of so many messages, each of them a reading, and remove it."""
    greendc = str(Path(sys.executable).with_name("greendc"))  # as people type it
    command = [greendc, "replay", str(log), "-c", str(site), "--quiet"]
    began = time.monotonic()
    with log.with_suffix(".txt").open("w+") as out:
        process = subprocess.Popen(command, cwd=PROJECT, stdout=out, stderr=out)
        _, status, used = os.wait4(process.pid, 0)
        spent = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        told = out.read()
    expected = f"{messages} messages, {messages} readings; rejected: none"
    if process.returncode or expected not in told:
        raise RuntimeError(f"the replay said: {told[:500]}")
    log.unlink()
    return Replayed(messages, used.ru_utime + used.ru_stime, spent, used.ru_maxrss / 1000)


def record(path: Path, load: Load, rounds: int) -> None:
    """Write so many rounds as a recorded log, compressed where its name says so."""
    topics = [load.topic(meter) for meter in range(load.points)]
    with write_log(path) as log:
        for turn in range(rounds):
            at = round((load.begin + turn * load.every) * 1e9)
            arrivals = [at + 10**7 + 10**5 * meter for meter in range(load.points)]
            qos = [0] * load.points, [1] * load.points
            log.write(RawBatch(arrivals, topics, load.payloads(turn), *qos))


def make_year(path: Path) -> int:
    """Write the recorded fortnight until it is a year; return how many messages that is."""
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
    return (365 // days + 1) * len(lines)
