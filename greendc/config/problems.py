"""Mistakes in a configuration, told with file, line and the nearest right word."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from greendc.config.tree import Loc, Tree
from greendc.config.words import nearest
from greendc.ports import GreendcError

TAG = "kind"  # the key by which one of several models is chosen

_TEXTS = {
    "string_type": "must be text",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "finite_number": "must be a finite number",
    "missing": "missing",
    "path_type": "must be a path",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "string_pattern_mismatch": "must have no space and none of / { } + # [ ]",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake at a place in the configuration."""

    loc: Loc
    text: str


def fail(problems: Sequence[Problem], tree: Tree | None, name: str) -> None:
    """Raise all problems as one error, a line each, in the order of the file.

    Raises
    ------
    GreendcError
        If there are any.
    """
    found = sorted({_told(problem, tree) for problem in problems})
    found += [(line, _path(loc), text) for line, loc, text in (tree.mistakes if tree else ())]
    if found:
        lines = [_line(name, tree, *item) for item in sorted(found)]
        raise GreendcError("\n".join(lines))


def _told(problem: Problem, tree: Tree | None) -> tuple[int, str, str]:
    line, loc = tree.place(problem.loc) if tree else (0, problem.loc)
    return line, _path(loc), problem.text


def _line(name: str, tree: Tree | None, line: int, path: str, text: str) -> str:
    place = f"{name}:{line}" if tree else name
    return f"{place}: {path}: {text}" if path else f"{place}: {text}"


def _path(loc: Loc) -> str:
    """Path as people write it.

    >>> _path(("sites", 0, "meters", 3, "kind"))
    'sites[0].meters[3].kind'
    """
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc)
    return text.removeprefix(".")


# -- what pydantic found ----------------------------------------------------------------------


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """The mistakes that the models found, in words of the field."""
    return [_problem(found, model) for found in error.errors(include_url=False)]


_SHOULD = re.compile(r"^\w+ should")  # what is meant the place says


def _problem(found: ErrorDetails, model: type[BaseModel]) -> Problem:
    loc, given = found["loc"], found["input"]
    kind = found["type"]
    place = _without_tags(model, loc)
    if kind == "extra_forbidden":
        hint = nearest(loc[-1], _keys(model, loc[:-1]))
        return Problem(place, f"unknown key{hint}")
    if kind == "union_tag_not_found":
        return Problem((*place, TAG), "missing")
    if kind == "union_tag_invalid":
        return Problem((*place, TAG), _not_listed(given[TAG], _choices(model, (*loc, TAG))))
    if kind == "literal_error":
        return Problem(place, _not_listed(given, _choices(model, loc)))
    text = _TEXTS.get(kind) or _SHOULD.sub("must", found["msg"].removeprefix("Value error, "))
    text = text[0].lower() + text[1:]
    shown = f", not {_yaml(given)}" if kind.endswith("_type") or kind == "finite_number" else ""
    return Problem(place, text + shown)


def _not_listed(given: object, choices: Sequence[object]) -> str:
    words = [str(choice) for choice in choices]
    listed = (
        ", ".join(_yaml(c) for c in choices)
        if len(words) <= 8
        else f"one of {len(words)} known values"
    )
    return f"{_yaml(given)} is not {listed}{nearest(given, words)}"


def _yaml(given: object) -> str:
    """A value as it reads in the file, shortened."""
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, dict | list):
        return "a mapping" if isinstance(given, dict) else "a list"
    return "nothing" if given is None else repr(given)[:60]


def _annotations(model: type[BaseModel], loc: Loc) -> list[Any]:
    """Every annotation that the models have at a place."""
    found: list[Any] = [model]
    for step in loc:
        inner = [m for annotation in found for m in _models(annotation)]
        fields = [
            f.annotation
            for m in inner
            for name, f in m.model_fields.items()
            if step in {name, f.alias}
        ]
        found = fields or [m for m in inner if step in _tags(m)] or found
    return found


def _without_tags(model: type[BaseModel], loc: Loc) -> Loc:
    """A place as it is in the file: pydantic also names which of several models was taken."""
    return tuple(
        step
        for i, step in enumerate(loc)
        if not any(
            step in _tags(m) and step not in m.model_fields
            for annotation in _annotations(model, loc[:i])
            for m in _models(annotation)
        )
    )


def _tags(model: type[BaseModel]) -> list[object]:
    """What may stand at the key that tells one model from another."""
    field = model.model_fields.get(TAG)
    return [] if field is None or not field.is_required() else list(get_args(field.annotation))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _keys(model: type[BaseModel], loc: Loc) -> list[str]:
    return [
        field.alias or name
        for annotation in _annotations(model, loc)
        for found in _models(annotation)
        for name, field in found.model_fields.items()
    ]


def _choices(model: type[BaseModel], loc: Loc) -> list[object]:
    return [c for annotation in _annotations(model, loc) for c in _literals(annotation)]


def _literals(annotation: Any) -> Iterator[object]:
    for part in get_args(annotation):
        if get_args(part):
            yield from _literals(part)
        elif isinstance(part, str | int) and not isinstance(part, bool):
            yield part
