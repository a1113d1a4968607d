"""What goes wrong at first is told with what it is, where, and what to do."""

import argparse
import socket
from pathlib import Path

import pytest

from greendc.cli import COMMANDS
from tests.small import Small, small_site

BROKER = "mqtt: {host: 127.0.0.1, username: me, "
SHARE = "share: 0.05"


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Small:
    return small_site(tmp_path, capsys, minutes=10)


def with_text(site: Small, old: str, new: str) -> Small:
    text = site.config.read_text()
    assert old in text
    site.config.write_text(text.replace(old, new))
    return site


@pytest.mark.parametrize("name", COMMANDS)
def test_all_that_a_command_takes_is_explained(name: str) -> None:
    parser = argparse.ArgumentParser()
    COMMANDS[name][1](parser)
    given = parser._actions
    assert len(given) > 1
    assert [action.dest for action in given if not action.help] == []


@pytest.mark.parametrize(
    ("key", "file"),
    [("password_file: ", "password"), ("tls: {ca: ", "ca.pem"), ("tls: {cert: ", "client.pem")],
)
def test_check_looks_for_the_files_that_the_broker_asks_for(
    site: Small, key: str, file: str
) -> None:
    closed = "}}" if "{" in key else "}"
    with_text(site, "data: data\n", f"data: data\n{BROKER}{key}{file}{closed}\n")
    code, _, err = site.tried("check", site.config)
    assert code == 0  # they may be on the machine that the site file is for
    assert err.startswith(
        f"warning: mqtt.{key.replace(': {', '.').rstrip(': ')}: {site.folder / file}"
    )
    assert err.endswith("No such file or directory\n")
    assert "Errno" not in err


@pytest.mark.parametrize(
    "command",
    [
        ("simulate", "edge-room", "--span", "1h"),
        ("record", "-c", "site.yaml"),
        ("export", "-c", "site.yaml", "--data", "kept", "--journal"),
    ],
    ids=lambda command: command[0],
)
def test_a_log_takes_the_place_of_nothing_else(
    site: Small, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site.folder)
    (site.folder / "other.yaml").touch()
    for name, there in (("other.yaml", True), ("new.csv", False)):
        refused = site.refused(*command, "-o", name)
        assert refused == (
            f"{name}: no name of a log: write one of LOG.jsonl, LOG.jsonl.gz, LOG.jsonl.zst\n"
        )
        assert (site.folder / name).exists() == there


def test_a_log_of_other_topics_says_how_they_look(site: Small) -> None:
    with_text(site, "dc/{meter}/power", "hall/{meter}/power")
    code, _, err = site.tried("replay", site.log, "-c", site.config)
    assert code == 1
    assert "problem: no reading of any meter was found\n" in err
    assert (
        "problem: the log's topics, such as dc/util/power, lead to no meter: see topics and meters "
        "of the site file\n"
    ) in err


def test_a_data_folder_that_is_a_file(site: Small) -> None:
    with_text(site, "data: data\n", "data: log.jsonl\n")
    refused = site.refused("replay", site.log, "-c", site.config, "--into-store", "--yes")
    assert refused == f"{site.log}: is no folder; greendc needs one for its data\n"


def test_a_data_folder_that_cannot_be_made(site: Small) -> None:
    with_text(site, "data: data\n", "data: /proc/greendc\n")
    refused = site.refused("replay", site.log, "-c", site.config, "--into-store", "--yes")
    told = "/proc/greendc: cannot be made for greendc's data: No such file or directory\n"
    assert refused == told


def test_where_nothing_was_read_nothing_is_closed(site: Small) -> None:
    at = ("--at", "2025-03-01T00:00:00Z")
    refused = site.refused("close", "small", "-c", site.config, *at)
    assert (
        refused == f"{site.folder / 'data'}: nothing has been read here yet that could be closed\n"
    )
    assert not (site.folder / "data").exists()


def test_a_folder_that_is_no_backup(site: Small) -> None:
    refused = site.refused("restore", "-c", site.config, site.folder)
    told = f"{site.folder}: no backup of greendc: backup.json: No such file or directory\n"
    assert refused == told


def test_a_simulated_site_without_a_broker(site: Small) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens, and nobody else can
        port = taken.getsockname()[1]
        broker = f"data: data\nmqtt: {{host: 127.0.0.1, port: {port}}}\n"
        with_text(site, "data: data\n", broker)
        refused = site.refused("simulate", "edge-room", "--span", "1h", "-c", site.config)
    assert refused == f"mqtt://127.0.0.1:{port}: no broker there: Connection refused\n"


@pytest.mark.parametrize(("share", "told"), [("5", True), ("1", False)])
def test_a_share_in_percent_is_remarked(site: Small, share: str, told: bool) -> None:
    text = with_text(site, SHARE, f"share: {share}").run("check", site.config)
    assert ("5.0 x it is more than all of it: of 5 % the share is 0.05" in text) == told
