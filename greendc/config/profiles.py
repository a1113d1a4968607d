"""Meters with what their profiles say, as if it stood in each of them."""

from collections.abc import Iterator
from typing import Any

from greendc.config.problems import Problem, fail
from greendc.config.tree import Tree
from greendc.config.words import nearest

OWN = frozenset({"id", "profile", "replaced", "tag", "topic"})  # of each meter by itself


def with_profiles(tree: Tree, name: str) -> Any:
    """The data of a file, each meter with those keys of its profile that it does not say itself.

    Raises
    ------
    GreendcError
        If a meter names a profile that there is none of.
    """
    given = tree.data.get("profiles") if isinstance(tree.data, dict) else None
    profiles = given if isinstance(given, dict) else {}
    fail(list(_filled(tree, profiles)), tree, name)
    return tree.data


def _filled(tree: Tree, profiles: dict[Any, Any]) -> Iterator[Problem]:
    """Fill in meters; what is not as it should be is left to the models."""
    for i, site in enumerate(_items(tree.data, "sites")):
        for j, meter in enumerate(_items(site, "meters")):
            named = meter.get("profile") if isinstance(meter, dict) else None
            if not isinstance(named, str):
                continue
            place = ("sites", i, "meters", j)
            if named not in profiles:
                hint = nearest(named, map(str, profiles))
                yield Problem((*place, "profile"), f"there is no profile {named}{hint}")
            elif isinstance(profiles[named], dict):
                tree.shared[place] = named
                del meter["profile"]
                shared = {k: v for k, v in profiles[named].items() if k not in OWN}
                meter.update(shared | meter)


def _items(given: Any, key: str) -> list[Any]:
    found = given.get(key) if isinstance(given, dict) else None
    return found if isinstance(found, list) else []
