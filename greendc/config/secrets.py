"""Which texts are secrets: of the environment, of the files that a configuration names."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

PLAIN = {type(None), bool, int, float, str}  # most of a large configuration; they name no file
LONGEST = 65_536  # bytes of a file that are looked at
VARIABLE = re.compile(r"GREENDC_\w*(PASSWORD|TOKEN|SECRET)\w*")
# Where somebody has written a secret itself into the file: no such key exists, and the
# message that says so must not spread it.
WRITTEN = re.compile(
    r"""(?im)^[^#\n]*?(?:password|passwd|token|secret)(?!\w*_file)\w*["']?[ ]*:[ ]*"""
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
    return set(WRITTEN.findall(text))


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
        for name, value in given:
            if isinstance(value, Path) and name.endswith("_file"):
                yield value
            elif type(value) not in PLAIN:
                yield from _files(value)
    elif isinstance(given, tuple | list):
        for item in given:
            yield from _files(item)
