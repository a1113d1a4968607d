"""A scenario: simulated sites, how they are metered, and what goes wrong when."""

from pathlib import Path

from pydantic import ValidationError

from greendc.config.problems import fail, problems_of
from greendc.config.tree import parse
from greendc.ports import GreendcError
from greendc.simulate.checks import problems
from greendc.simulate.models import Scenario, Site
from greendc.simulate.topology import SHIPPED

__all__ = ["Scenario", "Site", "load"]


def load(path: Path) -> Scenario:
    """Load a scenario.

    Raises
    ------
    GreendcError
        If the file cannot be read or is not good: a line for every mistake, with file, line and
        key.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise GreendcError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise GreendcError(f"{path}: cannot be read: {error}") from error
    tree = parse(text, str(path))
    try:
        scenario = Scenario.model_validate(tree.data)
    except ValidationError as error:
        fail(problems_of(error, Scenario), tree, str(path))
        raise
    fail(problems(scenario), tree, str(path))
    return scenario.model_copy(
        update={"sites": tuple(_placed(site, Path(path).parent) for site in scenario.sites)}
    )


def _placed(site: Site, folder: Path) -> Site:
    """The same with its weather file under a folder."""
    if site.weather.epw is None or site.weather.epw in SHIPPED:
        return site
    weather = site.weather.model_copy(update={"epw": str(folder / site.weather.epw)})
    return site.model_copy(update={"weather": weather})
