"""`greendc recompute` on a running site, and without one; killed anywhere, it happens once."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.plant import IDLE, SITE, Plant, Publisher, killed, messages
from tests.servers.forked import Command, ran
from tests.servers.support import Mosquitto

BORDER = "2025-03-01T00:05:00Z"
BEFORE, AFTER = 400, 520  # messages: of event time 1000 s and 1300 s
FACTOR = f"class: 0.5, multiplier: [{{value: 1}}, {{from: {BORDER}, value: 10}}]}}"
TENFOLD = SITE.replace("class: 0.5}", FACTOR, 1)
RESTS_ON_IT_A = {"it_a", "e_it", "e_dc", "co2e_location", "ipue", "dcie", "cue_location"}
RESTS_ON_IT_A |= {"ppue_cooling"}


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    with Mosquitto(tmp_path / "broker") as broker, Plant(tmp_path, broker) as started:
        yield started


def recompute(plant: Plant, *options: str) -> "subprocess.CompletedProcess[bytes]":
    return ran(["recompute", "-c", str(plant.config), *options], plant.environment)


def revised(plant: Plant) -> list[dict[str, object]]:
    told = plant.greendc("revisions", "-c", str(plant.config), "--json").splitlines()
    return [json.loads(row) for row in told]


def begun(plant: Plant, kill_at: str = "") -> Command:
    daemon = plant.daemon(kill_at=kill_at)
    plant.wait_until_connected(plant.log.count("connected to") + 1)
    Publisher(plant.broker.port, messages(BEFORE), per_second=2000).start().wait()
    return daemon


def finished(plant: Plant, daemon: Command) -> None:
    """More comes, the input ends; ledger and accounts are what they should be."""
    Publisher(plant.broker.port, messages(AFTER)[BEFORE:], per_second=2000).start().wait()
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(30) == 0, plant.log
    plant.finish()
    exported = plant.exported()
    assert exported == plant.replayed(plant.data / "journal.db")
    plant.greendc("audit", "-c", str(plant.config))
    journal = plant.folder / "fresh.jsonl"
    arguments = ("--journal", "--data", str(plant.data), "-o", str(journal))
    plant.greendc("export", "-c", str(plant.config), *arguments)
    assert exported == plant.replayed(journal, "-c", str(plant.config))
    found = revised(plant)
    assert {row["quantity"] for row in found} == RESTS_ON_IT_A
    assert {row["revision"] for row in found} == {1}
    assert min(str(row["end"]) for row in found) > BORDER
    why = "the configuration was changed for closed time: meters[it_a].multiplier"
    assert {row["why"] for row in found} == {why}


def test_a_factor_of_the_past_on_a_running_site(plant: Plant) -> None:
    """A34: only what is affected is revised, and the command lists it before."""
    daemon = begun(plant)
    assert b"nothing of closed time" in recompute(plant).stderr
    plant.config.write_text(TENFOLD)
    told = recompute(plant, "--dry-run", "--json")
    listed = [json.loads(row) for row in told.stdout.splitlines()]
    assert {row["quantity"] for row in listed} == RESTS_ON_IT_A
    cell = next(row for row in listed if (row["quantity"], row["start"]) == ("it_a", BORDER))
    assert cell["after"]["value"] == pytest.approx(10 * cell["before"]["value"])
    assert recompute(plant).returncode == 2  # nobody said yes
    assert revised(plant) == []
    told = recompute(plant, "--yes")
    assert told.returncode == 0, told.stderr
    assert b"plant.meters[it_a].multiplier" in told.stdout
    assert b"figures that would change: %d" % len(listed) in told.stdout
    assert b"recomputed: %d figures" % len(listed) in told.stderr
    assert len(revised(plant)) == len(listed)
    why = plant.greendc(
        "explain", "it_a", "--at", BORDER, "--period", "cell", "-c", str(plant.config)
    )
    assert b"meters[it_a].multiplier" in why
    finished(plant, daemon)
    assert not list(plant.data.glob("recompute*"))


def test_killed_while_it_recomputes(plant: Plant) -> None:
    daemon = begun(plant, kill_at="recompute_written")
    plant.config.write_text(TENFOLD)
    assert recompute(plant, "--yes").returncode == 2
    assert killed(daemon, 20.0), plant.log
    assert plant.daemon("--until-idle", IDLE).wait(60) == 0, plant.log
    assert plant.exported() == plant.replayed(plant.data / "journal.db")
    assert {row["quantity"] for row in revised(plant)} == RESTS_ON_IT_A
