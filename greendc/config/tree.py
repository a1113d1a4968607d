"""YAML text as plain data, and the line of each value where somebody asks for it."""

import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from greendc.config.yaml_events import Event, Events
from greendc.config.yaml_rows import Cut, IrregularError, Rows, cut
from greendc.ports import GreendcError

Loc = tuple[str | int, ...]
MOST = 1_000_000  # values of a file; ten thousand meters have a fifth of them

_TEXT = "tag:yaml.org,2002:str"
_FLOAT = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$|[-+]?\.(?:inf|Inf|INF)$|\.nan$")


class _Loader(yaml.CSafeLoader):
    """Safe loader that leaves times as text and knows `1e3` for a number."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, regexp) for tag, regexp in resolvers if not tag.endswith((":timestamp", ":float"))
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


@dataclass
class Tree:
    """Plain data of a text, and the mistakes in it: each with its line and path.

    `shared` names the profiles that have filled in meters, by the meters' places.
    """

    text: str = ""
    data: Any = None
    mistakes: list[tuple[int, Loc, str]] = field(default_factory=list)
    shared: dict[Loc, str] = field(default_factory=dict)

    @cached_property
    def lines(self) -> dict[Loc, int]:
        """The line of each key or item, by its path: the text is read again for it.

        Of a large configuration they take more memory than the data, and most have no mistake.
        """
        found: dict[Loc, int] = {}
        _built(Cut(self.text), found)
        return found

    def place(self, loc: Loc) -> tuple[int, Loc]:
        """Line and path in the file of a place in the models, where dated values lie deeper."""
        path: Loc = ()
        line, data, before = self.lines.get((), 1), self.data, None
        for step in self._said(loc):
            if _inside(step, data):
                path, data = (*path, step), data[step]
                line = self.lines.get(path, line)
            elif not _only_in_models(step, before):
                path, data = (*path, step), None
            before = step
        return line, path

    def _said(self, loc: Loc) -> Loc:
        """Where it stands: in a profile, if a meter does not say it itself."""
        profile, key = self.shared.get(loc[:4]), loc[4:5]
        if profile is None or loc[:5] in self.lines or not key:
            return loc
        found: Loc = ("profiles", profile, *key)
        return (*found, *loc[5:]) if found in self.lines else loc


def _inside(step: str | int, data: Any) -> bool:
    if isinstance(data, dict):
        return step in data
    return isinstance(data, list) and type(step) is int and step < len(data)


def _only_in_models(step: str | int, before: str | int | None) -> bool:
    """Steps that a value without dates is spared, and pydantic's mark of a bad key."""
    if step == "value":
        return isinstance(before, int)
    return isinstance(step, int) or step in {"steps", "[key]"}


def parse(text: str, name: str) -> Tree:
    """Read YAML; what is said twice or cannot be plain data is a mistake of the tree.

    Raises
    ------
    GreendcError
        If the text is no YAML; it names the line.
    """
    try:
        return _parsed(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        told = f"character {error.character:#06x} is not allowed"
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        last = text.count("\n") + 1  # where the text ends too early, the mark stands after it
        line = min(mark.line + 1, last) if mark is not None else 1
        told = error.problem or error.context or "not understood"
    except RecursionError:
        line, told = 1, "nested too deeply"
    except _TooMuchError as error:
        line, told = error.line, f"more than {MOST} values; are aliases in it that multiply?"
    raise GreendcError(f"{name}:{line}: no YAML: {told}")


def _parsed(text: str) -> Tree:
    """The tree of a text: its rows as lines, where all is good, otherwise event by event."""
    short = cut(text)
    with suppress(yaml.YAMLError, RecursionError, _TooMuchError, IrregularError):
        tree = _built(short)
        if short.all_met() and not tree.mistakes:
            return replace(tree, text=text)
    return _built(Cut(text))


def _built(given: Cut, lines: dict[Loc, int] | None = None) -> Tree:
    loader, tree = _Loader(given.text), Tree(given.text)
    try:
        events = Events(loader)
        first = events.begin()
        builder = _Builder(loader, events, given, tree.mistakes, lines)
        tree.data = {} if first is None else builder.build(first, ())
        events.end()
    finally:
        loader.dispose()
    return tree


class _TooMuchError(Exception):
    """More values than any configuration has."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _Plain(dict[str, Any]):
    """What texts without quotes and tags stand for."""

    def __init__(self, loader: _Loader) -> None:
        super().__init__()
        self._loader = loader

    def __missing__(self, text: str) -> Any:
        if text.isascii() and text[:1] not in _Loader.yaml_implicit_resolvers:
            found: Any = text  # no other type begins like that
        else:
            found = _constructed(self._loader, None, text, (True, False))
        self[text] = found
        return found


def _constructed(loader: _Loader, tag: str | None, text: str, implicit: tuple[bool, bool]) -> Any:
    """What a text with that tag stands for.

    Raises
    ------
    ConstructorError, ValueError
        If it stands for nothing.
    """
    if tag is None or tag == "!":
        tag = loader.resolve(yaml.ScalarNode, text, implicit)  # type: ignore[no-untyped-call]
    found = text if tag == _TEXT else loader.construct_object(yaml.ScalarNode(tag, text))
    text.encode()
    return found


class _Builder:
    """Turns events into data, noting mistakes, and lines where they are asked for."""

    def __init__(
        self,
        loader: _Loader,
        events: Events,
        given: Cut,
        mistakes: list[tuple[int, Loc, str]],
        lines: dict[Loc, int] | None,
    ) -> None:
        self.loader, self.events, self.given = loader, events, given
        self.mistakes, self.lines = mistakes, lines
        self.built = 0
        self.plain = _Plain(loader)

    def build(self, event: Event, loc: Loc) -> Any:
        """The data that an event begins; those that follow up to its end are taken."""
        kind = type(event)
        if kind is AliasEvent:
            return self._meant(event, loc)
        self.built += 1
        if self.built > MOST:  # an alias costs its text nothing, but the memory all that it names
            raise _TooMuchError(event.start_mark.line + 1)
        if self.lines is not None:
            self.lines.setdefault(loc, event.start_mark.line + 1)
        if kind is ScalarEvent:
            return self._scalar(event, loc)
        if kind is MappingStartEvent:
            return self._mapping(loc)
        return self._sequence(loc)

    def _meant(self, alias: Event, loc: Loc) -> Any:
        meant = self.events.meant(alias)
        if self.events.within(alias):
            self._mistake(meant, loc, "holds itself")
            return None
        with self.events.again(alias):
            return self.build(self.events.take(), loc)

    def _sequence(self, loc: Loc) -> list[Any]:
        items: list[Any] = []
        while type(event := self.events.take()) is not SequenceEndEvent:
            items.append(self.build(event, (*loc, len(items))))
            rows = self.given.behind(event) if self.given.rows else None
            if rows is not None:
                items += self._rows(rows)
        return items

    def _rows(self, rows: Rows) -> list[Any]:
        try:
            items = list(rows.read(self.plain))
        except (yaml.constructor.ConstructorError, ValueError) as error:
            raise IrregularError from error
        self.built += sum(map(len, items), len(items))
        if self.built > MOST:
            raise IrregularError
        return items

    def _mapping(self, loc: Loc) -> dict[str | int, Any]:
        pairs: dict[str | int, Any] = {}
        take = self.events.take
        while type(event := take()) is not MappingEndEvent:
            given: Event = event if type(event) is ScalarEvent else self.events.meant(event)
            key = self._key(event, given, loc)
            value = take()
            if type(key) not in {str, int}:
                self._mistake(given, loc, f"{key!r} is no key; put it in quotes")
                self.events.leave(value)
                continue
            path = (*loc, key)
            if key in pairs:
                self._mistake(given, path, "the key is there twice")
            if self.lines is not None:
                self.lines[path] = given.start_mark.line + 1
            pairs[key] = self.build(value, path)
        return pairs

    def _key(self, event: Event, given: Event, loc: Loc) -> Any:
        if type(given) is ScalarEvent:
            return self._scalar(given, loc)
        self.events.leave(event)
        return None

    def _scalar(self, event: Event, loc: Loc) -> Any:
        try:
            if event.implicit[0] and not event.tag:
                return self.plain[event.value]
            return _constructed(self.loader, event.tag, event.value, event.implicit)
        except yaml.constructor.ConstructorError as error:
            self._mistake(event, loc, f"cannot be read: {error.problem}")
        except ValueError as error:
            self._mistake(event, loc, f"cannot be read: {error}")
        return None

    def _mistake(self, event: Event, loc: Loc, text: str) -> None:
        self.mistakes.append((event.start_mark.line + 1, loc, text))
