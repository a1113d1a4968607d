"""YAML text as plain data, with the line of each value."""

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

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
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        tree = Tree()
        tree.data = _Builder(loader, tree).build(node, ()) if node is not None else {}
    finally:
        loader.dispose()
    return tree


class _TooMuchError(Exception):
    """More values than any configuration has."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _Builder:
    """Turns nodes into data, noting lines and mistakes."""

    def __init__(self, loader: _Loader, tree: Tree) -> None:
        self.loader, self.tree = loader, tree
        self.open: set[int] = set()
        self.built = 0

    def build(self, node: yaml.Node, loc: Loc) -> Any:
        self.built += 1
        if self.built > MOST:  # an alias costs its text nothing, but the memory all that it names
            raise _TooMuchError(node.start_mark.line + 1)
        self.tree.lines.setdefault(loc, node.start_mark.line + 1)
        if id(node) in self.open:
            self._mistake(node, loc, "holds itself")
            return None
        self.open.add(id(node))
        data = self._content(node, loc)
        self.open.remove(id(node))
        return data

    def _content(self, node: yaml.Node, loc: Loc) -> Any:
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, loc))
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*loc, i)) for i, item in enumerate(node.value)]
        return self._scalar(node, loc)

    def _pairs(self, node: yaml.MappingNode, loc: Loc) -> Iterator[tuple[str | int, Any]]:
        seen: set[Hashable] = set()
        for key_node, value in node.value:
            key = self._scalar(key_node, loc)
            if type(key) not in {str, int}:
                self._mistake(key_node, loc, f"{key!r} is no key; put it in quotes")
                continue
            path = (*loc, key)
            if key in seen:
                self._mistake(key_node, path, "the key is there twice")
            seen.add(key)
            self.tree.lines[path] = key_node.start_mark.line + 1
            yield key, self.build(value, path)

    def _scalar(self, node: yaml.Node, loc: Loc) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            return None
        try:
            found = self.loader.construct_object(node)
            node.value.encode()
        except yaml.constructor.ConstructorError as error:
            self._mistake(node, loc, f"cannot be read: {error.problem}")
            return None
        except ValueError as error:
            self._mistake(node, loc, f"cannot be read: {error}")
            return None
        return found

    def _mistake(self, node: yaml.Node, loc: Loc, text: str) -> None:
        self.tree.mistakes.append((node.start_mark.line + 1, loc, text))
