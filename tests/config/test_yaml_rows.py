"""Rows are read as the parser would read them, or left to it."""

from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from greendc.config.tree import _built, _parsed, _TooMuchError, parse
from greendc.config.yaml_rows import FEWEST, Cut, cut
from greendc.ports import GreendcError

SIGNS = " -{}[],:#&*!|>'\"%@`?=~\\\t\n\r.+/_aé٣0\u2028\x85"
plain = st.one_of(
    st.sampled_from(["id", "no", "on", "null", "1", "-5", "1e3", "0o7", "1_000", "0b1", "-.inf"]),
    st.sampled_from(
        [".inf", ".nan", "a-b", "a/b", "é", "2025-03-01", "hall 1", "a - b", "a --- b", "..."]
    ),
    st.from_regex(r"[\w.][\w./+-]{0,6}", fullmatch=True),
)
odd = st.sampled_from(["1:30", "a #b", "- a", "-", "<<", "=", "~", "0x", "'a'", "a, b", "[a"])
keys = st.sampled_from(["id", "unit", "value"]) | plain
pairs = st.dictionaries(keys, plain, min_size=1, max_size=3)
rows = st.lists(pairs, min_size=1, max_size=3).map(lambda few: few * FEWEST)
odd_rows = st.lists(st.dictionaries(keys, odd, min_size=1, max_size=2), max_size=1)
heads = st.sampled_from(
    ["", "a:\n", "a: &x\n", "a: |\n", "a: text\n", "a: [\n", "a: '\n", "- ", "- b\n", "a:\n - b:\n"]
)
tails = st.sampled_from(
    ["", "b: 1\n", " c: 2\n", "- d\n", "b: *x\n", "]\n", "'\n", "...\n", "   e"]
)


def line(indent: int, row: dict[str, str]) -> str:
    return " " * indent + "- {" + ", ".join(f"{key}: {value}" for key, value in row.items()) + "}\n"


def found(text: str, *, whole: bool) -> Any:
    """What is made of a text, as a whole or with its rows as lines."""
    try:
        tree = _built(Cut(text)) if whole else _parsed(text)
    except (yaml.YAMLError, _TooMuchError) as error:
        return str(error)
    assert tree.text == text
    return repr(tree.data), tree.mistakes


@given(
    head=heads,
    items=st.tuples(rows, odd_rows, rows | st.just([])).map(
        lambda all_: [*all_[0], *all_[1], *all_[2]]
    ),
    indent=st.sampled_from([0, 1, 2, 4]),
    tail=tails,
    changes=st.lists(st.tuples(st.integers(0, 400), st.sampled_from(SIGNS)), max_size=2),
)
@example(head="a: |\n", items=[{"b": "c"}] * FEWEST, indent=1, tail="", changes=[])
@example(head="a: &x\n", items=[{"b": "c"}] * FEWEST, indent=1, tail="b: *x\n", changes=[])
@example(head="a:\n", items=[{"b": "0x"}] * FEWEST, indent=1, tail="", changes=[])
@example(head="a:\n", items=[*[{"b": "c"}] * FEWEST, {"on": "c"}], indent=1, tail="", changes=[])
def test_rows_are_what_the_parser_makes_of_them(
    head: str, items: list[dict[str, str]], indent: int, tail: str, changes: list[tuple[int, str]]
) -> None:
    text = head + "".join(line(indent, row) for row in items) + tail
    for place, sign in changes:
        at = place % (len(text) + 1)
        text = text[:at] + sign + text[at:]
    assert found(text, whole=False) == found(text, whole=True)


def test_lines_of_plain_pairs_are_taken_out() -> None:
    rows = "".join(f"  - {{id: m{i}, unit: W, room: hall {i % 2}, x: -5}}\n" for i in range(FEWEST))
    text = f"a: 1\nb:\n{rows}  - {{id: 'x'}}\nc: 2\n"
    short = cut(text)
    assert short.text.count("\n") == 5
    assert list(short.rows) == [2]
    data = parse(text, "x").data
    assert data["b"][FEWEST - 1] == {"id": "m7", "unit": "W", "room": "hall 1", "x": -5}
    assert data["b"][FEWEST] == {"id": "x"}
    assert data["c"] == 2


def test_a_mistake_behind_rows_has_its_line() -> None:
    rows = "- {id: a}\n" * FEWEST
    tree = parse(f"{rows}- {{id: b, id: c}}\n", "x")
    assert tree.mistakes == [(FEWEST + 1, (FEWEST, "id"), "the key is there twice")]
    assert tree.lines[FEWEST - 1, "id"] == FEWEST
    with pytest.raises(GreendcError, match=f"^x:{FEWEST + 2}: no YAML"):
        parse(f"{rows}- {{id: b\n", "x")
