"""What may be asked of a running daemon, as it goes over the control socket."""

from typing import Annotated

import msgspec
from msgspec import Meta

from greendc.core.facility import EVER
from greendc.ports import GreendcError

Text = Annotated[str, Meta(min_length=1, max_length=2048)]


class Request(msgspec.Struct, frozen=True, tag_field="command", forbid_unknown_fields=True):
    """One command."""


class Close(Request, tag="close", frozen=True):
    """Declare the end of a site's input up to a time [ns]."""

    site: Text
    at: Annotated[int, Meta(ge=-EVER, le=EVER)]


class Backup(Request, tag="backup", frozen=True):
    """Copy journal, ledger and configuration into a new folder."""

    folder: Text


class Status(Request, tag="status", frozen=True):
    """How the daemon does."""


class Reload(Request, tag="reload", frozen=True):
    """Load the configuration file anew."""


class Recompute(Request, tag="recompute", frozen=True):
    """Have closed figures computed anew by the configuration file whose figures have this hash.

    With `rules` readings are judged anew by its rules.
    """

    hash: Text
    rules: bool = False


# -- what only the calendar asks for --------------------------------------------------------------


class Retain(Request, tag="retain", frozen=True):
    """Let go of journal entries and of rejected messages older than so long [s]; None: of none."""

    journal: int | None = None
    quarantine: int | None = None


class Rotate(Request, tag="rotate", frozen=True):
    """Make a backup in a folder of backups, of which the newest so many stay."""

    folder: Text
    keep: int


def request_of(line: bytes) -> Request:
    """Read a request.

    Raises
    ------
    GreendcError
        If it is none; it says why.
    """
    try:
        return msgspec.json.decode(line, type=Close | Backup | Status | Reload | Recompute)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise GreendcError(f"no command: {error}") from error
