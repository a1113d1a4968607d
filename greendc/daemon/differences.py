"""What two effective configurations differ in, key by key, for people."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST = 60  # characters of a value
HUGE = ("content",)  # tables and series, of which only is told that they are others
NAMES = ("id", "name", "topic", "kind")  # of list items, the first one that they have

Keys = dict[str, Any]


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """A line for each key: + is new, - is gone, ~ has another value.

    >>> old = {"log": {"level": "info"}, "sites": [{"id": "a"}, {"id": "b", "zone": "UTC"}]}
    >>> new = {"log": {"level": "debug"}, "sites": [{"id": "b", "zone": "UTC"}, {"id": "c"}]}
    >>> for line in differences(old, new):
    ...     print(line)
    ~ log.level: "info" -> "debug"
    - sites[a]
    + sites[c]
    """
    return list(_differing("", old, new))


def _differing(path: str, old: Any, new: Any) -> Iterator[str]:
    if old == new:
        return
    if path in HUGE:
        yield f"~ {path}: emission factors of tables or series"
        return
    before, after = _keys(old), _keys(new)
    if before is None or after is None:
        yield f"~ {path}: {_shown(old)} -> {_shown(new)}"
        return
    for key in dict.fromkeys((*before, *after)):
        place = f"{path}{key}" if key.startswith("[") else f"{path}.{key}".removeprefix(".")
        if key not in after:
            yield f"- {place}"
        elif key not in before:
            yield f"+ {place}{_brief(after[key])}"
        else:
            yield from _differing(place, before[key], after[key])


def _keys(given: Any) -> Keys | None:
    """A mapping, or a list whose items have different names, by its keys."""
    if isinstance(given, dict):
        return {str(key): value for key, value in given.items()}
    if not isinstance(given, list):
        return None
    names = [_name(item) for item in given]
    if None in names or len(set(names)) < len(names):
        return None
    return {f"[{name}]": item for name, item in zip(names, given, strict=True)}


def _name(item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    return next((str(item[key]) for key in NAMES if key in item), None)


def _brief(given: Any) -> str:
    return "" if isinstance(given, dict | list) else f": {_shown(given)}"


def _shown(given: Any) -> str:
    """JSON, of a long one both ends: those of two paths tell them apart."""
    text = json.dumps(given, ensure_ascii=False)
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[: half - 1]}…{text[-half:]}"
