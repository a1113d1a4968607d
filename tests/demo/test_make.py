"""`make demo` in a terminal, where Ctrl-C and Ctrl-Z are keys."""

import os
import pty
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers.support import PROJECT
from tests.sources.listening import eventually

CTRL_C, CTRL_Z = b"\x03", b"\x1a"
PATIENCE = 30.0  # s


class Screen:
    """A terminal with `make demo` in its foreground."""

    def __init__(self, folder: Path) -> None:
        self._ours, theirs = pty.openpty()
        self.shown = bytearray()
        # a session's leader owns the first terminal that it opens
        self.make = subprocess.Popen(
            ["/bin/sh", "-c", 'exec make demo <"$0" >"$0" 2>&1', os.ttyname(theirs)],
            cwd=PROJECT,
            env={
                **{name: text for name, text in os.environ.items() if not name.startswith("MAKE")},
                "TMPDIR": str(folder),
                "GREENDC_HTTP_PORT": "0",
            },
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._theirs = theirs

    def _read(self) -> None:
        with suppress(OSError):  # when nobody holds the other end any more
            while part := os.read(self._ours, 4096):
                self.shown.extend(part)

    def shows(self, text: bytes) -> None:
        eventually(lambda: text in self.shown)

    def press(self, key: bytes) -> None:
        os.write(self._ours, key)

    def foreground(self) -> int:
        """The process group that keys reach."""
        return os.tcgetpgrp(self._ours)

    def close(self) -> None:
        if self.make.poll() is None:
            for group in {self.foreground(), self.make.pid}:
                os.killpg(group, signal.SIGKILL)
        self.make.wait()
        os.close(self._theirs)
        self._reader.join()
        os.close(self._ours)


@contextmanager
def screen(folder: Path) -> Iterator[Screen]:
    one = Screen(folder)
    try:
        yield one
    finally:
        one.close()


def test_ctrl_c_ends_it_and_make_has_nothing_to_say(tmp_path: Path) -> None:
    with screen(tmp_path) as one:
        one.shows(b"Ctrl-C ends it.")
        one.press(CTRL_C)
        assert one.make.wait(PATIENCE) == 0, one.shown
        one.shows(b"The demo has ended.")
        assert b"make:" not in one.shown
    assert not list(tmp_path.iterdir())


def test_ctrl_z_stops_make_as_well_and_it_goes_on(tmp_path: Path) -> None:
    with screen(tmp_path) as one:
        one.shows(b"Ctrl-C ends it.")
        demo = one.foreground()
        one.press(CTRL_Z)
        _, status = os.waitpid(one.make.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert one.foreground() == one.make.pid
        os.killpg(one.make.pid, signal.SIGCONT)  # as `fg` does
        eventually(lambda: one.foreground() == demo)
        one.press(CTRL_C)
        assert one.make.wait(PATIENCE) == 0, one.shown
        assert b"make:" not in one.shown


def test_an_end_asked_of_make_reaches_the_demo(tmp_path: Path) -> None:
    with screen(tmp_path) as one:
        one.shows(b"Ctrl-C ends it.")
        demo = one.foreground()
        assert demo != one.make.pid
        one.make.terminate()
        one.make.wait(PATIENCE)
        eventually(lambda: not _lives(demo))


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
