"""Real servers, started by the tests as child processes on free loopback ports."""

import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

PROJECT = Path(__file__).parents[2]
PROGRAMS = PROJECT / ".servers" / "bin"
SHIPPED = PROJECT / "config" / "mosquitto" / "mosquitto.conf"
HOST = "127.0.0.1"
PATIENCE = 20.0  # seconds until a server that does not answer counts as failed


def program(name: str) -> Path:
    """Path of a server's program; a missing one fails the test, it never skips it."""
    path = PROGRAMS / name
    if not path.exists():
        message = f"{path} is missing: run `make servers` (real servers are part of the tests)"
        raise FileNotFoundError(message)
    return path


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    """Whether somebody accepts connections on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


def replaced(config: str, settings: dict[str, str]) -> str:
    """Text of a Mosquitto configuration with other values; an absent setting is appended.

    >>> print(replaced("listener 1883\\npersistence true", {"listener": "5", "user": "root"}))
    listener 5
    persistence true
    user root
    """
    for key, value in settings.items():
        line = re.compile(rf"^{re.escape(key)} .*$", re.MULTILINE)
        if line.search(config):
            config = line.sub(lambda _, text=f"{key} {value}": text, config)  # type: ignore[misc]
        else:
            config = f"{config.rstrip()}\n{key} {value}"
    return config


class Mosquitto:
    """A Mosquitto with the configuration that the project ships, on its own port and folder.

    `settings` replace lines of that configuration, or of another one that is `shipped`. The port
    stays the same over restarts.

    Raises
    ------
    FileNotFoundError
        Where `make servers` has not been run.
    RuntimeError
        From `start`, with the broker's output, where it ends or does not answer.
    """

    def __init__(
        self, folder: Path, settings: dict[str, str] | None = None, shipped: Path = SHIPPED
    ) -> None:
        self._program = program("mosquitto")
        self._shipped = shipped
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = folder
        self.log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        self._settings = {
            "listener": f"{self._port} {HOST}",
            "persistence_location": f"{folder}/",
            # As root the broker would change to a user who cannot write to the folder.
            "user": "root",
            **(settings or {}),
        }

    @property
    def port(self) -> int:
        """The TCP port on the loopback."""
        return self._port

    @property
    def url(self) -> str:
        """The broker's address as greendc's configuration takes it."""
        return f"mqtt://{HOST}:{self._port}"

    @property
    def store(self) -> Path:
        """The file in which the broker keeps sessions and queues."""
        return self.folder / "mosquitto.db"

    @property
    def pid(self) -> int:
        """The process id of the running broker."""
        return self._running().pid

    def start(self) -> None:
        """Start the broker; returns when it accepts connections."""
        if self._process is not None:
            message = "the broker is already running"
            raise RuntimeError(message)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._config.write_text(replaced(self._shipped.read_text(), self._settings) + "\n")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", self._config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait_until_ready(self._process)

    def stop(self) -> None:
        """End the broker as its service would: SIGTERM, queues are written to the disk."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the broker as a crash would: SIGKILL."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start again on the same port with the same folder."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Halt the broker with its connections open (SIGSTOP)."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen broker go on (SIGCONT)."""
        self._running().send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self.stop()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            message = "the broker is not running"
            raise RuntimeError(message)
        return self._process

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not accepts(self._port):
            if process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                message = f"mosquitto did not start:\n{self.log.read_text(errors='replace')}"
                raise RuntimeError(message)
            time.sleep(0.01)

    def _end(self, how: signal.Signals) -> None:
        process = self._running()
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)  # a frozen broker ends too
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            self._process = None
