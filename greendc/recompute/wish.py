"""What is asked to be recomputed, and what has been prepared for it in a data folder."""

import shutil
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import msgspec

from greendc import __version__
from greendc.calendars import rfc3339
from greendc.config import Config
from greendc.config.changes import RULES, UNDATED, settled
from greendc.config.past import Changed, changed, changed_rules, refusals, told
from greendc.ports import GreendcError
from greendc.recompute.amending import Amendment, Past
from greendc.recompute.applying import LEDGER, Prepared
from greendc.recompute.behind import Behind, beginning
from greendc.recompute.differing import Portion
from greendc.store import Store

FOLDER = "recompute"  # in the data folder
TAKEN = "recompute-taken"
PREPARED = "prepared"  # key of a scratch ledger that has been compared
ANEW = (
    "with logs of all before (greendc export --journal) an empty data folder can be filled by this "
    "configuration: greendc replay LOG... -c FILE --into-store"
)
NOTHING = (
    "nothing of closed time would change: greendc reload takes it in; rules of quality are those "
    "of their time, unless --rules asks for those of today"
)
AT_LAST = 1 << 62  # in place of the number of an entry that is still to be written


@dataclass(frozen=True, slots=True)
class Wish:
    """Keys that a configuration changes in closed time, as of a ledger's last commit."""

    known: Config
    config: Config
    found: list[Changed]
    before: list[Amendment]

    @classmethod
    def of(
        cls,
        known: Config,
        wanted: Config,
        state: Mapping[str, Any],
        before: list[Amendment],
        rules_of: Iterable[bytes] = (),
    ) -> Self:
        """What `wanted` changes of what `known` says.

        Readings of before are judged by its rules as well where they were by other ones of
        `rules_of`, configurations that there have been.

        Raises
        ------
        GreendcError
            If nothing is changed, or something that cannot be recomputed; it says what to do.
        """
        found = changed(known, wanted, settled(state["sites"]))
        found += changed_rules(map(msgspec.json.decode, rules_of), wanted)
        if not found:
            raise GreendcError(NOTHING)
        refused = list(refusals(found, wanted.effective()))
        if refused:
            raise GreendcError("\n".join(refused))
        return cls(known, wanted, found, before)

    def beginning(self, ledger: Path, past: Past) -> Behind | None:
        """Where to begin if the journal has let go of its first entries; None if it has not.

        Raises
        ------
        GreendcError
            If what it still has does not tell what would change: for each key the time from
            which on it may be changed all the same.
        """
        try:
            found = beginning(ledger, past)
        except GreendcError as error:
            lines = [f"{error}, so that what is closed stays:", *map(told, self.found), ANEW]
            raise GreendcError("\n".join(lines)) from error
        if found is None:
            return None
        undated = [one for one in self.found if one.path[-1] in RULES]
        if undated:
            lines = [f"{found.gone}, so that not all can be judged anew:", *map(told, undated)]
            raise GreendcError("\n".join([*lines, ANEW]))
        early = changed(self.known, self.config, found.settled)
        if early:
            lines = [f"{found.gone}, so that not all can be computed anew:"]
            lines += [f"{one.key}: {_earliest(one)}" for one in early]
            raise GreendcError("\n".join([*lines, ANEW]))
        return found

    @property
    def keys(self) -> list[list[str]]:
        """The keys as the journal holds them."""
        return [[one.site, *one.path] for one in self.found]

    @property
    def token(self) -> str:
        """What a scratch ledger must have been made for."""
        parts = [__version__, self.config.figures_hash(), self.keys, len(self.before)]
        return sha256(msgspec.json.encode(parts)).hexdigest()

    def amendments(self) -> list[Amendment]:
        """Those of before, and this one at the end of all."""
        return [*self.before, Amendment(AT_LAST, self.keys, self.config.effective())]


def _earliest(one: Changed) -> str:
    if one.path[-1] in UNDATED:
        return "has no date, so that it changes everything"
    return f"earliest from that can be recomputed is {rfc3339(one.open)}"


def taken(folder: Path, wish: Wish) -> Prepared:
    """What has been prepared in a data folder, out of the way of whoever has done it.

    Raises
    ------
    GreendcError
        If nothing has been, or something else.
    """
    mine = folder / TAKEN
    shutil.rmtree(mine, ignore_errors=True)
    try:
        (folder / FOLDER).rename(mine)
    except OSError as error:
        raise GreendcError("nothing is prepared: give greendc recompute") from error
    with closing(Store(mine / LEDGER, durable=False)) as store:
        token, differing, own, theirs = store.get(PREPARED) or (None, [], 0, 0)
    if token != wish.token:
        raise GreendcError("something else is prepared: give greendc recompute again")
    return Prepared(mine / LEDGER, [Portion(*one) for one in differing], own, theirs)


def clear(folder: Path) -> None:
    """Remove what a killed greendc has left of its scratch ledgers."""
    for left in folder.glob("recompute-*"):
        shutil.rmtree(left, ignore_errors=True)
