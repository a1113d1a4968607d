"""From a file to a configuration."""

import os
import re
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from greendc.config import models
from greendc.config.config import Config, methods, validated
from greendc.config.epochs import Layout
from greendc.config.factors import Content, used_by
from greendc.config.problems import fail
from greendc.config.profiles import with_profiles
from greendc.config.rules import problems
from greendc.config.secrets import environment_secrets, filed_secrets, written_secrets
from greendc.config.sinks import Sink
from greendc.config.tls import Tls
from greendc.config.tree import parse
from greendc.masking import masked
from greendc.ports import GreendcError

LARGEST = 32 * 2**20  # characters; ten thousand meters take two million
OVERRIDES = {
    "GREENDC_DATA": ("data",),
    "GREENDC_MQTT_HOST": ("mqtt", "host"),
    "GREENDC_MQTT_PORT": ("mqtt", "port"),
    "GREENDC_MQTT_CLIENT_ID": ("mqtt", "client_id"),
    "GREENDC_MQTT_USERNAME": ("mqtt", "username"),
    "GREENDC_HTTP_PORT": ("http", "port"),
}
_PORT = re.compile(r"[0-9]{1,5}")
M = TypeVar("M", bound=BaseModel)


def load(path: Path) -> Config:
    """Load a configuration file, the environment's overrides applied.

    Raises
    ------
    GreendcError
        If the file cannot be read or is not good: a line for every mistake, with
        file, line and key.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise GreendcError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise GreendcError(f"{path}: cannot be read: {error}") from error
    if len(text) > LARGEST:
        raise GreendcError(f"{path}: holds more than {LARGEST >> 20} MiB, which no site needs")
    masked.hide(environment_secrets() | written_secrets(text))
    name, tree = str(path), parse(text, str(path))
    if isinstance(tree.data, dict):
        _override(tree.data)
    root = validated(with_profiles(tree, name), tree, name)
    layouts = tuple(map(Layout, root.sites))
    fail(problems(root, layouts, path.parent), tree, name)
    placed = _placed(root, path.parent)
    masked.hide(filed_secrets(placed))
    return Config(placed, _content(root, path.parent), path.absolute(), layouts)


def broker() -> models.Mqtt:
    """The broker that the environment names, for who has no configuration.

    Raises
    ------
    GreendcError
        If the environment holds no good address.
    """
    data: dict[str, Any] = {"mqtt": {}}
    _override(data)
    masked.hide(environment_secrets())
    try:
        return models.Mqtt.model_validate(data["mqtt"])
    except ValidationError as error:
        raise GreendcError(f"GREENDC_MQTT_…: {error.errors()[0]['msg']}") from error


def _override(data: dict[str, Any]) -> None:
    for name, keys in OVERRIDES.items():
        if name not in os.environ:
            continue
        text = os.environ[name]
        given: str | int = text
        if keys[-1] == "port":
            if not _PORT.fullmatch(text) or int(text) > 65535:
                raise GreendcError(f"{name}: must be a port number, not {text!r}")
            given = int(text)
        if keys == ("data",):
            given = str(Path(os.environ[name]).absolute())
        _set(data, keys, given)


def _set(data: dict[str, Any], keys: tuple[str, ...], given: str | int) -> None:
    for key in keys[:-1]:
        inner: Any = data.setdefault(key, {})
        if not isinstance(inner, dict):  # the models will say so
            return
        data = inner
    data[keys[-1]] = given


def _placed(root: models.Root, folder: Path) -> models.Root:
    """The same with every file under the configuration's folder."""
    mqtt = _moved(root.mqtt, folder, ("password_file",))
    if root.mqtt.tls is not None:
        tls = _moved(root.mqtt.tls, folder, ("ca", "cert", "key_"))
        mqtt = mqtt.model_copy(update={"tls": tls})
    http = _moved(root.http, folder, ("token_file",))
    if root.http.tls is not None:
        pair = _moved(root.http.tls, folder, ("cert", "key_"))
        http = http.model_copy(update={"tls": pair})
    data = (folder / root.data).absolute()
    sinks = tuple(_placed_sink(sink, folder) for sink in root.sinks)
    jobs = root.jobs
    if jobs.backup is not None:
        jobs = jobs.model_copy(update={"backup": _moved(jobs.backup, folder, ("folder",))})
    placed = {"data": data, "sinks": sinks, "mqtt": mqtt, "http": http, "jobs": jobs}
    placed["profiles"] = None  # meters have what they say
    return root.model_copy(update=placed)


def _placed_sink(sink: Sink, folder: Path) -> Sink:
    """The same with its secrets and certificates under a folder; a file it writes is elsewhere."""
    secrets = [key for key in ("token_file", "password_file") if hasattr(sink, key)]
    moved = _moved(sink, folder, tuple(secrets))
    tls: Tls | None = getattr(sink, "tls", None)
    if tls is None:
        return moved
    return moved.model_copy(update={"tls": _moved(tls, folder, ("ca", "cert", "key_"))})


def _moved(model: M, folder: Path, keys: tuple[str, ...]) -> M:
    paths = {key: getattr(model, key) for key in keys}
    moved = {key: (folder / path).absolute() for key, path in paths.items() if path is not None}
    return model.model_copy(update=moved)


def _content(root: models.Root, folder: Path) -> Content:
    found = [
        used_by(step.value, folder)
        for site in root.sites
        for _, timed in methods(site)
        for step in timed.steps
    ]
    return Content(
        {key: row for part in found for key, row in part.rows.items()},
        {key: series for part in found for key, series in part.series.items()},
    )
