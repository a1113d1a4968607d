"""Commands of greendc as processes that can be killed, without the time that importing takes.

Each is forked from a process that has imported greendc and has done nothing else (the "fork server"
of `multiprocessing`), so that no thread, open file or patch of the tests comes along.
"""

import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import TemporaryDirectory

from greendc.cli import main

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    [
        "tests.servers.forked",
        "greendc.app",
        "greendc.audit",
        "greendc.changes",
        "greendc.explain",
        "greendc.exports",
        "greendc.recompute",
        "greendc.replay",
        "greendc.sinks.influx",
        "greendc.sinks.influx1",
        "greendc.sinks.mqtt",
        "greendc.web",
    ]
)


class Command:
    """A command under way, with what `subprocess.Popen` has; several threads may wait for it.

    What it says is appended to files.
    """

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], out: Path, said: Path
    ) -> None:
        self._arguments = arguments
        self._lock = threading.Lock()
        given = (arguments, dict(environment), Path.cwd(), out, said)
        self._process = SERVER.Process(target=_run, args=given, name=arguments[0])
        self._process.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid or 0

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        with self._lock:
            return self._process.exitcode

    @property
    def returncode(self) -> int | None:
        """The same."""
        return self.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; returns the exit code.

        Raises
        ------
        subprocess.TimeoutExpired
            Where it has not ended within so many seconds.
        """
        wait([self._process.sentinel], timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(list(self._arguments), timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a crash would: SIGKILL."""
        self._process.kill()


def ran(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[bytes]":
    """Run a command to its end, with nothing to read."""
    with TemporaryDirectory() as folder:
        out, said = Path(folder) / "out", Path(folder) / "said"
        code = Command(arguments, environment, out, said).wait()
        return subprocess.CompletedProcess(
            list(arguments), code, out.read_bytes(), said.read_bytes()
        )


def _run(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, out: Path, said: Path
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for path, number in ((out, 1), (said, 2)):
        with path.open("ab") as file:
            os.dup2(file.fileno(), number)
    sys.exit(main(arguments))
