"""A loaded configuration and what follows from it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from greendc.config import changes, models
from greendc.config.effective import texts
from greendc.config.epochs import Layout
from greendc.config.factors import Content, intensity, vintage
from greendc.config.http import Http
from greendc.config.jobs import Jobs
from greendc.config.log import Log
from greendc.config.problems import fail, problems_of
from greendc.config.routes import routes
from greendc.config.rules import METHODS, problems
from greendc.config.scalars import Timed
from greendc.config.sinks import Sink
from greendc.config.tags import limits, meter_tags, site_tags
from greendc.config.tree import Tree
from greendc.core.facility import EVER, SECOND, Intensity, Site
from greendc.ports import GreendcError, JsonText, Plan
from greendc.snapshots import Limits, MeterTag, SiteTag

JOURNALLED = "configuration in the journal"

Span = tuple[int, int]


class Config:
    """A configuration without mistakes, with the content of the factor files that it uses."""

    def __init__(
        self,
        root: models.Root,
        content: Content,
        file: Path | None = None,
        layouts: Iterable[Layout] = (),
    ) -> None:
        """Take what `load` or `from_effective` has found good; `file` is where it was loaded.

        `layouts` are those of the root's sites, if they have been worked out.
        """
        self._whole: models.Root | None = root
        self._rest = root.model_copy(update={"sites": ()})
        self._layouts = tuple(layouts)
        self.content, self.file = content, file

    def settle(self) -> None:
        """Keep plan, tags and text, and let go of the models that they were made from.

        Of a large site these take more memory than its plan; who asks for them later gets them
        anew from the text.
        """
        self.meter_tags()
        self.site_tags()
        self.figures_hash()
        self._whole, self._layouts = None, ()

    # -- parts --------------------------------------------------------------------------------

    @property
    def root(self) -> models.Root:
        """The whole file."""
        if self._whole is None:
            return validated(_file(self.effective()), None, JOURNALLED)
        return self._whole

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """The sites with their meters' defaults filled in."""
        return self._layouts or tuple(map(Layout, self.sites))

    @property
    def data(self) -> Path:
        """Folder of journal and ledger."""
        return self._rest.data

    @property
    def mqtt(self) -> models.Mqtt:
        """The broker."""
        return self._rest.mqtt

    @property
    def journal(self) -> models.Journal:
        """Limits of the journal."""
        return self._rest.journal

    @property
    def jobs(self) -> Jobs:
        """Calendar jobs."""
        return self._rest.jobs

    @property
    def log(self) -> Log:
        """Messages on standard error."""
        return self._rest.log

    @property
    def http(self) -> Http:
        """Status page, JSON API, /metrics and health."""
        return self._rest.http

    @property
    def sinks(self) -> tuple[Sink, ...]:
        """Where the ledger is copied to."""
        return self._rest.sinks

    @property
    def sites(self) -> tuple[models.Site, ...]:
        """The data centres."""
        return self.root.sites

    @property
    def series_files(self) -> tuple[Path, ...]:
        """The files of intensities beside the configuration's own."""
        folder = self.file.parent if self.file is not None else Path()
        steps = [s for site in self.sites for _, timed in methods(site) for s in timed.steps]
        return tuple(folder / s.value.series for s in steps if s.value.series is not None)

    # -- ready to run -------------------------------------------------------------------------

    def plan(self) -> Plan:
        """Sites, meters and routes, ready to run."""
        return self._plan

    @cached_property
    def _plan(self) -> Plan:
        layouts = self.layouts
        return Plan(
            sites=tuple(map(self._site, layouts)),
            meters=tuple((layout.site.id, name) for layout in layouts for name in layout.meters),
            routes=tuple(
                routes(
                    pair
                    for layout in layouts
                    for pair in zip(layout.meters.values(), layout.ways, strict=True)
                )
            ),
        )

    def meter_tags(self) -> tuple[MeterTag, ...]:
        """What people are told of each meter, in the order of the plan's."""
        return self._meter_tags

    @cached_property
    def _meter_tags(self) -> tuple[MeterTag, ...]:
        return tuple(meter_tags(self.layouts))

    def site_tags(self) -> tuple[SiteTag, ...]:
        """What people and alerts are told of each site."""
        return self._site_tags

    @cached_property
    def _site_tags(self) -> tuple[SiteTag, ...]:
        return tuple(site_tags(self.plan().sites, self.sites))

    def limits(self) -> Limits:
        """What alerts compare the daemon's own health with."""
        return limits(self._rest.limits)

    def _site(self, layout: Layout) -> Site:
        site = layout.site
        return Site(
            id=site.id,
            name=site.name or site.id,
            zone=site.zone,
            lateness=site.lateness,
            horizon=site.horizon,
            grid_limit=layout.limit,
            meters=tuple(layout.meters),
            epochs=layout.epochs(),
            intensity=dict(self._intensities(site)),
        )

    def _intensities(self, site: models.Site) -> Iterator[tuple[str, Intensity]]:
        for method, timed in methods(site):
            yield method, intensity(timed, self.content)

    # -- in the journal -----------------------------------------------------------------------

    def effective(self) -> dict[str, Any]:
        """Everything that holds, defaults and factor content included, without secrets."""
        told: dict[str, Any] = json.loads(self.body())
        return told

    def body(self) -> bytes:
        """The effective configuration as JSON, always in the same order."""
        return self._texts[0]

    @cached_property
    def _texts(self) -> tuple[bytes, str]:
        """Body and hash."""
        said = [layout.said for layout in self.layouts]
        return texts(self.root, said, self.content.plain())

    def holds(self, effective: Mapping[str, Any]) -> bool:
        """Whether an effective configuration is this one."""
        if isinstance(effective, JsonText):
            return effective.text == self.body()
        return json.dumps(effective, sort_keys=True, ensure_ascii=False).encode() == self.body()

    def figures_hash(self) -> str:
        """SHA-256 of everything that can change a figure."""
        return self._texts[1]

    @classmethod
    def from_effective(cls, effective: Mapping[str, Any]) -> "Config":
        """Load what `effective` gave; needs no file.

        Raises
        ------
        GreendcError
            If it is no configuration for this version of greendc.
        """
        root = validated(_file(effective), None, JOURNALLED)
        layouts = tuple(map(Layout, root.sites))
        fail(problems(root, layouts, None), None, JOURNALLED)
        try:
            config = cls(root, Content.of(effective.get("content")), None, layouts)
            config.plan()
        except (LookupError, ValueError, OverflowError) as error:
            raise GreendcError(f"{JOURNALLED}: content: {error}") from error
        return config

    @classmethod
    def from_body(cls, body: bytes) -> "Config":
        """Load what `body` gave.

        Raises
        ------
        GreendcError
            As `from_effective`.
        """
        return cls.from_effective(json.loads(body))

    @staticmethod
    def subscribed(body: bytes) -> set[str]:
        """Topic filters that a daemon may have subscribed by what `body` gave."""
        return changes.subscribed(json.loads(body))

    # -- vintage ------------------------------------------------------------------------------

    def warnings(self, span: Span | None) -> list[str]:
        """What a reader of the figures should know: factors of another year than the figures'.

        Parameters
        ----------
        span
            First and last instant of the figures; None where there are none. [ns]
        """
        found = [
            f"{site.id}: emissions.{method}: factor of {year} ({source}) used for {used}"
            for site in self.sites
            for method, _ in methods(site)
            for year, source, used in self._mismatches(site, method, span)
        ]
        return list(dict.fromkeys(found))

    def _mismatches(
        self, site: models.Site, method: str, span: Span | None
    ) -> Iterator[tuple[int, str, str]]:
        timed = dict(methods(site)).get(method)
        if timed is None or span is None:
            return
        ends = [*[step.start for step in timed.steps[1:]], EVER]
        for step, end in zip(timed.steps, ends, strict=True):
            year, source = vintage(step.value, self.content)
            lo, hi = max(step.start, span[0]), min(end, span[1])
            if year is not None and lo < hi:
                used = [y for y in _years(lo, hi, site.zone) if y != year]
                if used:
                    yield year, source, ", ".join(str(y) for y in used)


def _file(effective: Mapping[str, Any]) -> dict[str, Any]:
    """What a file would say: without the content of others."""
    return {key: value for key, value in effective.items() if key != "content"}


def methods(site: models.Site) -> Iterator[tuple[str, Timed[models.Factor]]]:
    """Accounting methods for which a site has factors."""
    for method in METHODS:
        timed: Timed[models.Factor] | None = getattr(site.emissions, method)
        if timed is not None:
            yield method, timed


def _years(lo: int, hi: int, zone: str) -> range:
    place = ZoneInfo(zone)
    first, last = (datetime.fromtimestamp(t // SECOND, place).year for t in (lo, hi - 1))
    return range(first, last + 1)


def validated(data: Any, tree: Tree | None, name: str) -> models.Root:
    """The models of plain data, or all mistakes in it as one error.

    Raises
    ------
    GreendcError
        A line for every mistake.
    """
    try:
        return models.Root.model_validate(data)
    except ValidationError as error:
        fail(problems_of(error, models.Root), tree, name)
        raise
