"""Files that greendc makes: not for everyone to read, and none that somebody else put there."""

import errno
import os
import stat
from pathlib import Path

from greendc.ports import GreendcError

JOURNAL, LEDGER = "journal.db", "ledger.db"  # of a data folder
MODE = 0o640
FOLDER = 0o750


def why(error: Exception) -> str:
    """What went wrong; of a file without its name, which stands before it.

    >>> why(FileNotFoundError(2, "No such file or directory", "broker.pw"))
    'No such file or directory'
    """
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def opener(path: str, flags: int) -> int:
    """For `open`: a file that is made is for its owner and group, and a link is refused."""
    try:
        return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise GreendcError(
            f"{path}: is a link; what greendc writes it does not put where a link leads"
        ) from error


def claim(path: Path) -> None:
    """Make an empty file where there is none, for SQLite, whose other files take its mode."""
    os.close(opener(os.fspath(path), os.O_RDWR | os.O_CREAT))


def make_folder(folder: Path) -> None:
    """Make a folder for greendc's files; one in which everyone may put files is refused."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=FOLDER)
    except FileExistsError as error:
        raise GreendcError(f"{folder}: is no folder; greendc needs one for its data") from error
    except OSError as error:
        raise GreendcError(f"{folder}: cannot be made for greendc's data: {why(error)}") from error
    if folder.stat().st_mode & stat.S_IWOTH:
        raise GreendcError(f"{folder}: everyone may write there; give greendc a folder of its own")
