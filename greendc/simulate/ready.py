"""The ready-made sites that come with greendc."""

from pathlib import Path

from greendc.config.words import nearest
from greendc.ports import GreendcError
from greendc.simulate.scenario import Scenario, load

FOLDER = Path(__file__).parent / "sites"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def path_of(name: str) -> Path:
    """The file of a ready-made site.

    Raises
    ------
    GreendcError
        If there is no such site.
    """
    if name not in NAMES:
        known = ", ".join(NAMES)
        raise GreendcError(f"{name}: no ready-made site ({known}){nearest(name, NAMES)}")
    return FOLDER / f"{name}.yaml"


def scenario(name: str) -> Scenario:
    """A ready-made scenario.

    >>> print(*NAMES)
    cold-region colocation dc400 edge-room fleet
    >>> [site.id for site in scenario("fleet").sites]
    ['city', 'cold']
    """
    return load(path_of(name))
