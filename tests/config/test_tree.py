"""YAML as data: the same as PyYAML makes of it, with aliases, lines and what is refused."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from greendc.config.tree import _Loader, parse
from greendc.ports import GreendcError

keys = st.sampled_from(["id", "x y", "7", "true", "", "é"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


@given(data=values, flow=st.booleans())
def test_data_are_those_that_pyyaml_makes(data: Any, flow: bool) -> None:
    shared = {"a": data, "b": [data, data]}  # PyYAML writes what it meets again as an alias
    text = yaml.safe_dump(shared, default_flow_style=flow, allow_unicode=True)
    assert parse(text, "x").data == yaml.load(text, _Loader)  # noqa: S506 - a safe loader


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (
            "a: &x [1, &y {b: 2}]\nc: *x\nd: *y",
            {"a": [1, {"b": 2}], "c": [1, {"b": 2}], "d": {"b": 2}},
        ),
        ("a: &x 1\nb: &y [*x, *x]\nc: [*y, *y]", {"a": 1, "b": [1, 1], "c": [[1, 1], [1, 1]]}),
        ("a: &x key\n*x : 1", {"a": "key", "key": 1}),
        ("&x a: 1\nb: *x", {"a": 1, "b": "a"}),
        ("", {}),
        ("# only a remark", {}),
        ("---", None),
        ("--- &x a\n...\n", "a"),
    ],
)
def test_aliases_stand_for_what_they_name(text: str, data: object) -> None:
    tree = parse(text, "x")
    assert (tree.data, tree.mistakes) == (data, [])


def test_lines_are_those_of_keys_and_of_what_an_alias_names() -> None:
    tree = parse("a: &x\n  - 1\n  - b: 2\nc:\n  *x\n", "x")
    assert tree.lines == {
        (): 1,
        ("a",): 1,
        ("a", 0): 2,
        ("a", 1): 3,
        ("a", 1, "b"): 3,
        ("c",): 4,
        ("c", 0): 2,
        ("c", 1): 3,
        ("c", 1, "b"): 3,
    }


def test_what_is_no_key_is_left_with_all_that_it_holds() -> None:
    tree = parse("a: 1\n? &x [1, {b: 2}]\n: [3, *x]\nc: *x\n1.5: 2\n", "x")
    assert tree.data == {"a": 1, "c": [1, {"b": 2}]}
    told = "is no key; put it in quotes"
    assert tree.mistakes == [(2, (), f"None {told}"), (5, (), f"1.5 {told}")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: *x", "2: no YAML: found undefined alias 'x'"),
        ("a: &x 1\nb: &x 2", "2: no YAML: found duplicate anchor 'x'"),
        ("a: &x [&x 2]", "1: no YAML: found duplicate anchor 'x'"),
        ("a: 1\n---\nb: 2", "2: no YAML: but found another document"),
        ("a: [1\nb: 2", "no YAML: did not find expected"),
    ],
)
def test_what_is_no_single_document_is_told(text: str, told: str) -> None:
    with pytest.raises(GreendcError, match=r"^x:") as error:
        parse(text, "x")
    assert told in str(error.value)
