"""`greendc demo` as a process of its own, and what it prints."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.servers.support import PROJECT

PATIENCE = 60.0  # s


class Demo:
    """A running demo, without a terminal; its temporary files are in `folder`."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        package: Path = PROJECT,
        stderr: int = subprocess.STDOUT,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "greendc.cli", "demo", *arguments],
            cwd=folder,
            env={
                **os.environ,
                "TMPDIR": str(folder),
                "PYTHONPATH": str(package),
                "GREENDC_MQTT_PORT": "1",  # no demo listens to this
                "GREENDC_HTTP_PORT": "0",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def told(self, pattern: str) -> str:
        """The first group of what it has printed, or will."""
        deadline = time.monotonic() + PATIENCE
        while (found := re.search(pattern, self.text, re.MULTILINE)) is None:
            assert time.monotonic() < deadline, self.text
            assert self._process.poll() is None, self.text
            time.sleep(0.02)
        return found.group(found.lastindex or 0)

    @property
    def url(self) -> str:
        """Where the page is."""
        return self.told(r"page +(http://\S+)")

    def get(self, path: str) -> tuple[int, str, str]:
        """Status, type and text of an answer."""
        answer = httpx.get(self.url + path, timeout=PATIENCE)
        return answer.status_code, answer.headers["Content-Type"], answer.text

    def shows(self, path: str, *patterns: str) -> list[str]:
        """The first groups of what an answer holds, or will hold."""
        deadline = time.monotonic() + PATIENCE
        while True:
            text = self.get(path)[2]
            found = [re.search(pattern, text, re.MULTILINE) for pattern in patterns]
            if all(found):
                return [match.group(match.lastindex or 0) for match in found if match]
            assert time.monotonic() < deadline, text
            time.sleep(0.1)

    def end(self, number: signal.Signals) -> int:
        """Send a signal; returns the exit code."""
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Return the exit code."""
        code = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._process.kill()
        self.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
