"""YAML text as plain data, with the line of each value."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from greendc.config.yaml_events import Event, Events
from greendc.ports import GreendcError

Loc = tuple[str | int, ...]
MOST = 1_000_000  # values of a file; ten thousand meters have a fifth of them

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
    """Plain data and the line of each key or item, by its path."""

    data: Any = None
    lines: dict[Loc, int] = field(default_factory=dict)
    mistakes: list[tuple[int, Loc, str]] = field(default_factory=list)

    def place(self, loc: Loc) -> tuple[int, Loc]:
        """Line and path in the file of a place in the models, where dated values lie deeper."""
        path: Loc = ()
        line, data, before = self.lines.get((), 1), self.data, None
        for step in loc:
            if _inside(step, data):
                path, data = (*path, step), data[step]
                line = self.lines.get(path, line)
            elif not _only_in_models(step, before):
                path, data = (*path, step), None
            before = step
        return line, path


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
    loader, tree = _Loader(text), Tree()
    try:
        events = Events(loader)
        first = events.begin()
        tree.data = {} if first is None else _Builder(loader, events, tree).build(first, ())
        events.end()
    finally:
        loader.dispose()
    return tree


class _TooMuchError(Exception):
    """More values than any configuration has."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _Builder:
    """Turns events into data, noting lines and mistakes."""

    def __init__(self, loader: _Loader, events: Events, tree: Tree) -> None:
        self.loader, self.events, self.tree = loader, events, tree
        self.built = 0
        self.plain: dict[str, Any] = {}  # what texts without quotes and tags stand for

    def build(self, event: Event, loc: Loc) -> Any:
        """The data that an event begins; those that follow up to its end are taken."""
        if type(event) is yaml.AliasEvent:
            return self._meant(event, loc)
        line = event.start_mark.line + 1
        self.built += 1
        if self.built > MOST:  # an alias costs its text nothing, but the memory all that it names
            raise _TooMuchError(line)
        self.tree.lines.setdefault(loc, line)
        if type(event) is yaml.ScalarEvent:
            return self._scalar(event, loc)
        if type(event) is yaml.MappingStartEvent:
            return dict(self._pairs(loc))
        return list(self._items(loc))

    def _meant(self, alias: Event, loc: Loc) -> Any:
        meant = self.events.meant(alias)
        if self.events.within(alias):
            self._mistake(meant, loc, "holds itself")
            return None
        with self.events.again(alias):
            return self.build(self.events.take(), loc)

    def _items(self, loc: Loc) -> Iterator[Any]:
        place = 0
        while type(event := self.events.take()) is not yaml.SequenceEndEvent:
            yield self.build(event, (*loc, place))
            place += 1

    def _pairs(self, loc: Loc) -> Iterator[tuple[str | int, Any]]:
        seen: set[str | int] = set()
        while type(event := self.events.take()) is not yaml.MappingEndEvent:
            given = self.events.meant(event)
            key = self._key(event, given, loc)
            value = self.events.take()
            if type(key) not in {str, int}:
                self._mistake(given, loc, f"{key!r} is no key; put it in quotes")
                self.events.leave(value)
                continue
            path = (*loc, key)
            if key in seen:
                self._mistake(given, path, "the key is there twice")
            seen.add(key)
            self.tree.lines[path] = given.start_mark.line + 1
            yield key, self.build(value, path)

    def _key(self, event: Event, given: Event, loc: Loc) -> Any:
        if type(given) is yaml.ScalarEvent:
            return self._scalar(given, loc)
        self.events.leave(event)
        return None

    def _scalar(self, event: Event, loc: Loc) -> Any:
        text, plain = event.value, event.implicit[0] and not event.tag
        if plain and text in self.plain:
            return self.plain[text]
        tag = event.tag
        if tag is None or tag == "!":
            tag = self.loader.resolve(yaml.ScalarNode, text, event.implicit)  # type: ignore[no-untyped-call]
        node = yaml.ScalarNode(tag, text, event.start_mark, event.end_mark)
        try:
            found = self.loader.construct_object(node)
            text.encode()
        except yaml.constructor.ConstructorError as error:
            self._mistake(event, loc, f"cannot be read: {error.problem}")
            return None
        except ValueError as error:
            self._mistake(event, loc, f"cannot be read: {error}")
            return None
        if plain:
            self.plain[text] = found
        return found

    def _mistake(self, event: Event, loc: Loc, text: str) -> None:
        self.tree.mistakes.append((event.start_mark.line + 1, loc, text))
