"""The effective configuration as text; what meters say alike is worked out once.

The texts are those that `json.dumps` gives of everything, with keys sorted.
"""

import hashlib
import json
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greendc.config import models
from greendc.config.changes import LABELS
from greendc.config.meters import NAMES
from greendc.config.scalars import Model

_PLAIN, _LISTED = ("id", "rack", "room", "topic"), ("fed_by", "tag")  # `NAMES`: texts, and others
_HERE = "\0"  # JSON has no such character, in texts neither
_encoded = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class _Form:
    """How JSON is written, and which keys are left out."""

    comma: str
    colon: str
    without: Sequence[str] = ()

    def value(self, given: Any) -> str:
        """Any value as text."""
        separators = self.comma, self.colon
        kept = self._kept(given) if self.without else given
        return json.dumps(kept, sort_keys=True, separators=separators, ensure_ascii=False)

    def _kept(self, given: Any) -> Any:
        if isinstance(given, dict):
            return {k: self._kept(v) for k, v in given.items() if k not in self.without}
        return [self._kept(item) for item in given] if isinstance(given, list) else given

    def mapping(self, texts: Mapping[str, str]) -> str:
        """A mapping of keys to values that are texts."""
        pairs = (
            f"{json.dumps(key, ensure_ascii=False)}{self.colon}{texts[key]}"
            for key in sorted(texts)
            if key not in self.without
        )
        return f"{{{self.comma.join(pairs)}}}"

    def values(self, told: Mapping[str, Any]) -> dict[str, str]:
        """Each value as text."""
        return {key: self.value(value) for key, value in told.items()}

    def around(self, sites: Iterable[Mapping[str, Any]], told: Mapping[str, Any]) -> list[str]:
        """What stands before, between and behind the meters of sites; `told` is what else holds."""
        texts = [self.mapping(self.values(site) | {"meters": f"[{_HERE}]"}) for site in sites]
        listed = {"sites": f"[{self.comma.join(texts)}]"}
        return self.mapping(self.values(told) | listed).split(_HERE)

    def pattern(self, told: Mapping[str, Any]) -> str:
        """A meter as a format string, with a place for each of its names."""
        texts = {key: self.value(value).replace("%", "%%") for key, value in told.items()}
        return self.mapping(texts | {key: f"%({key})s" for key in NAMES if key in told})


_WHOLE = _Form(", ", ": ")
_FIGURES = _Form(",", ":", LABELS)


def texts(
    root: models.Root, said: Sequence[Sequence[Hashable]], content: Mapping[str, Any]
) -> tuple[bytes, str]:
    """Everything that holds, and the SHA-256 of what of it can change a figure.

    `said` is what each site's meters say but for their names; `content` that of factor files.
    """
    whole, digest = list[str](), hashlib.sha256()
    for piece, figures in _pieces(root, said, content):
        whole.append(piece)
        digest.update(figures.encode())
    return "".join(whole).encode(), digest.hexdigest()


def _pieces(
    root: models.Root, said: Sequence[Sequence[Hashable]], content: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Both texts from their beginning to their end."""
    told = _dump(root, exclude={"sites": {"__all__": {"meters"}}})
    sites = told.pop("sites")
    around = zip(
        _WHOLE.around(sites, told | {"content": content}),
        _FIGURES.around(sites, {"content": content}),
        strict=True,
    )
    commas = _WHOLE.comma, _FIGURES.comma
    for site, own in zip(root.sites, said, strict=True):
        yield next(around)
        for place, pair in enumerate(_meters(site.meters, own)):
            if place:
                yield commas
            yield pair
    yield next(around)


def _meters(meters: Iterable[models.Meter], said: Iterable[Hashable]) -> Iterator[tuple[str, str]]:
    """Each meter in both forms."""
    known: dict[Hashable, tuple[str, str]] = {}
    for meter, what in zip(meters, said, strict=True):
        values = vars(meter)
        plain = {key: _encoded(given) for key in _PLAIN if (given := values[key]) is not None}
        listed = [key for key in _LISTED if values[key] is not None]
        alike = (what, *plain, *listed)
        if alike not in known:
            told = _dump(meter)
            known[alike] = _WHOLE.pattern(told), _FIGURES.pattern(told)
        whole, figures = known[alike]
        if not listed:
            yield whole % plain, figures % plain
            continue
        told = _dump(meter, include=set(listed))
        yield whole % (plain | _WHOLE.values(told)), figures % (plain | _FIGURES.values(told))


def _dump(model: Model, **which: Any) -> dict[str, Any]:
    told: dict[str, Any]
    told = model.model_dump(mode="json", by_alias=True, exclude_none=True, **which)
    return told
