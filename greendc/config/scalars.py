"""Values of a configuration file: durations, instants, and values that change in time."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    Strict,
    WithJsonSchema,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema

from greendc.calendars import rfc3339
from greendc.config.words import nearest
from greendc.core.facility import DAY, EVER, HOUR, MINUTE, SECOND

T = TypeVar("T")

LONGEST = 36_525 * DAY
NO_DURATION = "must be a duration such as 60s, 10min, 1h or 7d"
_DIGITS = 10  # more would be longer than that in any unit
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPANS = {"d": DAY, "h": HOUR, "min": MINUTE, "s": SECOND}
_DURATION = re.compile(r"([1-9][0-9]*)(d|h|min|s)")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(?:Z|[+-]\d\d:\d\d)")


def duration(text: object) -> int:
    """Read a duration such as ``10min`` [ns].

    Raises
    ------
    ValueError
        If it is not a whole, positive number of d, h, min or s, or longer than a hundred years.

    Examples
    --------
    >>> duration("10min") // SECOND
    600
    """
    if not isinstance(text, str):
        raise ValueError(NO_DURATION)  # noqa: TRY004 - as of any other text
    return _duration(text)


@lru_cache(maxsize=1024)  # the same one stands in many meters
def _duration(text: str) -> int:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(NO_DURATION)
    span = int(found[1][:_DIGITS]) * _SPANS[found[2]]
    if span > LONGEST or len(found[1]) > _DIGITS:
        raise ValueError("must be no longer than a hundred years")
    return span


@lru_cache(maxsize=1024)  # the same one stands in many meters
def duration_text(span: int) -> str:
    """The shortest text of a whole number of seconds [ns].

    >>> duration_text(90 * MINUTE)
    '90min'
    """
    unit = next(u for u, size in _SPANS.items() if span % size == 0)
    return f"{span // _SPANS[unit]}{unit}"


def instant(text: object) -> int:
    """Read an RFC 3339 time with its offset [ns since 1970-01-01T00:00:00Z].

    Raises
    ------
    ValueError
        If it is no such time, or names no offset.

    Examples
    --------
    >>> instant("1970-01-01T01:00:00+01:00")
    0
    """
    found = _INSTANT.fullmatch(text) if isinstance(text, str) else None
    if found is None or not isinstance(text, str):
        raise ValueError("must be a time with its offset, such as 2025-03-01T00:00:00Z")
    whole = datetime.fromisoformat(re.sub(r"\.\d+", "", text))
    fraction = int((found[1] or "").ljust(9, "0"))
    time = (whole - _EPOCH) // timedelta(seconds=1) * SECOND + fraction
    if not -EVER < time < EVER:
        raise ValueError("must lie between the years 1824 and 2116")
    return time


Duration = Annotated[
    int,
    BeforeValidator(duration),
    PlainSerializer(duration_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$"}),
]
Instant = Annotated[
    int,
    BeforeValidator(instant),
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Positive = Annotated[FiniteFloat, Field(gt=0)]
NotNegative = Annotated[FiniteFloat, Field(ge=0)]
Id = Annotated[str, Field(pattern=r"^[^\s/{}+#\[\]\x00-\x1f\x7f-\x9f]+$")]
Items = Annotated[tuple[T, ...], Strict(strict=False)]
Pair = Annotated[tuple[FiniteFloat, FiniteFloat], Strict(strict=False)]
File = Annotated[Path, Strict(strict=False), PlainSerializer(str, return_type=str)]


def _path(given: object) -> object:
    """A path into a payload: ``data.0.value``, or a list where a key holds a dot."""
    if isinstance(given, str):
        given = [int(p) if p.isdecimal() else p for p in given.split(".")] if given else []
    keys = isinstance(given, list | tuple) and all(type(p) in {str, int} for p in given)
    if not keys:
        raise ValueError("must be a path such as data.0.value, or a list of keys and numbers")
    return given


PayloadPath = Annotated[
    tuple[str | int, ...],
    Strict(strict=False),
    BeforeValidator(_path),
    PlainSerializer(list, return_type=list[str | int]),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": ["string", "integer"]}},
            ]
        }
    ),
]


def _tags(given: object) -> object:
    """One text, or a list of different ones."""
    tags = list(given) if isinstance(given, list | tuple) else [given]
    if not tags or not all(isinstance(tag, str) and tag for tag in tags):
        raise ValueError("must be a text, or a list of texts")
    if len(set(tags)) < len(tags):
        raise ValueError("names a text twice")
    return tags


def _shortest_tags(tags: tuple[str, ...]) -> str | list[str]:
    return tags[0] if len(tags) == 1 else list(tags)


Tags = Annotated[
    tuple[str, ...],
    Strict(strict=False),
    BeforeValidator(_tags),
    PlainSerializer(_shortest_tags, return_type=str | list[str]),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
            ]
        }
    ),
]


def one_of(what: str, words: Iterable[str]) -> tuple[object, ...]:
    """Annotations of a text that must be one of the words."""
    known = list(words)

    def listed(given: str) -> str:
        if given not in known:
            raise ValueError(f'"{given}" is no {what}{nearest(given, known)}')
        return given

    return AfterValidator(listed), WithJsonSchema({"type": "string", "enum": known})


def key(default: Any, description: str, **more: Any) -> Any:
    """A key that may be left out; its default stands as it would in the file."""
    return Field(default, description=description, **more)


class Model(BaseModel):
    """Strict and frozen; a key that is not known is an error."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_default=True,
        defer_build=True,  # most models are only ever parts of one that is built with them in it
    )


class Step(Model, Generic[T]):
    """A value that holds from a time on."""

    from_: Instant | None = Field(None, alias="from")
    value: T

    @property
    def start(self) -> int:
        """When the value begins to hold; the beginning of time where not said [ns]."""
        return -EVER if self.from_ is None else self.from_


PLAIN = (str, int, float, bool)
MOST_SHARED = 10_000
_SHARED: dict[tuple[object, ...], Any] = {}
M = TypeVar("M", bound=Model)


class Timed(Model, Generic[T]):
    """A value for all times, or a list of `{from, value}`, each until the next."""

    steps: Items[Step[T]]

    @model_validator(mode="wrap")
    @classmethod
    def _listed(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if type(given) in PLAIN:
            return _shared(cls, given, handler)
        if isinstance(given, cls):
            return given
        # No value is a list of mappings: what looks like steps is meant to be steps.
        dated = isinstance(given, list) and any(isinstance(item, dict) for item in given)
        return handler({"steps": given if dated else [{"value": given}]})

    @field_validator("steps")
    @classmethod
    def _in_order(cls, steps: tuple[Step[T], ...]) -> tuple[Step[T], ...]:
        starts = [step.start for step in steps]
        if any(later <= earlier for earlier, later in pairwise(starts)):
            raise ValueError("each `from` must be later than the one before")
        return steps

    @model_serializer(mode="wrap")
    def _shortest(self, handler: SerializerFunctionWrapHandler) -> Any:
        first = self.steps[0]
        if not self.is_dated and type(first.value) in {str, float}:  # nearly all; written as it is
            return first.value
        steps = [_shown(step) for step in handler(self)["steps"]]
        return steps[0]["value"] if len(steps) == 1 and "from" not in steps[0] else steps

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe what stands in the file: the value itself, or the list."""
        steps = handler.resolve_ref_schema(handler(schema))["properties"]["steps"]
        step = handler.resolve_ref_schema(steps["items"])
        return {"anyOf": [step["properties"]["value"], {**steps, "minItems": 1}]}

    def at(self, when: int) -> T | None:
        """The value at an instant [ns]; None before the first."""
        if len(self.steps) == 1 and self.steps[0].from_ is None:  # nearly all
            return self.steps[0].value
        held = [step.value for step in self.steps if step.start <= when]
        return held[-1] if held else None

    def held(self, when: int) -> T:
        """The value at an instant [ns]; before the first step the first value."""
        found = self.at(when)
        return self.steps[0].value if found is None else found

    @property
    def last(self) -> T:
        """The newest value."""
        return self.steps[-1].value

    @property
    def is_dated(self) -> bool:
        """Whether a time is named at all."""
        return len(self.steps) > 1 or self.steps[0].from_ is not None

    @property
    def changes(self) -> tuple[int, ...]:
        """When the value changes [ns]."""
        return tuple(step.start for step in self.steps if step.from_ is not None)


def _shared(cls: type[M], given: Any, handler: ModelWrapValidatorHandler[M]) -> M:
    """One object for all meters that say the same: it is frozen, and takes a kilobyte."""
    # 1 equals 1.0 and True, and 0.0 equals -0.0
    known = (cls, given) if type(given) is str else (cls, type(given), repr(given))
    found: M | None = _SHARED.get(known)
    if found is not None:
        return found
    made = handler({"steps": [{"value": given}]})
    if len(_SHARED) < MOST_SHARED:
        _SHARED[known] = made
    return made


def _shown(step: dict[str, Any]) -> dict[str, Any]:
    start = step.get("from", step.get("from_"))
    return {**({} if start is None else {"from": start}), "value": step["value"]}
