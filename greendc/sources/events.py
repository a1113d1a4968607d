"""Events of a recorded log: whether their data are what their kind needs."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import orjson

from greendc.clocks import SKEW
from greendc.config import Config
from greendc.core.facility import EVER
from greendc.ports import Event, GreendcError

Instant = Annotated[int, msgspec.Meta(ge=-EVER, lt=EVER)]
Session = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class BadEventError(ValueError):
    """An event that nothing can be made of; the text is the reason, one word."""


class _Tick(msgspec.Struct):
    pass


class _Span(msgspec.Struct, rename={"since": "from", "until": "to"}):
    since: Instant | None = None
    until: Instant | None = None


class _SessionLost(_Span):
    session: Session = 0


class _Dropped(msgspec.Struct, rename={"since": "from"}):
    total: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    since: Instant | None = None
    until: Instant | None = None


class _End(msgspec.Struct):
    site: str | None = None
    at: Instant | None = None


class _Config(msgspec.Struct):
    effective: dict[str, Any]


class _Recompute(_Config):
    keys: list[Annotated[list[str], msgspec.Meta(min_length=2)]]


FORMS: Mapping[str, type[msgspec.Struct]] = {
    "config": _Config,
    "recompute": _Recompute,
    "session_lost": _SessionLost,
    "broker_dropped": _Dropped,
    "tick": _Tick,
    "entry": _Span,
    "end": _End,
}


def checked(event: Event) -> Event:
    """The event itself.

    Raises
    ------
    BadEventError
        `unknown_event` where there is no such kind, `bad_config` where it is no configuration
        for this greendc, `bad_event` where other data are not what the kind needs.

    Examples
    --------
    >>> checked(Event("end", 0, {"at": 0})).kind
    'end'
    """
    form = FORMS.get(event.kind)
    if form is None:
        raise BadEventError("unknown_event")
    try:
        found = msgspec.convert(event.data, form)
        orjson.dumps(dict(event.data))  # refuses what is nested deeper than a journal can hold
        if isinstance(found, _Config):
            Config.from_effective(found.effective)
    except (GreendcError, msgspec.ValidationError, TypeError) as error:
        raise BadEventError("bad_config" if issubclass(form, _Config) else "bad_event") from error
    if isinstance(found, _End) and found.at is not None and found.at > event.arrival + SKEW:
        raise BadEventError("bad_event")  # nobody can know what is still to come
    return event
