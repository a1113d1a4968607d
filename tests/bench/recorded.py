"""How fast a recorded log becomes figures."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from greendc.ports import RawBatch
from greendc.sources.recording import write_log
from tests.bench.load import Load
from tests.servers.support import PROJECT


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
    command = [sys.executable, "-m", "greendc.cli", "replay", str(log), "-c", str(site), "--quiet"]
    began = time.monotonic()
    with (folder / "replay.txt").open("w+") as out:
        process = subprocess.Popen(command, cwd=PROJECT, stdout=out, stderr=out)
        _, status, used = os.wait4(process.pid, 0)
        spent = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        told = out.read()
    count = rounds * load.points
    if process.returncode or f"{count} messages, {count} readings; rejected: none" not in told:
        raise RuntimeError(f"the replay said: {told[:500]}")
    log.unlink()
    return Replayed(count, used.ru_utime + used.ru_stime, spent, used.ru_maxrss / 1000)


def record(path: Path, load: Load, rounds: int) -> None:
    """Write so many rounds as a recorded log, compressed where its name says so."""
    topics = [load.topic(meter) for meter in range(load.points)]
    with write_log(path) as log:
        for turn in range(rounds):
            at = round((load.begin + turn * load.every) * 1e9)
            arrivals = [at + 10**7 + 10**5 * meter for meter in range(load.points)]
            qos = [0] * load.points, [1] * load.points
            log.write(RawBatch(arrivals, topics, load.payloads(turn), *qos))
