"""The control socket: commands from this machine to the daemon that holds a data folder.

A request is one line of JSON, and so is its answer: `{"text": …}` or `{"error": …}`.
"""

import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from greendc.daemon.requests import Request, request_of
from greendc.files import why
from greendc.masking import masked
from greendc.ports import GreendcError
from greendc.sources.bell import Bell

log = logging.getLogger(__name__)

NAME = "control.sock"
LONGEST = 8192  # bytes of a request
LONGEST_ANSWER = 1 << 20
PATIENCE = 5.0  # s for a request to be sent
AT_ONCE = 4  # connections
STOP_WITHIN = 1.0  # s

Submit = Callable[[Request], "Future[str]"]


class Control:
    """Listens in the data folder, for its owner and root only."""

    def __init__(self, folder: Path, submit: Submit) -> None:
        self._folder, self._submit = folder, submit
        self._stopping = False
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._thread = threading.Thread(target=self._listen, name="control", daemon=True)

    def start(self) -> None:
        """Listen; where the folder's file system knows no sockets go on without commands.

        A socket that a killed daemon left behind is replaced, the folder being ours.
        """
        self._bell = Bell()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            (self._folder / NAME).unlink(missing_ok=True)
            with address(self._folder) as path:
                self._listener.bind(path)
            (self._folder / NAME).chmod(0o600)  # before anyone can connect
            self._listener.listen(AT_ONCE)
        except OSError as error:
            log.warning("%s: no commands to this daemon: %s", self._folder / NAME, error)
            self._listener.close()
            self._bell.close()
            return
        self._thread.start()

    def stop(self) -> None:
        """Take no further command."""
        if not self._thread.is_alive():
            return
        self._stopping = True
        self._bell.ring()
        self._thread.join(STOP_WITHIN)
        with suppress(OSError):
            (self._folder / NAME).unlink(missing_ok=True)

    def _listen(self) -> None:
        self._listener.settimeout(0.0)
        with self._listener:
            while not self._stopping:
                try:
                    connection, _ = self._listener.accept()
                except BlockingIOError:
                    self._bell.wait(PATIENCE, self._listener)
                    continue
                except OSError as error:
                    log.warning("control socket: %s", error)
                    self._bell.wait(1.0)
                    continue
                self._serve(connection)
        self._bell.close()

    def _serve(self, connection: socket.socket) -> None:
        self._places.acquire()
        threading.Thread(
            target=self._answer, args=(connection,), name="control-command", daemon=True
        ).start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):
                connection.settimeout(PATIENCE)
                connection.sendall(self._reply(connection))
        finally:
            self._places.release()

    def _reply(self, connection: socket.socket) -> bytes:
        try:
            request = request_of(_line(connection, LONGEST))
            log.info("command: %s", msgspec.json.encode(request).decode())
            answer = {"text": masked(self._submit(request).result())}
        except GreendcError as error:
            answer = {"error": masked(str(error))}
        return json.dumps(answer).encode() + b"\n"


def ask(folder: Path, request: Request) -> str | None:
    """Have the daemon of a data folder do something; None where none listens.

    Raises
    ------
    GreendcError
        What the daemon says against it, or that it ended before it answered.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE)
        try:
            with address(folder) as path:
                connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise GreendcError(f"{folder / NAME}: cannot ask greendc: {why(error)}") from error
        try:
            connection.sendall(msgspec.json.encode(request) + b"\n")
            connection.settimeout(None)  # a backup takes as long as it takes
            answer = json.loads(_line(connection, LONGEST_ANSWER))
        except (OSError, ValueError) as error:
            raise GreendcError(f"greendc ended before it answered: {error}") from error
    if "error" in answer:
        raise GreendcError(answer["error"])
    return str(answer["text"])


@contextmanager
def address(folder: Path) -> Iterator[str]:
    """The socket's address; a long path would not fit into one, so Linux is shown a short one."""
    if sys.platform != "linux":
        yield str(folder / NAME)
        return
    number = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{number}/{NAME}"
    finally:
        os.close(number)


def _line(connection: socket.socket, longest: int) -> bytes:
    """What the other side sends before its first line break.

    Raises
    ------
    GreendcError
        Where that is too long, or does not come.
    """
    found = b""
    try:
        while b"\n" not in found:
            if len(found) > longest:
                raise GreendcError(f"longer than {longest} bytes")
            part = connection.recv(4096)
            if not part:
                raise GreendcError("no answer" if not found else "cut off")
            found += part
    except TimeoutError as error:
        raise GreendcError(f"nothing more in {PATIENCE:.0f} s") from error
    return found.partition(b"\n")[0]
