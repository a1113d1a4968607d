"""Which texts are secrets: of the environment, of the files that a configuration names."""

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

LONGEST = 65_536  # bytes of a file that are looked at
VARIABLE = re.compile(r"GREENDC_\w*(PASSWORD|TOKEN|SECRET)\w*")
WORDS = ("password", "passwd", "token", "secret")
# Where somebody has written a secret itself into the file: no such key exists, and the
# message that says so must not spread it.
WRITTEN = re.compile(
    rf"""(?i)^[^#\n]*?(?:{"|".join(WORDS)})(?!\w*_file)\w*["']?[ ]*:[ ]*"""
    r"""(?!null\b|~)["']?([^"'\s,}#]+)"""
)


def environment_secrets(environment: Mapping[str, str] = os.environ) -> set[str]:
    """What greendc's own variables hold."""
    return {
        form
        for name, value in environment.items()
        if VARIABLE.fullmatch(name)
        for form in (value, value.strip())
    }


def written_secrets(text: str) -> set[str]:
    """What stands in a configuration file where no secret belongs.

    >>> written_secrets("mqtt: {password: hunter2, password_file: broker.pw}")
    {'hunter2'}
    """
    lines = [line for line in text.split("\n") if any(map(line.casefold().__contains__, WORDS))]
    return {found[1] for found in map(WRITTEN.match, lines) if found is not None}


def filed_secrets(model: BaseModel) -> set[str]:
    """The content of every file that a key `…_file` names; files that cannot be read have none."""
    return {text for path in _files(model) for text in _content(path)}


def _content(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            text = file.read(LONGEST).decode(errors="replace")
    except OSError:
        return
    yield text.strip()
    yield from (line.strip() for line in text.splitlines())


def _files(given: object) -> Iterator[Path]:
    if isinstance(given, BaseModel):
        for name in _telling(type(given)):
            value = getattr(given, name)
            if isinstance(value, Path):
                yield value
            else:
                yield from _files(value)
    elif isinstance(given, tuple | list):
        for item in given:
            yield from _files(item)


@cache
def _telling(model: type[BaseModel]) -> tuple[str, ...]:
    """Fields that name a file, or hold what does: of a site with all its meters none."""
    return tuple(
        name for name, field in model.model_fields.items() if _may_tell(name, field.annotation)
    )


def _may_tell(name: str, annotation: Any) -> bool:
    if annotation is Path:
        return name.endswith("_file")
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return bool(_telling(annotation))
    return any(_may_tell(name, part) for part in get_args(annotation))
