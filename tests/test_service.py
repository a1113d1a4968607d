"""The systemd unit: no word that systemd does not know, and as little exposed as it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.support import PROJECT, program

UNIT = PROJECT / "config" / "systemd" / "greendc.service"
SERVERS = PROJECT / ".servers" / "root"
UNITS = [f"{root}{place}" for root in (SERVERS, "") for place in ("/lib", "/usr/lib")]


def analyze(*arguments: str, units: Path | None = None) -> "subprocess.CompletedProcess[str]":
    path = ":".join([str(units), *(f"{place}/systemd/system" for place in UNITS)])
    return subprocess.run(
        [program("systemd-analyze"), "--no-pager", *arguments],
        env={**os.environ, "SYSTEMD_UNIT_PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def verified(folder: Path, text: str) -> str:
    """What systemd says against a unit, with a command that exists here."""
    unit = folder / UNIT.name
    here = str(Path(sys.executable).with_name("greendc"))
    unit.write_text(text.replace("/opt/greendc/bin/greendc", here))
    done = analyze("verify", "--man=no", str(unit), units=folder)
    return "\n".join(line for line in done.stderr.splitlines() if UNIT.name in line)


def test_systemd_knows_every_word_of_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text()
    assert verified(tmp_path, text) == ""
    assert "ProtectEverything" in verified(
        tmp_path, text.replace("ProtectSystem", "ProtectEverything")
    )
    assert "not executable" in verified(
        tmp_path, text.replace("ExecStart=/opt", "ExecStart=/nowhere")
    )


def test_the_unit_is_as_little_exposed_as_it_says() -> None:
    stated = re.search(r"1\.\d OK", UNIT.read_text())
    assert stated is not None
    good = analyze("security", "--offline=true", "--threshold=20", str(UNIT))
    assert good.returncode == 0, good.stdout
    version = analyze("--version").stdout.split()[1]
    if version == "252":  # other versions ask other questions
        assert f"exposure level for greendc.service: {stated[0]}" in good.stdout
    assert analyze("security", "--offline=true", "--threshold=5", str(UNIT)).returncode != 0


@pytest.mark.parametrize(
    "line", ["Type=notify", "NotifyAccess=main", "RestartPreventExitStatus=2", "DynamicUser=yes"]
)
def test_what_the_daemon_relies_on(line: str) -> None:
    assert line in UNIT.read_text().splitlines()
