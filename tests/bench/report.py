"""What was measured as a table, and the machine that it was measured on."""

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.support import program

NONE = ""


@dataclass(frozen=True)
class Row:
    """A line of the table: a value for each subject that has one, the first one's set off."""

    title: str
    values: Mapping[str, float]
    shown: Callable[[float], str]
    notes: Mapping[str, str] = field(default_factory=dict)
    compared: bool = True


def table(rows: Sequence[Row], columns: Mapping[str, str]) -> str:
    """The rows in Markdown; `columns` are subjects and their heads, ours first.

    Behind a value of another subject stands ours as a multiple of it.

    >>> row = Row("CPU of a message", {"a": 6.0, "b": 20.0}, lambda micros: f"{micros:.1f} us")
    >>> print(table([row], {"a": "greendc", "b": "other"}))
    | | greendc | other |
    |:--|--:|--:|
    | CPU of a message | 6.0 us | 20.0 us (0.30 x) |
    """
    ours = next(iter(columns))
    lines = [["", *columns.values()], [":--", *("--:" for _ in columns)]]
    lines += [[row.title, *(_cell(row, name, ours) for name in columns)] for row in rows]
    return "\n".join(_line(line) for line in lines)


def _line(cells: Sequence[str]) -> str:
    if cells[0] == ":--":
        return f"|{'|'.join(cells)}|"
    return f"|{''.join(f' {cell} |' if cell else ' |' for cell in cells)}"


def _cell(row: Row, name: str, ours: str) -> str:
    value = row.values.get(name)
    if value is None:
        return row.notes.get(name, NONE)
    base = row.values.get(ours)
    inside = [row.notes[name]] if name in row.notes else []
    if row.compared and name != ours and base is not None and value:
        inside.insert(0, f"{base / value:.2f} x")
    return f"{row.shown(value)} ({'; '.join(inside)})" if inside else row.shown(value)


# -- units -------------------------------------------------------------------------------------


def micros(value: float) -> str:
    return f"{value:.1f} µs"


def rate(value: float) -> str:
    return f"{value:,.0f} /s"


def millis(value: float) -> str:
    return f"{value:.0f} ms"


def megabytes(value: float) -> str:
    return f"{value:.0f} MB"


def seconds(value: float) -> str:
    return f"{value:.2f} s"


# -- the machine -------------------------------------------------------------------------------


def machine(folder: Path) -> str:
    """Processor, memory, disk under a folder, system and versions, in a line or two."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} CPUs ({_processor()}), {memory:.0f} GiB, "
        f"{_file_system(folder)}, Linux {platform.release()}, {_python()}, {_mosquitto()}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(folder: Path) -> str:
    """The type of the file system that a folder stands on."""
    best, kind = "", "unknown file system"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, found, *_ = line.split()
        if folder.resolve().is_relative_to(place) and len(place) >= len(best):
            best, kind = place, found
    return kind


def _python() -> str:
    return f"Python {'.'.join(map(str, sys.version_info[:3]))}"


def _mosquitto() -> str:
    told = subprocess.run([program("mosquitto"), "-h"], capture_output=True, check=False).stdout
    return told.decode().partition("\n")[0].replace("mosquitto version", "Mosquitto")


def progress(text: str) -> None:
    """Say what is being measured, on the terminal's own line."""
    width = shutil.get_terminal_size().columns
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {text}"[:width] + "\n")
    sys.stderr.flush()
