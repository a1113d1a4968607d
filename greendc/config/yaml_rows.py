"""Items that a YAML text holds line under line, read as lines.

Large configurations list meters as `- {id: a, point: util}`, each on a line of its own and as far
in as the one before. Where the parser finds such an item in the first of these lines, it would
find one in each of them: they are taken out before it reads the text, which costs a tenth.
Only what means the same wherever it stands is taken for such a line: no quotes, anchors, tags or
remarks, no text that goes on in another line. All else, and all mistakes, are left to the parser.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from greendc.config.yaml_events import Event

FEWEST = 8  # lines that are worth it

_VALUE = r"-?[\w./][\w./+-]*+(?: [\w./+-]++)*+"
_PAIR = rf"\w{{1,99}}+: {_VALUE}"
_ITEM = rf"- \{{{_PAIR}(?:, {_PAIR})*+\}}\n"
_BETWEEN = re.compile(r"\{(.*)\}")
_ROWS = re.compile(
    rf"^(?P<indent> *+){_ITEM}(?:(?P=indent){_ITEM}){{{FEWEST - 1},}}+", re.MULTILINE
)


class IrregularError(Exception):
    """Rows are not what they seem: the text has to be read as a whole."""


@dataclass(slots=True)
class Rows:
    """What was taken out of a text behind a line, and how far in its item begins."""

    text: str
    start: int
    end: int
    column: int
    met: bool = False  # whether the parser has come to the line

    def read(self, plain: Mapping[str, Any]) -> Iterator[dict[str | int, Any]]:
        """The items; `plain` gives what each text stands for.

        Raises
        ------
        IrregularError
            If a key is no text, or is there twice.
        """
        good: tuple[str, ...] = ()
        for item in _BETWEEN.finditer(self.text, self.start, self.end):
            texts = item[1].replace(": ", ", ").split(", ")
            keys = tuple(texts[::2])
            if keys != good:
                if len(set(keys)) < len(keys) or any(plain[key] != key for key in keys):
                    raise IrregularError
                good = keys
            yield dict(zip(good, map(plain.__getitem__, texts[1::2]), strict=True))


@dataclass(slots=True)
class Cut:
    """A text without its rows but for the first of each; these by their line, counted from 0."""

    text: str
    rows: dict[int, Rows] = field(default_factory=dict)

    def behind(self, event: Event) -> Rows | None:
        """The rows that follow the one whose item an event begins, if it is one."""
        rows = self.rows.get(event.start_mark.line)
        if rows is None or rows.column != event.start_mark.column:
            return None
        rows.met = True
        return rows

    def all_met(self) -> bool:
        """Whether the parser has found them all to be items."""
        return all(rows.met for rows in self.rows.values())


def cut(text: str) -> Cut:
    r"""Take rows out of a text.

    >>> found = cut("- {id: a}\n" * 9)
    >>> found.text
    '- {id: a}\n'
    >>> len(list(found.rows[0].read({"id": "id", "a": "a"})))
    8
    """
    out, pieces, done, line = Cut(text), list[str](), 0, 0
    for found in _ROWS.finditer(text):
        second = text.index("\n", found.start()) + 1
        line += text.count("\n", done, found.start())
        out.rows[line] = Rows(text, second, found.end(), len(found["indent"]) + 2)
        pieces.append(text[done:second])
        done, line = found.end(), line + 1
    out.text = "".join([*pieces, text[done:]])
    return out
