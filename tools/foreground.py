"""Run a command as the terminal's foreground job of its own: Ctrl-C reaches it, and not make.

make answers an interrupt with an error and dies of it, whatever its recipe does. So the recipe's
command gets a process group, and the terminal, as a shell with job control would give it
(tcsetpgrp(3)). Without a terminal, or in the background, the command takes this process's place.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from types import FrameType

SHELL_SIGNAL = 128  # what shells add to the number of a signal that a command died of


def main(command: list[str]) -> int:
    """Run it to its end; returns its exit code as a shell would."""
    terminal = _terminal()
    if terminal is None:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    child = subprocess.Popen(command, process_group=0)
    _in_front(terminal, child.pid)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # nor is who takes the terminal back stopped

    def forward(number: int, _frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)

    def go_on(number: int, frame: FrameType | None) -> None:
        _in_front(terminal, child.pid)
        forward(number, frame)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, forward)
    signal.signal(signal.SIGCONT, go_on)
    while True:
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        with suppress(OSError):  # it may be gone
            os.tcsetpgrp(terminal, os.getpgrp())
        if not os.WIFSTOPPED(status):
            break
        os.killpg(0, signal.SIGSTOP)  # Ctrl-Z stops make as well, so that its shell is back
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else SHELL_SIGNAL - code


def _terminal() -> int | None:
    """The terminal that this process is in the foreground of."""
    with suppress(OSError):
        found = os.open(os.ctermid(), os.O_RDWR | os.O_CLOEXEC)
        if os.tcgetpgrp(found) == os.getpgrp():
            return found
    return None


def _in_front(terminal: int, group: int) -> None:
    """Give the terminal to a group, if it is this process's to give."""
    with suppress(OSError):
        if os.tcgetpgrp(terminal) == os.getpgrp():
            os.tcsetpgrp(terminal, group)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
