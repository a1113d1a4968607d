"""Differences of configurations: each key, none of the secrets' kind of surprise."""

from greendc.daemon.differences import LONGEST, differences


def test_items_are_told_by_name_whatever_their_order() -> None:
    old = {"meters": [{"id": "a", "unit": "kW"}, {"id": "b", "unit": "W"}]}
    new = {"meters": [{"id": "b", "unit": "W"}, {"id": "a", "unit": "MW", "rack": "r1"}]}
    assert differences(old, new) == ['~ meters[a].unit: "kW" -> "MW"', '+ meters[a].rack: "r1"']
    assert differences(old, {"meters": list(reversed(old["meters"]))}) == []


def test_lists_without_names_are_values() -> None:
    assert differences({"range": [0, 1]}, {"range": [0, 2]}) == ["~ range: [0, 1] -> [0, 2]"]
    twice = [{"id": "a"}, {"id": "a"}]
    assert differences({"m": twice}, {"m": []})[0].startswith("~ m: [")


def test_long_values_are_cut_and_series_not_shown() -> None:
    (line,) = differences({"name": "x"}, {"name": "y" * 500})
    assert len(line) < 2 * LONGEST
    (line,) = differences({"file": f"/{'a' * 90}/old.csv"}, {"file": f"/{'a' * 90}/new.csv"})
    assert "/old.csv" in line
    assert "/new.csv" in line
    old, new = {"content": {"series": [[1]]}}, {"content": {"series": [[2]]}}
    assert differences(old, new) == ["~ content: emission factors of tables or series"]
