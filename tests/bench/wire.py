"""Where the daemon's CPU time for a message goes, from a real Mosquitto into the ledger.

`python -m tests.bench.wire [--rounds N] [--rate N] [--qos 0 1] [--profile DIR]`: by thread, for the
load of `make bench`; with py-spy installed, a profile of each run in its raw format.
"""

import argparse
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.load import Load
from tests.bench.subjects import GREENDC
from tests.bench.trials import trial

TOPICS = 2000
WARM = 20  # rounds
Times = dict[str, float]  # CPU seconds by thread


def thread_times(pid: int) -> Times:
    """CPU seconds of each thread; the worker is the one that bears the process's number."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {task.name: int((task / "schedstat").read_text().split()[0]) / 1e9 for task in tasks}


def measure(options: argparse.Namespace, qos: int, folder: Path) -> str:
    """Run once; a line of the table."""
    load = Load(TOPICS, time.time() - WARM - options.rounds)
    with trial(GREENDC, folder / "trial", load, qos) as at:
        at.cost(WARM)
        pid, journal = at.subject.pid, folder / "trial" / "data" / "journal.db"
        before, blocks = thread_times(pid), blocks_of(journal)
        with spied(options, qos, pid):
            count = at.cost(options.rounds, options.rate).taken
        taken = {task: spent - before.get(task, 0.0) for task, spent in thread_times(pid).items()}
        blocks = blocks_of(journal) - blocks
    worker = taken.pop(str(pid))
    others = sum(taken.values())
    micros = [f"{1e6 * spent / count:6.2f}" for spent in (worker + others, others, worker)]
    return (
        f"QoS {qos}: {count} messages in {blocks} blocks; us/message {micros[0]} "
        f"= network {micros[1]} + worker {micros[2]}"
    )


def blocks_of(journal: Path) -> int:
    """How many blocks a journal has, each one commit."""
    db = sqlite3.connect(f"file:{journal}?mode=ro", uri=True)
    (found,) = db.execute("SELECT count(*) FROM entry WHERE kind IS NULL").fetchone()
    db.close()
    return int(found)


@contextmanager
def spied(options: argparse.Namespace, qos: int, pid: int) -> Iterator[None]:
    """Watch the daemon with py-spy where a profile is asked for."""
    if options.profile is None:
        yield
        return
    out = options.profile / f"qos{qos}.txt"
    command = [options.spy, "record", "-p", str(pid), "-f", "raw", "-r", "250", "-t", "-o", out]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as spy:
        yield
        spy.send_signal(signal.SIGINT)  # then it writes


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--rate", type=float, default=10_000, help="0: as fast as it goes")
    parser.add_argument("--qos", type=int, nargs="*", default=[0, 1])
    parser.add_argument("--profile", type=Path)
    parser.add_argument("--spy", default="py-spy")
    options = parser.parse_args()
    for qos in options.qos:
        with tempfile.TemporaryDirectory() as folder:
            sys.stdout.write(measure(options, qos, Path(folder)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
