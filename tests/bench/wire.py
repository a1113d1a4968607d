"""CPU time of the daemon per message, from a real Mosquitto into the ledger.

`python -m tests.bench.wire [--count N] [--rate N] [--qos 0 1] [--protocol 5] [--profile DIR]`
"""

import argparse
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.faults.plant import Plant, tally
from tests.servers.support import HOST, Mosquitto
from tests.sources.wire import packet, publish, read_packet, text

TOPICS = 2000
ROUND = 1.0  # s of event time between two readings of a meter
Times = dict[str, float]  # by thread
WINDOW = 1000  # messages that the publisher has unacknowledged

HEAD = """
sites:
  - id: campus
    zone: Europe/Berlin
    rated_it_w: 10e6
    cell: 60s
    lateness: 10s
    e_dc: bottom_up
    topics:
      - {{topic: "campus/{{meter}}/power", codec: json, value: w, time_at: t, time: payload}}
    meters:
{meters}
mqtt: {{protocol: "{protocol}"}}
http: {{enabled: false}}
"""


def site(protocol: str) -> str:
    """A site of so many meters that each has its topic."""
    line = "      - {{id: m{:04}, point: pdu_out, unit: W, kind: instant, nominal: 1s, class: 1}}"
    meters = "\n".join(line.format(number) for number in range(TOPICS))
    return HEAD.format(meters=meters, protocol=protocol)


def payload(number: int, begin: float) -> bytes:
    """About 70 bytes of JSON."""
    at = begin + number // TOPICS * ROUND
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    value = 1000 + number * 7919 % 4000 / 8
    return f'{{"w": {value:.3f}, "t": "{stamp}.000Z", "unit": "W", "q": "good"}}'.encode()


# -- the publisher, a process of its own -------------------------------------------------------


def publisher(port: int, count: int, rate: float, qos: int) -> None:
    """Send so many messages at a steady pace, as fast as possible at rate 0."""
    begin = time.time() - 86_400
    wire = [
        publish(
            f"campus/m{n % TOPICS:04}/power".encode(), payload(n, begin), 1 + n % 60_000, 2 * qos
        )
        for n in range(count)
    ]
    with socket.create_connection((HOST, port), timeout=60) as stream:
        body = text(b"MQTT") + bytes([4, 2]) + struct.pack("!H", 0) + text(b"bench")
        stream.sendall(packet(0x10, body))
        read_packet(stream)
        _send(stream, wire, rate, qos)
        stream.sendall(b"\xe0\0")


def _send(stream: socket.socket, wire: list[bytes], rate: float, qos: int) -> None:
    began, done, acks = time.monotonic(), 0, 0
    while done < len(wire):
        due = len(wire) if not rate else int((time.monotonic() - began) * rate) + 1
        upto = min(len(wire), due, done + 200)
        if upto == done:
            time.sleep(0.002)
            continue
        stream.sendall(b"".join(wire[done:upto]))
        done = upto
        while qos and done - acks // 4 > WINDOW:
            acks += len(stream.recv(65536))
    while qos and acks < 4 * done:
        acks += len(stream.recv(65536))


# -- the measurement ---------------------------------------------------------------------------


def thread_times(pid: int) -> Times:
    """CPU seconds of each thread; the worker is the one that bears the process's number."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {task.name: int((task / "schedstat").read_text().split()[0]) / 1e9 for task in tasks}


def until_end(daemon: "subprocess.Popen[bytes]") -> Times:
    """CPU seconds of each thread, as long as each was there."""
    found: Times = {}
    while daemon.poll() is None:
        with suppress(OSError, IndexError):
            found |= thread_times(daemon.pid)
        time.sleep(0.02)
    return found


def measure(options: argparse.Namespace, qos: int, folder: Path) -> str:
    """Run once; a line of the table."""
    with (
        Mosquitto(folder / "broker") as broker,
        Plant(folder, broker, site(options.protocol)) as plant,
    ):
        daemon = plant.daemon("--until-idle", "4")
        plant.wait_until_connected()
        before = thread_times(daemon.pid)
        arguments = [str(n) for n in (broker.port, options.count, options.rate, qos)]
        spy = spied(options, qos, daemon.pid)
        command = [sys.executable, "-m", "tests.bench.wire", "publish", *arguments]
        subprocess.run(command, check=True)
        time.sleep(2.0)  # all is in by now, and nothing is closed before the input ends
        taken = thread_times(daemon.pid)
        ended = until_end(daemon)
        if spy is not None:
            spy.wait()
        count = tally(plant)["messages"]
        blocks = blocks_of(plant)
    worker, others = spent(before, taken, daemon.pid)
    figures = sum(spent(taken, ended, daemon.pid))
    micros = [f"{1e6 * seconds / count:6.2f}" for seconds in (worker + others, others, worker)]
    return (
        f"QoS {qos}: {count} messages in {blocks} blocks; us/message {micros[0]} "
        f"= network {micros[1]} + worker {micros[2]}; {figures:.2f} s to close what is open"
    )


def spent(before: Times, after: Times, pid: int) -> tuple[float, float]:
    """CPU seconds between two looks, of the worker and of all other threads."""
    found = {task: seconds - before.get(task, 0.0) for task, seconds in after.items()}
    worker = found.pop(str(pid))
    return worker, sum(found.values())


def blocks_of(plant: Plant) -> int:
    """How many blocks the journal has, each one commit."""
    db = sqlite3.connect(plant.data / "journal.db")
    (found,) = db.execute("SELECT count(*) FROM entry WHERE kind IS NULL").fetchone()
    db.close()
    return int(found)


def spied(options: argparse.Namespace, qos: int, pid: int) -> "subprocess.Popen[bytes] | None":
    """Start py-spy on the daemon where a profile is asked for."""
    if options.profile is None:
        return None
    out = options.profile / f"qos{qos}.txt"
    command = [options.spy, "record", "-p", str(pid), "-f", "raw", "-r", "250", "-t", "-o", out]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def main() -> None:
    """Measure, or publish for a measurement."""
    if sys.argv[1:2] == ["publish"]:
        port, count, rate, qos = sys.argv[2:]
        publisher(int(port), int(count), float(rate), int(qos))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=10_000)
    parser.add_argument("--qos", type=int, nargs="*", default=[0, 1])
    parser.add_argument("--protocol", default="5")
    parser.add_argument("--profile", type=Path)
    parser.add_argument("--spy", default="py-spy")
    options = parser.parse_args()
    for qos in options.qos:
        with tempfile.TemporaryDirectory() as folder:
            sys.stdout.write(measure(options, qos, Path(folder)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
