"""The effective configuration as text; what meters say alike is worked out once.

The texts are those that `json.dumps` gives of everything, keys sorted.
"""

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greendc.config import models
from greendc.config.changes import LABELS
from greendc.config.meters import NAMES
from greendc.config.scalars import Model

_PLAIN, _LISTED = ("id", "rack", "room", "topic"), ("fed_by", "tag")  # `NAMES`: texts, and others
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

    def listing(self, texts: Iterable[str]) -> str:
        """A list of values that are texts."""
        return f"[{self.comma.join(texts)}]"

    def pattern(self, told: Mapping[str, Any]) -> str:
        """A meter as a format string, with a place for each of its names."""
        texts = {key: self.value(value).replace("%", "%%") for key, value in told.items()}
        return self.mapping(texts | {key: f"%({key})s" for key in NAMES if key in told})


_WHOLE = _Form(", ", ": ")
_FIGURES = _Form(",", ":", LABELS)


def texts(
    root: models.Root, said: Sequence[Sequence[Hashable]], content: Mapping[str, Any]
) -> tuple[str, str]:
    """Everything that holds, and what of it can change a figure.

    `said` is what each site's meters say but for their names; `content` that of factor files.
    """
    sites = {"sites": {"__all__": {"meters"}}}
    told = _dump(root, exclude=sites) | {"content": content}
    meters = [_meters(site.meters, what) for site, what in zip(root.sites, said, strict=True)]
    whole = _values(_WHOLE, told) | {"sites": _sites(_WHOLE, told["sites"], [w for w, _ in meters])}
    figures = {
        "content": _FIGURES.value(content),
        "sites": _sites(_FIGURES, told["sites"], [f for _, f in meters]),
    }
    return _WHOLE.mapping(whole), _FIGURES.mapping(figures)


def _sites(form: _Form, told: Sequence[Mapping[str, Any]], meters: Sequence[Iterable[str]]) -> str:
    return form.listing(
        form.mapping(_values(form, site) | {"meters": form.listing(own)})
        for site, own in zip(told, meters, strict=True)
    )


def _meters(
    meters: Iterable[models.Meter], said: Iterable[Hashable]
) -> tuple[Sequence[str], Sequence[str]]:
    """Each meter in both forms."""
    pairs = list(_pairs(meters, said))
    return [whole for whole, _ in pairs], [figures for _, figures in pairs]


def _pairs(meters: Iterable[models.Meter], said: Iterable[Hashable]) -> Iterator[tuple[str, str]]:
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
        yield whole % (plain | _values(_WHOLE, told)), figures % (plain | _values(_FIGURES, told))


def _values(form: _Form, told: Mapping[str, Any]) -> dict[str, str]:
    return {key: form.value(value) for key, value in told.items()}


def _dump(model: Model, **which: Any) -> dict[str, Any]:
    told: dict[str, Any]
    told = model.model_dump(mode="json", by_alias=True, exclude_none=True, **which)
    return told
