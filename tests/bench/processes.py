"""CPU time and memory of processes and of the machine, as the kernel counts them."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")  # units of CPU time in a second
LOOK = 0.05  # s between two looks whether a process still works
IDLE = 0.35  # of one CPU: whoever takes less in each of `LOOKS` looks has finished
LOOKS = 4
PATIENCE = 120.0  # s


def tree(pid: int) -> Iterator[int]:
    """A process and all that it has started."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from tree(int(child))


def cpu_of(pid: int) -> float:
    """CPU time that a process and its children have taken, user and system. [s]"""
    total = 0
    for one in tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(field) for field in fields[11:15])  # own, and of children that ended
    return total / TICK


def memory_of(pid: int) -> tuple[float, float]:
    """Resident memory of a process and its children at this moment and at most. [MB, MB]"""
    found = {"VmRSS": 0, "VmHWM": 0}
    for one in tree(pid):
        for line in Path(f"/proc/{one}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in found:
                found[name] += int(value.split()[0]) * 1024
    return found["VmRSS"] / 1e6, found["VmHWM"] / 1e6


def machine_cpu() -> float:
    """CPU time that the whole machine has taken. [s]"""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _wait, irq, softirq, _steal = fields
    return (user + nice + system + irq + softirq) / TICK


def when_idle(pid: int) -> float:
    """Wait until a process has nothing more to do; since when [s of the monotonic clock]."""
    deadline = time.monotonic() + PATIENCE
    quiet: list[float] = []
    used = cpu_of(pid)
    while len(quiet) < LOOKS:
        moment = time.monotonic()
        if moment > deadline:
            raise RuntimeError(f"process {pid} works on after {PATIENCE:.0f} s")
        time.sleep(LOOK)
        before, used = used, cpu_of(pid)
        busy = used - before > IDLE * (time.monotonic() - moment)
        quiet = [] if busy else [*quiet, moment]
    return quiet[0]


def until(found: Callable[[], bool], seconds: float, what: str, pause: float = 0.02) -> float:
    """Wait for something; how long that took [s]."""
    began = time.monotonic()
    while not found():
        if time.monotonic() - began > seconds:
            raise RuntimeError(f"{what}: not within {seconds:.0f} s")
        time.sleep(pause)
    return time.monotonic() - began
